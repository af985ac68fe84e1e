"""Debian's packages: what is missing, and how it comes."""

import os
import shutil
import subprocess

from .facts import Failure


def need(packages: list[str]) -> None:
    """Installs those packages that are not there. Fails with the line to type where that cannot be done from here."""
    missing = [package for package in packages if not is_there(package)]
    if not missing:
        return
    line = f"apt-get install --no-install-recommends {' '.join(missing)}"
    apt = shutil.which("apt-get")
    if not apt:
        raise Failure(f"missing: {', '.join(missing)}; on Debian they come by: {line}")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and subprocess.run([*sudo, "true"], capture_output=True).returncode != 0:
        raise Failure(f"missing, and only root may install them: {line}")
    print(f"installing {' '.join(missing)}", flush=True)
    quiet = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", apt, "-q", "-y"]
    subprocess.run([*quiet, "update"], check=False, stdout=subprocess.DEVNULL)
    done = subprocess.run([*quiet, "install", "--no-remove", "--no-install-recommends", *missing], stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failure(f"this failed, with the reason above: {line}")


def is_there(package: str) -> bool:
    """Whether a package is installed."""
    if not shutil.which("dpkg-query"):
        return False
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    asked = subprocess.run(query, capture_output=True, text=True)
    return asked.returncode == 0 and asked.stdout == "installed"
