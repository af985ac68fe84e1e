"""Programs of other architectures on this machine: qemu-user, known to the kernel by binfmt_misc, so that what they
fork and execute runs too."""

import os
import subprocess
import sys
from pathlib import Path

from .facts import Failure, Target

BINFMT = Path("/proc/sys/fs/binfmt_misc")

# Set in the namespace in which a user without privileges registers emulators.
INSIDE = "GSHELL_CI_BINFMT_NAMESPACE"


def prepare(target: Target) -> None:
    """Makes the kernel run programs of `target`.

    Root registers the emulator for the machine, until it restarts or `forget` is called. Others get a user and mount
    namespace with a register of its own (Linux 6.7), in which this program starts again.
    """
    emulator = target.emulator
    if emulator is None or (BINFMT / emulator.name).exists():
        return
    if os.geteuid() == 0:
        _register(target)
    elif os.environ.get(INSIDE):
        raise Failure("this kernel gives a user namespace no binfmt_misc of its own (Linux 6.7 does); run as root")
    else:
        os.environ[INSIDE] = "1"
        sys.stdout.flush()
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.argv])


def environment(target: Target) -> dict[str, str]:
    """What programs of `target` need in their environment to find their loader and libraries."""
    return {"QEMU_LD_PREFIX": target.sysroot} if target.emulator else {}


def forget(targets: list[Target]) -> None:
    """Takes back what `prepare` registered as root."""
    for target in targets:
        entry = target.emulator and BINFMT / target.emulator.name
        if entry and entry.exists():
            entry.write_text("-1")
            print(f"{entry.name}: no longer registered")


def _register(target: Target) -> None:
    emulator = target.emulator
    assert emulator
    if not (BINFMT / "register").exists():
        mount = ["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            raise Failure(f"binfmt_misc cannot be mounted at {BINFMT}: it takes CAP_SYS_ADMIN and a kernel that has it")
    # F: the kernel opens the emulator now, so it is found from other mount namespaces and changed roots, too.
    # P: a program keeps the name that it was called by (Linux 5.12 tells the emulator so).
    line = f":{emulator.name}:M:0:{emulator.magic}:{emulator.mask}:/usr/bin/{emulator.program}:PF"
    try:
        (BINFMT / "register").write_text(line)
    except OSError as error:
        raise Failure(f"the kernel does not take {emulator.program} for {target.short}: {error}") from error
    print(f"{emulator.name}: registered with binfmt_misc until the machine restarts; ci/cross forget takes it back")
