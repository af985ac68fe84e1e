"""What a release of a target is: the program, plugins, what starts it, licences, its parts, and a manifest of all that."""

import json
import os
import subprocess
import tempfile
import tomllib
from pathlib import Path

from . import archive, build, elf, emulate, plugins
from .elf import Elf
from .facts import ROOT, Failure, Target
from .parts import Parts

# What every program has, as daemon/src/build.rs says it.
FIXED = ["lua5.4", "unix", "tcp"]


def version() -> str:
    """The version of the program."""
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def switches() -> list[str]:
    """The features that can be left out, all of which the flavour `full` has."""
    return tomllib.loads((ROOT / "daemon/Cargo.toml").read_text())["features"]["full"]


def make(target: Target, flavour: str) -> Path:
    """Builds the program of a flavour and the plugins, and packs them; gives the archive."""
    features = switches() if flavour == "full" else []
    # A static program opens none.
    shipped = [] if target.is_musl else plugins.names()
    program = build.flavour(target, flavour, features)
    commit, seconds = _commit()
    data = program.read_bytes()
    parts = Parts(target, features, version(), shipped)
    files = {
        archive.PROGRAM: data,
        **({f"plugins/{path.name}": path.read_bytes() for path in plugins.make(target, shipped)} if shipped else {}),
        "install.sh": installer(target, Elf(data, str(program))),
        "init/gshell.service": (ROOT / "bsp/init/gshell.service").read_bytes(),
        "init/gshell.init": (ROOT / "bsp/init/gshell.init").read_bytes(),
        "sbom.spdx.json": parts.spdx(archive.digest(data), seconds),
        **{f"licenses/{path}": text for path, text in parts.licences().items()},
    }
    described = manifest(target, flavour, [*FIXED, *features], commit, files)
    files[archive.MANIFEST] = (json.dumps(described, indent=1) + "\n").encode()
    files[archive.SUMS] = archive.sums(files)
    name = f"gshell{'' if flavour == 'full' else '-' + flavour}-{version()}-{target.triple}"
    folder = out_dir()
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / f"{name}.tar.gz"
    packed.write_bytes(archive.pack(name, files, seconds))
    (folder / f"{name}.json").write_bytes(files[archive.MANIFEST])
    return packed


def out_dir() -> Path:
    """Where archives are put."""
    return build.target_dir() / "dist"


def write_sums() -> Path:
    """The list of checksums of all archives that are there."""
    path = out_dir() / archive.SUMS
    path.write_bytes(archive.sums({file.name: file.read_bytes() for file in out_dir().glob("*.tar.gz")}))
    return path


def installer(target: Target, program: Elf) -> bytes:
    """install.sh for a target."""
    text = (ROOT / "bsp/install/install.sh").read_text()
    filled = {"VERSION": version(), "TARGET": target.triple, "MACHINE": program.kind, "LOADER": program.loader or "-"}
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text.encode()


def manifest(target: Target, flavour: str, features: list[str], commit: str, files: dict[str, bytes]) -> dict:
    """What an archive says about itself. Its own checksum list and the manifest are not among the files."""
    program = Elf(files[archive.PROGRAM])
    if program.kind != elf.kind_of(target):
        raise Failure(f"the program that was built for {target.triple} is for another machine: {program.kind}")
    libc = target.facts["libc"]
    return {
        "name": "gshell",
        "version": version(),
        "commit": commit,
        "target": target.triple,
        # Class, byte order and machine number of the ELF header.
        "machine": program.kind,
        "flavour": flavour,
        "libc": {
            "name": libc["name"],
            "static": target.is_musl,
            # The oldest that has every function which the program uses.
            "needs": program.glibc,
            "loader": program.loader,
        },
        "features": features,
        "files": [
            {"path": path, "size": len(data), "sha256": archive.digest(data), "executable": archive.is_executable(path)}
            for path, data in sorted(files.items())
        ],
    }


def try_out(target: Target, packed: Path) -> None:
    """Unpacks an archive and runs its program, emulated where it has to be: what it says about itself is what the
    manifest says, it finds nothing wrong with itself, and it takes and opens each plugin."""
    described = archive.verify(packed, target)
    emulate.prepare(target)
    with tempfile.TemporaryDirectory(prefix="gshell-dist-") as folder:
        subprocess.run(["tar", "-xzf", packed, "-C", folder, "--strip-components=1"], check=True)
        env = os.environ | emulate.environment(target) | {"GSHELL_RUN_DIR": f"{folder}/run", "GSHELL_STATE_DIR": f"{folder}/state"}
        program = f"{folder}/bin/gshell"
        try:
            said = json.loads(_run([program, "info", "--json"], env))
        finally:
            subprocess.run([program, "daemon", "stop", "--all"], env=env, capture_output=True)
        wanted = {name: described[name] for name in ("version", "target", "flavour", "features")}
        found = {name: said[name] for name in wanted}
        if found != wanted:
            raise Failure(f"the program in {packed.name} says {found}, and the manifest {wanted}")
        if not said["libc"].startswith(described["libc"]["name"]):
            raise Failure(f"the program in {packed.name} runs on {said['libc']}, and the manifest says {described['libc']['name']}")
        _run([program, "selftest"], env)
        for plugin in sorted(Path(folder).glob("plugins/*.gplugin")):
            _run([program, "plugin", "info", str(plugin)], env)


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command[-2:])} of the archive ends with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _commit() -> tuple[str, int]:
    """The commit that is built, marked when the tree has other changes, and its time."""
    if stated := os.environ.get("SOURCE_DATE_EPOCH"):
        seconds = int(stated)
    else:
        seconds = int(_git("log", "-1", "--format=%ct"))
    changed = "-changed" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return _git("rev-parse", "HEAD") + changed, seconds


def _git(*words: str) -> str:
    asked = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if asked.returncode != 0:
        raise Failure(f"git {words[0]} fails, and an archive names its commit: {asked.stderr.strip()}")
    return asked.stdout.strip()
