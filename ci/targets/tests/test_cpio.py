"""The archive is read back by a reader that knows only the format; by cpio as well, where that is installed."""

import gzip
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from targets.cpio import Archive


def read(data: bytes) -> list[tuple[str, int, bytes, tuple[int, int]]]:
    """Names, modes, contents and device numbers of a newc archive."""
    found = []
    at = 0
    while True:
        assert data[at : at + 6] == b"070701", data[at : at + 16]
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        size, name_size = fields[6], fields[11]
        name_at = at + 110
        name = data[name_at : name_at + name_size - 1].decode()
        content_at = (name_at + name_size + 3) & ~3
        if name == "TRAILER!!!":
            assert content_at == len(data)
            return found
        found.append((name, fields[1], data[content_at : content_at + size], (fields[9], fields[10])))
        at = (content_at + size + 3) & ~3


def sample() -> Archive:
    archive = Archive()
    archive.device("dev/console", 5, 1)
    archive.file("init", b"abcde", 0o755)
    archive.file("a/b/c", b"")
    archive.folder("a/b")
    archive.link("lib/x", "y.so")
    return archive


class Cpio(unittest.TestCase):
    def test_what_is_written_is_read(self) -> None:
        found = read(gzip.decompress(sample().bytes()))
        self.assertEqual(
            found,
            [
                ("dev", 0o040755, b"", (0, 0)),
                ("dev/console", 0o020600, b"", (5, 1)),
                ("init", 0o100755, b"abcde", (0, 0)),
                ("a", 0o040755, b"", (0, 0)),
                ("a/b", 0o040755, b"", (0, 0)),
                ("a/b/c", 0o100644, b"", (0, 0)),
                ("lib", 0o040755, b"", (0, 0)),
                ("lib/x", 0o120777, b"y.so", (0, 0)),
            ],
        )

    def test_every_length_is_padded(self) -> None:
        for length in range(9):
            archive = Archive()
            archive.file("n" * (length + 1), b"x" * length)
            self.assertEqual(read(gzip.decompress(archive.bytes()))[0][2], b"x" * length)

    def test_same_content_same_bytes(self) -> None:
        self.assertEqual(sample().bytes(), sample().bytes())

    def test_twice_is_refused(self) -> None:
        archive = sample()
        for name in ("init", "", "/"):
            with self.assertRaises(ValueError):
                archive.file(name, b"")

    @unittest.skipUnless(shutil.which("cpio"), "cpio is not installed")
    def test_cpio_reads_it(self) -> None:
        archive = Archive()
        archive.file("a/b", b"content")
        with tempfile.TemporaryDirectory() as folder:
            data = gzip.decompress(archive.bytes())
            subprocess.run(["cpio", "-i", "--quiet"], input=data, cwd=folder, check=True, capture_output=True)
            self.assertEqual(Path(folder, "a/b").read_bytes(), b"content")


if __name__ == "__main__":
    unittest.main()
