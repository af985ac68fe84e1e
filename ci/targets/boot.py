"""The commands of ci/boot."""

import tempfile
from argparse import Namespace
from pathlib import Path

from . import build, checks, facts, initramfs, kernels, qemu
from .cache import Cache
from .facts import ROOT, Failure, Target
from .machine import Guest

GUEST = ROOT / "ci/targets/guest"


def main(args: Namespace) -> bool:
    """Does what the command line says; whether all checks passed."""
    first, *rest = args.what
    names = rest if first in ("fleet", "kernels", "all") else args.what
    targets = [facts.find(name) for name in names] or bootable()
    if args.kernel and len(targets) != 1:
        raise Failure("--kernel is for one target at a time")
    if args.log:
        args.log.mkdir(parents=True, exist_ok=True)
    cache = Cache(args.cache)
    print(f"cache: {cache.root}", flush=True)
    if first == "kernels":
        for target in targets:
            print(f"{target.short}: {kernels.get(target, cache, args.refresh).name}")
        return True
    qemu.need([target.facts["boot"]["package"] for target in targets], cache)
    if first == "fleet":
        from . import guests

        return guests.main(args, targets, cache)
    # One after the other, also when one fails: a run tells about all of them.
    return all([one(args, target, cache) for target in targets])


def bootable() -> list[Target]:
    """The targets that have a machine to boot on; those with another C library boot like their siblings."""
    return [target for target in facts.load().values() if "boot" in target.facts]


def one(args: Namespace, target: Target, cache: Cache) -> bool:
    """Boots one target and runs the checks there."""
    program = program_of(args, target)
    kernel = kernels.get(target, cache, args.refresh, args.kernel)
    print(f"{target.short}: {program.name}, {program.stat().st_size} bytes, on {kernel.name}", flush=True)

    def report(name: str, good: bool, seconds: float, said: str) -> None:
        print(f"  {'ok  ' if good else 'FAIL'} {name:<16} {seconds:6.2f} s  {said}", flush=True)

    with tempfile.TemporaryDirectory(prefix="gshell-boot.") as folder:
        image = initramfs.make(target, kernel, files(program), Path(folder))
        log = args.log / f"{target.short}.log" if args.log else None
        with Guest(target, kernel.image, image, ["-nic", "none"], log, []) as guest:
            return checks.all_of(guest, report, args.deadline)


def program_of(args: Namespace, target: Target) -> Path:
    """The program that a guest of `target` gets."""
    if args.gshell:
        program = Path(args.gshell.format(short=target.short, triple=target.triple))
    else:
        program = build.out_dir(target) / "gshell"
    if not program.is_file():
        raise Failure(f"{program} is not there; build it with ci/cross {target.short}, or name one by --gshell FILE")
    return program


def files(program: Path) -> dict[str, Path]:
    """The program and the scripts, by their paths on a guest."""
    found = {"bin/gshell": program}
    found |= {f"examples/{path.name}": path for path in sorted((ROOT / "examples").glob("*.lua"))}
    found |= {f"guest/{path.name}": path for path in sorted(GUEST.glob("*.lua"))}
    return found
