"""What a guest finds as its root: the init of bsp/guest, the program with its loader and libraries, scripts, modules."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from . import packages
from .cpio import Archive
from .facts import ROOT, Failure, Target
from .kernels import Kernel

INIT = ROOT / "bsp/guest/init.c"
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Os", "-static", "-s"]

# What Rust's standard library and Lua take of the C library.
LIBRARIES = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"]


def make(target: Target, kernel: Kernel, files: Mapping[str, Path], work: Path) -> Path:
    """Writes the archive into `work`. `files` are programs and scripts by their paths in the guest."""
    program = files["bin/gshell"]
    loader = interpreter(program)
    if Path(loader).name != target.facts["libc"]["loader"]:
        raise Failure(f"{program} is no program for {target.short}: it asks for {loader}, not for {target.facts['libc']['loader']}")
    packages.need(target.packages)
    archive = Archive()
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "etc", "var/lib"):
        archive.folder(folder)
    archive.device("dev/console", 5, 1)
    archive.file("init", _compile(target, work), 0o755)
    archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    archive.file("etc/group", b"root:x:0:\n")
    archive.file("etc/hosts", b"127.0.0.1 localhost\n")
    archive.file("etc/modules", "".join(f"/modules/{module.name}\n" for module in kernel.modules).encode())
    for module in kernel.modules:
        archive.file(f"modules/{module.name}", module)
    for path, source in files.items():
        archive.file(path, source, 0o755)
    for name in LIBRARIES:
        archive.file(f"lib/{name}", _library(target, name), 0o755)
    archive.file(loader, _library(target, Path(loader).name), 0o755)
    made = work / "initramfs.gz"
    made.write_bytes(archive.bytes())
    return made


def interpreter(program: Path) -> str:
    """The loader that an ELF program asks for."""
    with program.open("rb") as file:
        head = file.read(4096)
    found = re.search(rb"/lib[0-9a-z]*/ld[\w.-]+", head)
    if not head.startswith(b"\x7fELF") or not found:
        raise Failure(f"{program} is no dynamically linked ELF program: it names no loader")
    return found[0].decode()


def _compile(target: Target, work: Path) -> Path:
    made = work / "init"
    done = subprocess.run([target.cc, *FLAGS, "-o", str(made), str(INIT)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{target.cc} does not compile {INIT.relative_to(ROOT)}:\n{done.stderr}")
    return made


def _library(target: Target, name: str) -> Path:
    asked = subprocess.run([target.cc, f"-print-file-name={name}"], capture_output=True, text=True)
    path = Path(asked.stdout.strip())
    # What the compiler does not find it prints as it was asked.
    if not path.is_absolute() and target.sysroot:
        path = Path(target.sysroot) / "lib" / name
    if not path.is_file():
        raise Failure(f"{target.cc} has no {name}; the packages of {target.short} are {' '.join(target.packages)}")
    return path
