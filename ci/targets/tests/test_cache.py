"""The cache holds whole things only."""

import tempfile
import unittest
from pathlib import Path

from targets.cache import Cache, digest
from targets.facts import Failure
from targets.guests import count_echoes


class Folders(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name, "cache")
        self.cache = Cache(self.root)

    def test_made_once(self) -> None:
        times = []

        def make(work: Path) -> None:
            times.append(1)
            (work / "file").write_text("x")

        for _ in range(2):
            self.assertEqual((self.cache.folder("kernels/abc", make) / "file").read_text(), "x")
        self.assertEqual(len(times), 1)

    def test_nothing_is_left_of_what_failed(self) -> None:
        def fails(work: Path) -> None:
            (work / "file").write_text("half")
            raise Failure("no")

        with self.assertRaises(Failure):
            self.cache.folder("kernels/abc", fails)
        self.assertFalse((self.root / "kernels/abc").exists())
        self.assertEqual([path.suffix for path in (self.root / "work").iterdir()], [".lock"])

    def test_what_a_killed_run_left_goes(self) -> None:
        left = self.root / "work/abc.killed"
        left.mkdir()
        self.cache.folder("kernels/abc", lambda work: None)
        self.assertFalse(left.exists())

    def test_names_follow_the_content(self) -> None:
        self.assertEqual(digest("a", b"b"), digest("a", "b"))
        self.assertNotEqual(digest("ab", "c"), digest("a", "bc"))


class Echoes(unittest.TestCase):
    def test_only_right_answers_count_and_each_once(self) -> None:
        right = "{ni hao 100} ==> {ni hao! 101}, yours echo.v1.0 from 1"
        wrong = ["{ni hao 102} ==> {ni hao! 102}, yours echo.v1.0 from 1", "{ni hao 103} ==> {ni hao 104}, yours echo.v1.0 from 1", ""]
        self.assertEqual(count_echoes([right, right, *wrong]), 1)


if __name__ == "__main__":
    unittest.main()
