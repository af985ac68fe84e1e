"""Debian's packages of another architecture, unpacked into a folder and not installed: no root is needed for them."""

import platform
import shutil
from pathlib import Path

from . import apt
from .facts import Failure


def unpack(package: str, arch: str, folder: Path) -> Path:
    """The root folder in which the files of `package` for `arch` lie; it is fetched when it is not there yet."""
    root = folder / f"{package}-{arch}"
    done = root / ".unpacked"
    if done.exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    print(f"fetching {package}:{arch}", flush=True)
    suite = apt.Suite(folder / f"apt-{arch}", [_release()], arch)
    suite.update()
    found = suite.find(package)
    suite.unpack(found, root)
    done.write_text(f"{found.version}\n")
    return root


def version(package: str, arch: str, folder: Path) -> str:
    """The version that `unpack` gives."""
    return (unpack(package, arch, folder) / ".unpacked").read_text().strip()


def _release() -> str:
    """This machine's own suite: what its compilers fit."""
    try:
        return platform.freedesktop_os_release()["VERSION_CODENAME"]
    except (OSError, KeyError) as error:
        raise Failure("this machine does not say in /etc/os-release which Debian it is, from which musl would come") from error
