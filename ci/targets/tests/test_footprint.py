"""What the sizes of docs/footprint.md come from: sections of programs, and lists of system calls."""

import shutil
import sys
import unittest
from pathlib import Path

from targets import facts, footprint, heap
from targets.elf import Elf
from targets.facts import Failure


class Sections(unittest.TestCase):
    def test_those_of_a_real_program(self) -> None:
        path = Path(shutil.which("sh") or "/bin/sh")
        program = Elf.read(path)
        sections = {section.name: section for section in program.sections()}
        self.assertFalse(sections[".text"].is_writable)
        self.assertTrue(sections[".text"].in_file and sections[".bss"].is_writable and not sections[".bss"].in_file)
        self.assertLess(sum(section.size for section in sections.values() if section.in_file), path.stat().st_size)
        self.assertTrue(program.loader and Path(program.loader).exists(), program.loader)

    def test_what_is_no_program_is_said(self) -> None:
        for data in (b"", b"#!/bin/sh\n" * 20, b"\x7fELF" + b"\x09" * 90):
            with self.assertRaisesRegex(Failure, "x is no ELF program"):
                Elf(data, "x")

    def test_every_section_has_one_group(self) -> None:
        for name, group in (
            (".text", "code"),
            (".plt.got", "code"),
            (".rela.dyn", "relocations"),
            (".ARM.exidx", "unwinding"),
            (".eh_frame_hdr", "unwinding"),
            (".data.rel.ro.local", "constants with addresses"),
            (".data", "data"),
            (".dynstr", "names and versions"),
            (".shstrtab", "other"),
        ):
            self.assertEqual(footprint._group(name), group, name)

    def test_a_program_that_was_not_built_is_named(self) -> None:
        with self.assertRaisesRegex(Failure, "build it with: ci/footprint mips"):
            footprint._program(facts.find("mips"), "gshell-no-such-flavour")


class Heaps(unittest.TestCase):
    def test_calls_of_both_tools(self) -> None:
        qemu = "7 brk(NULL) = 0x00831000\n8 brk(0x00840000) = 0x00840000\n7 brk(0x00852000) = 0x00852000\n"
        strace = "7 brk(NULL)                 = 0x831000\n7 brk(0x852000)        = 0x852000\n"
        for text in (qemu, strace):
            self.assertEqual(heap._heap(text, "7", 0x831000), 0x21000)
            self.assertEqual(heap._heap(text, "9", 0x831000), 0)


if __name__ == "__main__":
    sys.exit(unittest.main())
