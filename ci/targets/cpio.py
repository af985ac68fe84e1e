"""Archives for an initramfs: cpio in the "newc" format, which needs neither root nor a tool."""

import gzip
import stat
from pathlib import Path

MAGIC = "070701"
TRAILER = "TRAILER!!!"


class Archive:
    """Files by their paths inside. Folders above them come by themselves, and before them, as the kernel wants it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._names: set[str] = set()

    def folder(self, path: str, mode: int = 0o755) -> None:
        self._add(path, stat.S_IFDIR | mode, b"")

    def file(self, path: str, content: bytes | Path, mode: int = 0o644) -> None:
        self._add(path, stat.S_IFREG | mode, content.read_bytes() if isinstance(content, Path) else content)

    def link(self, path: str, to: str) -> None:
        self._add(path, stat.S_IFLNK | 0o777, to.encode())

    def device(self, path: str, major: int, minor: int, mode: int = 0o600) -> None:
        """A character device."""
        self._add(path, stat.S_IFCHR | mode, b"", (major, minor))

    def bytes(self) -> bytes:
        """The archive, compressed. The same content gives the same bytes."""
        whole = b"".join([*self._parts, _entry(0, TRAILER, 0, b"", (0, 0))])
        return gzip.compress(whole, compresslevel=1, mtime=0)

    def _add(self, path: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> None:
        name = path.strip("/")
        if not name or name in self._names:
            if name and stat.S_ISDIR(mode):
                return
            raise ValueError(f"{path!r} is in the archive twice, or has no name")
        if "/" in name:
            self._add(name.rpartition("/")[0], stat.S_IFDIR | 0o755, b"")
        self._names.add(name)
        self._parts.append(_entry(len(self._names), name, mode, content, device))


def _entry(inode: int, name: str, mode: int, content: bytes, device: tuple[int, int]) -> bytes:
    encoded = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    #         ino    mode  uid gid links mtime size         devmajor/minor rdevmajor/minor    namesize      check
    fields = [inode, mode, 0, 0, links, 0, len(content), 0, 0, *device, len(encoded), 0]
    head = MAGIC.encode() + b"".join(b"%08x" % field for field in fields)
    return _padded(head + encoded) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
