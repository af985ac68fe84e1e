"""Builds for a target: cargo's environment, and where what it builds lies."""

import os
import shutil
import subprocess
from pathlib import Path

from . import musl
from .facts import ROOT, Failure, Target


def target_dir() -> Path:
    """Cargo's target folder."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def out_dir(target: Target) -> Path:
    """The folder of the release builds for `target`."""
    return target_dir() / target.triple / "release"


def environment(target: Target) -> dict[str, str]:
    """What cargo and the `cc` crate have to know about the compiler of `target`."""
    cc = str(musl.compiler(target, target_dir() / "musl")) if target.is_musl else target.cc
    return {
        f"CARGO_TARGET_{target.variable}_LINKER": cc,
        f"CC_{target.triple.replace('-', '_')}": cc,
    }


def ship(target: Target, *more: str) -> Path:
    """Builds the program as it goes onto boards. `more` are further words for cargo, such as `--examples`."""
    env = os.environ | environment(target)
    env["CFLAGS"] = " ".join([*target.cflags, os.environ.get("CFLAGS", "")]).strip()
    env["GSHELL_SHIP_RUSTFLAGS"] = " ".join(target.rustflags)
    env["GSHELL_SHIP_FLAGS"] = " ".join([*os.environ.get("GSHELL_SHIP_FLAGS", "").split(), *more])
    run(["bash", "ci/ship", target.triple], env)
    return out_dir(target) / "gshell"


def flavour(target: Target, name: str, features: list[str]) -> Path:
    """Builds the program with these features only. What is not `full` lies beside the full one, which stays as it is."""
    if name == "full":
        return ship(target)
    full, own = out_dir(target) / "gshell", out_dir(target) / f"gshell-{name}"
    kept = full.with_name("gshell-kept")
    if full.exists():
        full.rename(kept)
    try:
        ship(target, "--no-default-features", *(["--features", ",".join(features)] if features else []))
        shutil.copy2(full, own)
    finally:
        full.unlink(missing_ok=True)
        if kept.exists():
            kept.rename(full)
    return own


def run(command: list[str], env: dict[str, str]) -> None:
    """Runs a command of the repository; its failure is this script's."""
    done = subprocess.run(command, cwd=ROOT, env=env)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command[:6])} … ended with status {done.returncode}, the reason is above")


# Without link-time optimisation: the examples are many programs, and only what they say is tested.
QUICK = ["--config", "profile.release.lto=false", "--config", "profile.release.codegen-units=16"]


def examples(target: Target) -> Path:
    """Builds the examples and the C library, quickly, and gives the folder of the examples.

    They have a target folder of their own: with other settings, cargo would take turns in rebuilding what they share.
    """
    words = ["build", "--release", "--locked", *QUICK, "--package", "gshell-service", "--examples", "--package", "gshell-capi", "--lib"]
    cargo(target, words, examples_dir())
    return examples_dir() / target.triple / "release" / "examples"


def examples_dir() -> Path:
    """The target folder of `examples`."""
    return target_dir() / "cross-examples"


def cargo(target: Target, words: list[str], folder: Path | None = None) -> None:
    """Runs cargo for the target, with the standard library built from source, as its targets of tier 3 need."""
    env = os.environ | environment(target) | {"RUSTC_BOOTSTRAP": "1"}
    if target.emulator:
        env[f"CARGO_TARGET_{target.variable}_RUNNER"] = f"{target.emulator.program} -L {target.sysroot}"
        env["QEMU_LD_PREFIX"] = target.sysroot
    if folder:
        env["CARGO_TARGET_DIR"] = str(folder)
    subcommand, *rest = words
    command = ["cargo", subcommand, "--target", target.triple, "-Zbuild-std=std,panic_unwind", *rest]
    run(command, env)
