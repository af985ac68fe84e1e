"""What an ELF file says about itself: its machine, its sections, its loader, the version of glibc that it needs."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from .facts import Failure, Target

# Machine numbers of the ELF standard, by the first part of a triple.
MACHINES = {"x86_64": 62, "aarch64": 183, "armv7": 40, "mips": 8, "mipsel": 8}

INTERPRETER = 3
NOTHING_IN_FILE = 8
WRITABLE = 1


@dataclass(frozen=True)
class Section:
    """A section: its name, its bytes, whether they are in the file, and whether the program may change them."""

    name: str
    size: int
    in_file: bool
    is_writable: bool


class Elf:
    """An ELF file."""

    def __init__(self, data: bytes, name: str = "the file") -> None:
        if len(data) < 52 or data[:4] != b"\x7fELF" or data[4] not in (1, 2) or data[5] not in (1, 2):
            raise Failure(f"{name} is no ELF program")
        self.data = data
        self.bits = 32 * data[4]
        self.endian = ("little", "big")[data[5] - 1]
        self.order = "<>"[data[5] - 1]
        self.machine = self._at("H", 18)[0]

    @classmethod
    def read(cls, path: Path) -> "Elf":
        return cls(path.read_bytes(), str(path))

    @property
    def kind(self) -> str:
        """Class, byte order and machine, as install.sh compares them."""
        return f"{self.data[4]}-{self.data[5]}-{self.machine}"

    @property
    def loader(self) -> str | None:
        """The loader that the kernel starts in the program's place; a static program has none."""
        wide = self.bits == 64
        start, size, count = (
            self._at("Q" if wide else "I", 32 if wide else 28)[0],
            *self._at("HH", 54 if wide else 42),
        )
        for at in (start + number * size for number in range(count)):
            if self._at("I", at)[0] == INTERPRETER:
                offset, length = (self._at("Q", at + 8)[0], self._at("Q", at + 32)[0]) if wide else (self._at("I", at + 4)[0], self._at("I", at + 16)[0])
                return self.data[offset : offset + length].rstrip(b"\0").decode()
        return None

    @property
    def glibc(self) -> str | None:
        """The oldest glibc that has every function which the program uses."""
        versions = re.findall(rb"GLIBC_(\d+(?:\.\d+)+)\0", self.data)
        best = max((tuple(map(int, version.split(b"."))) for version in versions), default=None)
        return best and ".".join(map(str, best))

    def sections(self) -> list[Section]:
        """The sections in the order of the file."""
        wide = self.bits == 64
        start = self._at("Q" if wide else "I", 40 if wide else 32)[0]
        size, count, names = self._at("HHH", 58 if wide else 46)
        rows = []
        for at in (start + number * size for number in range(count)):
            name, kind = self._at("II", at)
            flags = self._at("Q" if wide else "I", at + 8)[0]
            offset, length = self._at("QQ", at + 24) if wide else self._at("II", at + 16)
            rows.append((name, kind, offset, length, flags & WRITABLE != 0))
        if not rows:
            return []
        table = rows[names][2]
        return [Section(self._text(table + name), length, kind != NOTHING_IN_FILE, writable) for name, kind, _, length, writable in rows]

    def _text(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode()

    def _at(self, form: str, offset: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self.order + form, self.data, offset)
        except struct.error as error:
            raise Failure(f"an ELF program is cut off: {error}") from error


def kind_of(target: Target) -> str:
    """What `Elf.kind` of a program for `target` is."""
    wide, big = target.facts["bits"] == 64, target.facts["endian"] == "big"
    return f"{2 if wide else 1}-{2 if big else 1}-{MACHINES[target.triple.split('-')[0]]}"
