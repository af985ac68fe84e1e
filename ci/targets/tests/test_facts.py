"""The facts of the targets, and what is said about those that are not there."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from targets import facts

FIVE = {"aarch64", "armv7", "mips", "mipsel", "x86_64"}

GOOD = """\
triple = "m68k-unknown-linux-gnu"
short = "{short}"
bits = 32
endian = "big"
[build]
cc = "m68k-linux-gnu-gcc"
packages = ["gcc-m68k-linux-gnu"]
rustflags = []
cflags = []
[libc]
name = "glibc"
sysroot = "/usr/m68k-linux-gnu"
"""


class TheFiveTargets(unittest.TestCase):
    """What bsp/targets says."""

    def test_all_are_there(self):
        self.assertLessEqual(FIVE, set(facts.load()))

    def test_both_names_find_one(self):
        self.assertEqual(facts.find("mips"), facts.find("mips-unknown-linux-gnu"))

    def test_an_unknown_one_is_answered_with_those_there_are(self):
        with self.assertRaises(facts.Failure) as raised:
            facts.find("sparc")
        message = str(raised.exception)
        self.assertIn("'sparc'", message)
        for target in facts.load().values():
            self.assertIn(target.short, message)
            self.assertIn(target.triple, message)

    def test_big_endian_and_64_bits_are_what_the_emulator_recognises(self):
        """Bytes 4 and 5 of an ELF file say how wide and in which order it is."""
        for target in facts.load().values():
            if target.emulator is None:
                continue
            with self.subTest(target.short):
                magic = target.emulator.magic.encode().decode("unicode_escape").encode("latin-1")
                mask = target.emulator.mask.encode().decode("unicode_escape").encode("latin-1")
                self.assertEqual((len(magic), len(mask)), (20, 20))
                self.assertEqual(magic[4], {32: 1, 64: 2}[target.facts["bits"]])
                self.assertEqual(magic[5], {"little": 1, "big": 2}[target.facts["endian"]])

    def test_no_two_emulators_claim_one_program(self):
        emulators = [target.emulator for target in facts.load().values() if target.emulator]
        programs = {emulator.magic: emulator.program for emulator in emulators}
        for emulator in emulators:
            self.assertEqual(emulator.program, programs[emulator.magic])
        self.assertEqual(len(programs), len(set(programs.values())))

    def test_a_limit_is_not_below_its_goal(self):
        for target in facts.load().values():
            budget = target.facts["budget"]
            self.assertLessEqual(budget["goal"], budget["limit"], target.short)

    def test_the_page_for_users_tells_of_each(self):
        page = (facts.ROOT / "docs" / "targets.md").read_text()
        for target in facts.load().values():
            with self.subTest(target.short):
                self.assertIn(f"`{target.short}`", page)
                self.assertIn(target.triple, page)

    def test_the_variable_part_of_cargos_names(self):
        self.assertEqual(facts.find("armv7").variable, "ARMV7_UNKNOWN_LINUX_GNUEABIHF")


class Files(unittest.TestCase):
    """What a file may look like."""

    def load(self, name: str, text: str) -> dict[str, facts.Target]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / name).write_text(text)
            with mock.patch.multiple(facts, FOLDER=Path(folder), ROOT=Path(folder)):
                return facts.load()

    def test_without_an_emulator_it_is_native(self):
        self.assertTrue(self.load("m68k.toml", GOOD.format(short="m68k"))["m68k"].is_native)

    def test_a_file_is_called_as_its_target(self):
        with self.assertRaisesRegex(facts.Failure, "other.toml calls itself 'm68k'"):
            self.load("other.toml", GOOD.format(short="m68k"))

    def test_what_is_missing_is_named_with_the_file(self):
        text = GOOD.format(short="m68k").replace('cc = "m68k-linux-gnu-gcc"\n', "")
        with self.assertRaisesRegex(facts.Failure, r"m68k\.toml does not read: KeyError\('cc'\)"):
            self.load("m68k.toml", text)

    def test_what_is_no_toml_is_named(self):
        with self.assertRaisesRegex(facts.Failure, r"m68k\.toml does not read"):
            self.load("m68k.toml", "triple = ")


if __name__ == "__main__":
    unittest.main()
