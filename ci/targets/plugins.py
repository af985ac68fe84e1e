"""Builds plugins for a target: the shipped ones as they go onto boards, and the examples in C."""

import os
import re
import shutil
from pathlib import Path

from . import build, facts
from .facts import ROOT, Failure, Target

FOLDER = ROOT / "plugins"
EXAMPLES = ROOT / "examples" / "plugins" / "c"
HEADER = FOLDER / "abi" / "include"

# What is said of the program's own code: it lies at a fixed address, a shared object does not.
FIXED = ("-Crelocation-model=static", "-fno-pic", "-mplt")


def names() -> list[str]:
    """The shipped plugins: the folders of plugins/ whose crate is a shared object."""
    manifests = sorted(FOLDER.glob("*/Cargo.toml"))
    return [path.parent.name for path in manifests if re.search(r'^crate-type = \[.*"cdylib"', path.read_text(), re.MULTILINE)]


def out_dir(target: Target) -> Path:
    """Where the plugins for a target are."""
    return build.target_dir() / "plugins" / target.short


def movable(flags: tuple[str, ...]) -> list[str]:
    """Flags of the target without those that a shared object cannot have."""
    return [flag for flag in flags if flag not in FIXED]


def make(target: Target, wanted: list[str]) -> list[Path]:
    """Builds plugins and gives their files."""
    if target.is_musl:
        raise Failure(f"{target.short}: a static program opens no plugins; build them into it by its features builtin-NAME")
    env = os.environ | build.environment(target)
    env["CFLAGS"] = " ".join([*movable(target.cflags), os.environ.get("CFLAGS", "")]).strip()
    env["GSHELL_SHIP_RUSTFLAGS"] = " ".join(movable(target.rustflags))
    folder = _build_dir(target)
    env["CARGO_TARGET_DIR"] = str(folder)
    made = []
    for name in wanted:
        build.run(["bash", "ci/ship", "--plugin", name, target.triple], env)
        built = folder / target.triple / "release" / f"lib{f'gshell-plugin-{name}'.replace('-', '_')}.so"
        made.append(_place(built, out_dir(target) / f"{name}.gplugin"))
    return made


def _build_dir(target: Target) -> Path:
    """Cargo's target folder for the plugins: with other flags than the program's it is another one, or each build of one
    would be a reason to build the other again, with Rust's standard library."""
    fixed = any(flag in FIXED for flag in (*target.rustflags, *target.cflags))
    return build.target_dir() / "movable" if fixed else build.target_dir()


def examples(target: Target) -> list[Path]:
    """Builds the examples in C, by their Makefile, and gives their files."""
    if target.is_musl:
        raise Failure(f"{target.short}: a static program opens no plugins")
    into = out_dir(target) / "examples"
    into.mkdir(parents=True, exist_ok=True)
    words = [f"OUT={into}", f"GSHELL_INCLUDE={HEADER}", f"CC={target.cc}"]
    build.run(["make", "--silent", "-C", str(EXAMPLES), *words], dict(os.environ))
    return sorted(into.glob("*.gplugin"))


def bundles() -> list[Path]:
    """Packs each plugin, and the example in C, with a part for every target that opens plugins; gives the bundles."""
    targets = [target for target in facts.load().values() if not target.is_musl]
    program = newest([build.target_dir() / "release" / "gshell", *(build.out_dir(target) / "gshell" for target in targets if target.is_native)])
    if not program:
        raise Failure("bundles are packed by the program itself, which is not built yet: cargo build --release")
    parts = {name: [out_dir(target) / f"{name}.gplugin" for target in targets] for name in names()}
    parts["sum"] = [out_dir(target) / "examples" / "sum.gplugin" for target in targets]
    missing = {path.parent.relative_to(build.target_dir() / "plugins").parts[0] for paths in parts.values() for path in paths if not path.exists()}
    if missing:
        raise Failure("plugins are not built yet:" + "".join(f"\n  ci/plugins --examples {short}" for short in sorted(missing)))
    bundles_dir().mkdir(parents=True, exist_ok=True)
    made = []
    for name, paths in parts.items():
        made.append(bundles_dir() / f"{name}.gplugins")
        build.run([str(program), "plugin", "pack", *map(str, paths), "--output", str(made[-1])], dict(os.environ))
    return made


def bundles_dir() -> Path:
    """Where bundles are put."""
    return build.target_dir() / "plugins" / "bundles"


def newest(files: list[Path]) -> Path | None:
    """The file that was written last, of those that are there."""
    there = [file for file in files if file.exists()]
    return max(there, key=lambda file: file.stat().st_mtime, default=None)


def _place(built: Path, at: Path) -> Path:
    """Copies a file to a place where somebody may have its predecessor open."""
    at.parent.mkdir(parents=True, exist_ok=True)
    new = at.with_suffix(".new")
    shutil.copyfile(built, new)
    new.chmod(0o644)
    new.replace(at)
    return at
