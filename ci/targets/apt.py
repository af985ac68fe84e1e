"""Debian packages of other architectures and suites, fetched without touching what this machine has of apt: with lists
and settings of their own, from the mirror that the machine uses anyway."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .facts import Failure


@dataclass(frozen=True)
class Package:
    """A version of a package, as the index of its suite has it."""

    name: str
    version: str
    sha256: str
    depends: str


def mirror() -> str:
    """The address from which this machine has Debian itself."""
    query = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"]
    try:
        asked = subprocess.run(query, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Failure("apt-get is not there: kernels come as Debian packages; or give one by --kernel FILE") from error
    for line in asked.stdout.splitlines():
        origin, label, address = line.split("|", 2)
        if (origin, label) == ("Debian", "Debian"):
            return address
    raise Failure("apt knows no mirror of Debian on this machine; after apt-get update it does, if it is a Debian")


class Suite:
    """One suite of one architecture, with its index below `folder`."""

    def __init__(self, folder: Path, suites: list[str], architecture: str) -> None:
        self._folder = folder
        self._architecture = architecture
        address = mirror()
        sources = folder / "sources.list"
        for part in ("lists/partial", "archives/partial", "none"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        sources.write_text("".join(f"deb {address} {suite} main\n" for suite in suites))
        self.options = [
            word
            for option in (
                f"Dir::Etc::sourcelist={sources}",
                f"Dir::Etc::sourceparts={folder / 'none'}",
                f"Dir::State::lists={folder / 'lists'}",
                f"Dir::Cache::archives={folder / 'archives'}",
                "Dir::Cache::pkgcache=",
                "Dir::Cache::srcpkgcache=",
                f"APT::Architecture={architecture}",
                f"APT::Architectures={architecture}",
                "APT::Sandbox::User=",
                "Acquire::Languages=none",
                "Acquire::Retries=3",
            )
            for word in ("-o", option)
        ]

    def update(self) -> None:
        """Gets the index anew."""
        self._run(["apt-get", *self._foreign(), *self.options, "-q", "update"], f"the index of Debian's {self._architecture}")

    def find(self, name: str) -> Package:
        """The newest version of a package."""
        command = ["apt-cache", *self._foreign(), *self.options, "show", "--no-all-versions", name]
        shown = self._run(command, f"the package {name} for {self._architecture}")
        fields = dict(line.split(": ", 1) for line in shown.splitlines() if ": " in line and line[0] != " ")
        return Package(name, fields["Version"], fields["SHA256"], fields.get("Depends", ""))

    def unpack(self, package: Package, into: Path) -> None:
        """Fetches a package, which apt holds against its signed index, and unpacks its files into a folder."""
        part = into / "part"
        part.mkdir(parents=True)
        command = ["apt-get", *self._foreign(), *self.options, "-q", "download", f"{package.name}={package.version}"]
        self._run(command, f"{package.name} {package.version}", cwd=part)
        (file,) = part.glob("*.deb")
        self._run(["dpkg-deb", "--extract", str(file), str(into)], f"unpacking {file.name}")
        file.unlink()
        part.rmdir()

    def _foreign(self) -> list[str]:
        """What is installed here says nothing about another architecture."""
        status = self._folder / "status"
        status.touch()
        return ["-o", f"Dir::State::status={status}"]

    @staticmethod
    def _run(command: list[str], what: str, cwd: Path | None = None) -> str:
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
        if done.returncode != 0:
            reason = "\n".join(f"  {line}" for line in (done.stderr or done.stdout).splitlines()[-6:])
            raise Failure(f"{what}: {command[0]} failed:\n{reason}")
        return done.stdout
