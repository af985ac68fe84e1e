"""A release archive as a file: the same bytes for the same contents, and what is wrong with one that came from elsewhere."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from . import elf
from .elf import Elf
from .facts import Failure, Target

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
PROGRAM = "bin/gshell"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def is_executable(path: str) -> bool:
    """Which files of an archive are to be run."""
    return path.startswith("bin/") or path.endswith((".sh", ".init"))


def pack(folder: str, files: dict[str, bytes], seconds: int) -> bytes:
    """A gzipped tar file with `files` below `folder`: in order, of nobody in particular, all made at one time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted({str(parent) for file in files for parent in Path(folder, file).parents if str(parent) != "."}):
            tar.addfile(_entry(path, 0o755, seconds, tarfile.DIRTYPE))
        for path, data in sorted(files.items()):
            entry = _entry(f"{folder}/{path}", 0o755 if is_executable(path) else 0o644, seconds, tarfile.REGTYPE)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), compresslevel=9, mtime=0)


def _entry(path: str, mode: int, seconds: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.mtime = kind, mode, seconds
    entry.uname = entry.gname = "root"
    return entry


def sums(files: dict[str, bytes]) -> bytes:
    """A list that `sha256sum -c` reads."""
    return "".join(f"{digest(data)}  {path}\n" for path, data in sorted(files.items())).encode()


def unpack(path: Path) -> dict[str, bytes]:
    """The files of an archive by their paths below its one folder."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            members = [member for member in tar.getmembers() if not member.isdir()]
            odd = [member.name for member in members if not member.isfile() or member.name.startswith("/") or ".." in Path(member.name).parts]
            if odd:
                raise Failure(f"{path} has members that a release archive never has: {', '.join(odd[:5])}")
            files = {member.name: tar.extractfile(member).read() for member in members}
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Failure(f"{path} is no gzipped tar file that can be read: {error}") from error
    folders = {name.split("/")[0] for name in files}
    if len(folders) != 1:
        raise Failure(f"{path} has {len(folders)} folders at its root; a release archive has one")
    return {name.split("/", 1)[1]: data for name, data in files.items() if "/" in name}


def verify(path: Path, target: Target | None) -> dict:
    """The manifest of an archive of which nothing is wrong, and which is for `target` if one is named."""
    files = unpack(path)
    missing = [name for name in (MANIFEST, SUMS, PROGRAM) if name not in files]
    if missing:
        raise Failure(f"{path} is no release archive: it has no {', '.join(missing)}")
    try:
        manifest = json.loads(files[MANIFEST])
        triple, machine = manifest["target"], manifest["machine"]
        listed = {file["path"]: (file["size"], file["sha256"]) for file in manifest["files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path}: its {MANIFEST} does not read: {error!r}") from error
    # What it is for comes first: who has the wrong archive is not helped by its checksums.
    if target and triple != target.triple:
        raise Failure(f"{path} is for {triple}, not for {target.triple}")
    program = Elf(files[PROGRAM], f"{PROGRAM} of {path}")
    if program.kind != machine or (target and machine != elf.kind_of(target)):
        raise Failure(f"{path} says that it is for {triple} ({machine}), and its program is for another machine ({program.kind})")
    if files[SUMS] != sums({name: data for name, data in files.items() if name != SUMS}):
        raise Failure(f"{path}: its {SUMS} is not that of its files")
    if listed != {name: (len(data), digest(data)) for name, data in files.items() if name not in (MANIFEST, SUMS)}:
        raise Failure(f"{path}: its {MANIFEST} lists other files than it has")
    return manifest


def differences(one: Path, other: Path) -> list[str]:
    """In what two archives differ, as lines to read; empty when they are the same bytes."""
    if one.read_bytes() == other.read_bytes():
        return []
    left, right = unpack(one), unpack(other)
    lines = [f"{name}: only in one of them" for name in sorted(left.keys() ^ right.keys())]
    for name in sorted(left.keys() & right.keys()):
        if left[name] != right[name]:
            at = next((at for at, pair in enumerate(zip(left[name], right[name])) if pair[0] != pair[1]), None)
            lines.append(f"{name}: {len(left[name])} and {len(right[name])} bytes, first different at {at}")
    return lines or ["only in how they are packed"]
