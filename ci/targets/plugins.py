"""Builds plugins for a target: the shipped ones as they go onto boards, and the examples in C."""

import os
import re
import shutil
from pathlib import Path

from . import build
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
    made = []
    for name in wanted:
        build.run(["bash", "ci/ship", "--plugin", name, target.triple], env)
        built = build.out_dir(target) / f"lib{f'gshell-plugin-{name}'.replace('-', '_')}.so"
        made.append(_place(built, out_dir(target) / f"{name}.gplugin"))
    return made


def examples(target: Target) -> list[Path]:
    """Builds the examples in C, by their Makefile, and gives their files."""
    if target.is_musl:
        raise Failure(f"{target.short}: a static program opens no plugins")
    into = out_dir(target) / "examples"
    into.mkdir(parents=True, exist_ok=True)
    words = [f"OUT={into}", f"GSHELL_INCLUDE={HEADER}", f"CC={target.cc}"]
    build.run(["make", "--silent", "-C", str(EXAMPLES), *words], dict(os.environ))
    return sorted(into.glob("*.gplugin"))


def _place(built: Path, at: Path) -> Path:
    """Copies a file to a place where somebody may have its predecessor open."""
    at.parent.mkdir(parents=True, exist_ok=True)
    new = at.with_suffix(".new")
    shutil.copyfile(built, new)
    new.chmod(0o644)
    new.replace(at)
    return at
