"""The crates that are in a program, by cargo's own resolution for a target: for the licence texts and the list of parts."""

import json
import os
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .facts import ROOT, Failure, Target

# Crates that are used while building, of which source goes into the program all the same.
CARRIED = {"lua-src": ("lua", "lua-5.4")}

TEXTS = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


@dataclass(frozen=True)
class Crate:
    """One of them."""

    name: str
    version: str
    licence: str
    folder: Path
    # Of the registry's archive; None for the crates of this repository.
    checksum: str | None
    depends: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.name}-{self.version}"

    @property
    def is_ours(self) -> bool:
        return self.folder.is_relative_to(ROOT)

    def texts(self) -> dict[str, bytes]:
        """Its licence texts by the names of their files."""
        found = {path.name: path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file() and TEXTS.match(path.name)}
        return found


def of_program(target: Target, features: list[str], plugins: list[str]) -> list[Crate]:
    """What is in the program `gshell` with these features and in these plugins, this repository's crates too, by name."""
    words = ["--manifest-path", "daemon/Cargo.toml", "--no-default-features", "--features", ",".join(features)]
    roots = ["gshell", *(f"gshell-plugin-{name}" for name in plugins)]
    return _closure(_metadata(target, words, ROOT), roots, _checksums(ROOT / "Cargo.lock"))


def of_std(target: Target, sysroot: Path) -> list[Crate]:
    """What is in Rust's standard library, which is compiled along with the program."""
    library = sysroot / "lib/rustlib/src/rust/library"
    # The features that cargo itself takes, and the one that ci/ship names.
    words = ["--manifest-path", str(library / "sysroot/Cargo.toml"), "--no-default-features", "--features", "panic-unwind"]
    return _closure(_metadata(target, words, library), ["std"], _checksums(library / "Cargo.lock"))


def lua_version(crates: list[Crate]) -> tuple[str, Path]:
    """The version of Lua, and the folder of its source."""
    for crate in crates:
        if crate.name in CARRIED:
            folders = sorted(crate.folder.glob(CARRIED[crate.name][1] + "*"))
            if len(folders) == 1:
                return folders[0].name.removeprefix("lua-"), folders[0]
    raise Failure("Lua's source is not where the crate lua-src had it: change ci/targets/crates.py")


def sqlite_version(crates: list[Crate]) -> str | None:
    """The version of SQLite, if one of the crates carries its source."""
    for crate in crates:
        if crate.name == "libsqlite3-sys":
            found = re.search(r'^#define SQLITE_VERSION +"([^"]+)"', (crate.folder / "sqlite3/sqlite3.h").read_text(), re.MULTILINE)
            if not found:
                raise Failure("SQLite's version is not where the crate libsqlite3-sys had it: change ci/targets/crates.py")
            return found[1]
    return None


def _metadata(target: Target, words: list[str], folder: Path) -> dict:
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--filter-platform", target.triple, *words]
    asked = subprocess.run(command, cwd=folder, env=os.environ | {"RUSTC_BOOTSTRAP": "1"}, capture_output=True, text=True)
    if asked.returncode != 0:
        raise Failure(f"cargo metadata for {words[1]} fails: {asked.stderr.strip()}")
    return json.loads(asked.stdout)


def _checksums(lock: Path) -> dict[str, str]:
    packages = tomllib.loads(lock.read_text())["package"]
    return {f"{package['name']}-{package['version']}": package["checksum"] for package in packages if "checksum" in package}


def _closure(metadata: dict, roots: list[str], checksums: dict[str, str]) -> list[Crate]:
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found: dict[str, Crate] = {}
    waiting = [package["id"] for package in packages.values() if package["name"] in roots and package["source"] is None]
    if len(waiting) != len(roots):
        raise Failure(f"cargo metadata knows {len(waiting)} packages of {len(roots)}: {', '.join(roots)}")
    while waiting:
        at = waiting.pop()
        if at in found:
            continue
        package = packages[at]
        # What a carried crate uses builds it, and stays behind.
        deps = [] if package["name"] in CARRIED else nodes[at]["deps"]
        below = [dep["pkg"] for dep in deps if _is_in(packages[dep["pkg"]], dep)]
        keys = sorted(f"{packages[one]['name']}-{packages[one]['version']}" for one in below)
        found[at] = Crate(
            package["name"],
            package["version"],
            # As crates wrote it before SPDX had a form for it.
            (package["license"] or "NOASSERTION").replace("/", " OR "),
            Path(package["manifest_path"]).parent,
            checksums.get(f"{package['name']}-{package['version']}"),
            tuple(keys),
        )
        waiting.extend(below)
    return sorted(found.values(), key=lambda crate: (crate.name, crate.version))


def _is_in(package: dict, dep: dict) -> bool:
    """Whether a dependency's code is in the program: not what builds it, and not what only makes other code."""
    if any("proc-macro" in made["kind"] for made in package["targets"]):
        return False
    return package["name"] in CARRIED or any(kind["kind"] is None for kind in dep["dep_kinds"])
