"""qemu-system as Debian packages it, from the suite that goes with what is installed of QEMU already."""

import os
import subprocess
from pathlib import Path

from . import packages
from .apt import mirror
from .cache import Cache
from .facts import Failure


def need(wanted: list[str], cache: Cache) -> None:
    """Installs what is missing of the packages `wanted`, without removing or exchanging anything.

    A machine with a newer qemu-utils than its release has takes qemu-system only from the same suite, the backports.
    These are read from lists of their own, so that the machine's configuration stays as it is.
    """
    missing = sorted({package for package in wanted if not packages.is_there(package)})
    if not missing:
        return
    simulate = ["apt-get", "-q", "-s", "--no-remove", "--no-install-recommends", "install", *missing]
    if os.geteuid() != 0 or _works(simulate):
        return packages.need(missing)
    code = _codename()
    options = _backports(cache.root / "apt" / f"{code}-backports", code)
    version = next((found for name in missing if (found := _version(options, name, f"{code}-backports"))), None)
    if version is None:
        raise Failure(f"apt would have to remove packages to install {' '.join(missing)}, and {code}-backports has none; choose by hand")
    names = [f"{name}={version}" for name in [*missing, "qemu-system-common", "qemu-system-data"]]
    names += [f"seabios/{code}-backports"] if "qemu-system-x86" in missing else []
    install = ["apt-get", *options, "-q", "-y", "--no-remove", "--no-install-recommends", "install", *names]
    print(f"installing {' '.join(names)} from {code}-backports, to go with what is installed", flush=True)
    done = subprocess.run(["env", "DEBIAN_FRONTEND=noninteractive", *install], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(install)}: failed: {done.stderr.strip() or done.stdout[-800:]}")


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise Failure("/etc/os-release names no release of Debian")


def _backports(folder: Path, code: str) -> list[str]:
    """apt's options for the release with its backports, with lists in `folder`; brings these up to date."""
    parts = folder / "parts"
    for path in (parts, folder / "lists/partial"):
        path.mkdir(parents=True, exist_ok=True)
    address = mirror()
    suites = [code, f"{code}-updates", f"{code}-backports"]
    (parts / "debian.list").write_text("".join(f"deb {address} {suite} main\n" for suite in suites))
    settings = ["Dir::Etc::sourcelist=/dev/null", f"Dir::Etc::sourceparts={parts}", f"Dir::State::lists={folder / 'lists'}"]
    settings += ["Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=", "APT::Sandbox::User=", "Acquire::Languages=none"]
    options = [word for setting in settings for word in ("-o", setting)]
    done = subprocess.run(["apt-get", *options, "-q", "update"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"the index of {code}-backports cannot be fetched: {done.stderr.strip()}")
    return options


def _version(options: list[str], package: str, suite: str) -> str | None:
    asked = subprocess.run(["apt-cache", *options, "madison", package], capture_output=True, text=True)
    for line in asked.stdout.splitlines():
        name, version, place = (part.strip() for part in line.split("|", 2))
        if name == package and f" {suite}/" in place:
            return version
    return None
