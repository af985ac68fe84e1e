"""The fleet test: nodes of several targets on one network of namespaces, which call each other."""

import argparse
import os
from pathlib import Path

from . import build, emulate, facts, packages, plugins
from .facts import Failure, Target

# Where the parts of the test say what they need: names of the test program's modules.
PARTS = ("conversations", "plugins", "traces", "portable")

# The programs in Rust that it takes.
EXAMPLES = ("fleet", "hello", "echo", "template")


def main(words: list[str]) -> int:
    """Runs the test with the builds of all targets, or of those of `--only`."""
    parser = argparse.ArgumentParser(
        prog="ci/cross fleet",
        description="Runs tests/fleet: a node of each target in a network namespace, services and clients in Rust and Lua.",
    )
    parser.add_argument("--only", metavar="TARGET,...", help="these targets only, by hand (all if absent)")
    parser.add_argument("--table", metavar="FILE", help="write the table of who called whom to FILE, as docs/fleet.md is made")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if absent")
    args = parser.parse_args(words)
    for part in args.parts:
        if part not in PARTS:
            raise Failure(f"the fleet test has no part {part!r}; there are: {', '.join(PARTS)}")
    targets = _targets(args.only)
    if len(targets) < 2:
        raise Failure("a fleet has two targets or more")
    packages.need(["iproute2", "util-linux", *_packages(targets)])
    _demand(targets)
    for target in targets:
        emulate.prepare(target)
    env = os.environ | _environment(targets)
    if args.table:
        env["GSHELL_FLEET_TABLE"] = os.path.abspath(args.table)
    command = ["cargo", "test", "--locked", "--package", "gshell-tests", "--test", "fleet", "--", "--nocapture", *args.parts]
    build.run(command, env)
    return 0


def _targets(only: str | None) -> list[Target]:
    if only is None:
        # One of each processor: a static flavour says the same in the same bytes.
        return [target for target in facts.load().values() if not target.facts["libc"].get("static")]
    return [facts.find(name) for name in only.split(",") if name]


def _packages(targets: list[Target]) -> list[str]:
    """Emulators, and the C libraries that emulated programs are linked against."""
    needed = [package for target in targets for package in target.packages]
    needed += [target.emulator.package for target in targets if target.emulator]
    return list(dict.fromkeys(needed))


def _is_this_machine(target: Target) -> bool:
    """Whether what cargo builds without a target will do as well."""
    return target.is_native and not target.facts["libc"].get("static")


def _program(target: Target) -> Path | None:
    files = [build.out_dir(target) / "gshell"]
    if _is_this_machine(target):
        files.append(build.target_dir() / "release" / "gshell")
    return plugins.newest(files)


def _examples(target: Target) -> Path | None:
    """The folder of the examples, the one whose programs were built last."""
    folders = [build.examples_dir() / target.triple / "release" / "examples"]
    if _is_this_machine(target):
        # The unit tests build them, too.
        folders += [build.target_dir() / profile / "examples" for profile in ("release", "debug")]
    # A build that was stopped has some of them.
    whole = [folder / EXAMPLES[0] for folder in folders if all((folder / name).exists() for name in EXAMPLES)]
    found = plugins.newest(whole)
    return found and found.parent


def _demand(targets: list[Target]) -> None:
    """Fails when a build is missing, with the commands that make all that are."""
    missing = []
    for target in targets:
        if not _program(target):
            missing.append(f"  ci/cross {target.short}")
        if not _examples(target):
            missing.append(f"  ci/cross {target.short} examples")
    if not (plugins.bundles_dir() / "echo.gplugins").exists():
        missing += [f"  ci/plugins --examples {target.short}" for target in targets] + ["  ci/plugins --bundles"]
    if missing:
        raise Failure("the fleet lacks builds, which these make:\n" + "\n".join(missing))


def _environment(targets: list[Target]) -> dict[str, str]:
    def pairs(of) -> str:
        return ",".join(f"{target.short}={of(target)}" for target in targets)

    return {
        "GSHELL_FLEET_BINS": pairs(_program),
        "GSHELL_FLEET_EXAMPLES": pairs(_examples),
        "GSHELL_FLEET_SYSROOTS": pairs(lambda target: emulate.environment(target).get("QEMU_LD_PREFIX", "")),
        "GSHELL_FLEET_BUNDLES": str(plugins.bundles_dir()),
        "GSHELL_FLEET_CCS": pairs(lambda target: target.cc),
    }
