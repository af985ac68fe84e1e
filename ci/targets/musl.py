"""A C compiler for musl, made of Debian's compiler for glibc and Debian's musl-dev."""

import shlex
import subprocess
from pathlib import Path

from . import foreign
from .facts import ROOT, Failure, Target

# The compiler as a script: it compiles with musl's headers, and links statically with musl's archives.
SCRIPT = """\
#!/bin/sh
# Written by ci/targets/musl.py.
for word; do
    case $word in
        -c | -E | -S | -M | -MM | --version | -dump*) exec {cc} -nostdinc -isystem {musl_headers} -isystem {gcc_headers} "$@" ;;
    esac
done
start={lib}/crt1.o
for word; do
    [ "$word" != -static-pie ] || start={lib}/rcrt1.o
done
exec {cc} -nostdinc -isystem {musl_headers} -isystem {gcc_headers} -static -nostdlib -L{own} -L{lib} \\
    "$start" {lib}/crti.o {begin} "$@" -Wl,--start-group -lunwind -lgcc -lc -Wl,--end-group {end} {lib}/crtn.o
"""


def compiler(target: Target, folder: Path) -> Path:
    """The compiler for `target`; it and what it needs are below `folder`."""
    libc = target.facts["libc"]
    root = foreign.unpack("musl-dev", libc["debian_arch"], folder)
    headers, lib = root / "usr/include" / libc["multiarch"], root / "usr/lib" / libc["multiarch"]
    own = folder / target.short
    own.mkdir(exist_ok=True)
    text = SCRIPT.format(
        cc=target.cc,
        musl_headers=shlex.quote(str(headers)),
        gcc_headers=shlex.quote(_ask(target, "-print-file-name=include")),
        lib=shlex.quote(str(lib)),
        own=shlex.quote(str(own)),
        begin=_ask(target, "-print-file-name=crtbeginS.o"),
        end=_ask(target, "-print-file-name=crtendS.o"),
    )
    script = own / "cc"
    # Cargo builds anew what was linked by another linker, and goes by the time of the file.
    if not script.exists() or script.read_text() != text:
        script.write_text(text)
        script.chmod(0o755)
    _unwinder(target, script, own)
    return script


def _unwinder(target: Target, cc: Path, own: Path) -> None:
    """libunwind.a, as Rust's standard library wants to have it on musl: Debian's unwinder, and what it misses."""
    source, made = ROOT / "bsp/musl/find_object.c", own / "libunwind.a"
    if made.exists() and made.stat().st_mtime >= source.stat().st_mtime:
        return
    part, draft = own / "find_object.o", own / "libunwind.a.new"
    _run([str(cc), "-c", "-Os", "-fPIC", "-Wall", "-Werror", f"-ffile-prefix-map={ROOT}=/gshell", str(source), "-o", str(part)])
    draft.write_bytes(Path(_ask(target, "-print-file-name=libgcc_eh.a")).read_bytes())
    _run([_ask(target, "-print-prog-name=ar"), "rDs", str(draft), str(part)])
    draft.rename(made)


def _ask(target: Target, question: str) -> str:
    asked = subprocess.run([target.cc, question], capture_output=True, text=True)
    if asked.returncode != 0:
        raise Failure(f"{target.cc} does not answer {question}: {asked.stderr.strip()}")
    return asked.stdout.strip()


def _run(command: list[str]) -> None:
    if subprocess.run(command).returncode != 0:
        raise Failure(f"this failed, with the reason above: {' '.join(command)}")


def version(target: Target, folder: Path) -> str:
    """The version of the musl that is in the programs, as Debian counts it."""
    return foreign.version("musl-dev", target.facts["libc"]["debian_arch"], folder)


def copyright_text(target: Target, folder: Path) -> bytes:
    """musl's licence."""
    root = foreign.unpack("musl-dev", target.facts["libc"]["debian_arch"], folder)
    return (root / "usr/share/doc/musl-dev/copyright").read_bytes()


def gcc_copyright(target: Target) -> bytes:
    """The licence of the compiler's own library, with the exception that lets it be in programs of any licence."""
    number = _ask(target, "-dumpversion").split(".")[0]
    for name in (f"gcc-{number}-base", f"gcc-{number}-cross-base"):
        text = Path("/usr/share/doc") / name / "copyright"
        if text.exists():
            return text.read_bytes()
    raise Failure(f"/usr/share/doc/gcc-{number}-base/copyright is missing: it belongs into a static program's archive")
