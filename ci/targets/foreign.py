"""Debian's packages of another architecture, unpacked into a folder and not installed: no root is needed for them."""

import shutil
import subprocess
from pathlib import Path

from .facts import Failure


def unpack(package: str, arch: str, folder: Path) -> Path:
    """The root folder in which the files of `package` for `arch` lie; it is fetched when it is not there yet."""
    root = folder / f"{package}-{arch}"
    done = root / ".unpacked"
    if done.exists():
        return root
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise Failure(f"{package}:{arch} is a package of Debian, and {tool} is not here; build on Debian or unpack it into {root}")
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    print(f"fetching {package}:{arch}", flush=True)
    state = folder / f"apt-{arch}"
    for below in ("lists/partial", "cache/archives/partial"):
        (state / below).mkdir(parents=True, exist_ok=True)
    # A state of its own: which packages this machine has, and for which architectures, stays as it is.
    options = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": state / "cache",
        "APT::Architecture": arch,
        "APT::Architectures": arch,
        "APT::Sandbox::User": "root",
        "Acquire::Retries": "3",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    # A mirror that is being written to fails in a part that may not matter: whether the package comes is what counts.
    subprocess.run([*apt, "update"], cwd=root)
    _run([*apt, "download", f"{package}:{arch}"], root)
    archives = list(root.glob("*.deb"))
    if len(archives) != 1:
        raise Failure(f"apt-get download {package}:{arch} left {len(archives)} archives in {root}, not one")
    _run(["dpkg-deb", "-x", str(archives[0]), "."], root)
    done.write_text(archives[0].name + "\n")
    archives[0].unlink()
    return root


def _run(command: list[str], folder: Path) -> None:
    if subprocess.run(command, cwd=folder).returncode != 0:
        raise Failure(f"this failed, with the reason above: {' '.join(map(str, command))}")
