"""Release archives: the same bytes each time, refused by name where they do not belong, and described as SPDX wants it."""

import gzip
import json
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from targets import archive, crates, dist, elf, facts, plugins
from targets.elf import Elf
from targets.facts import Failure, Target
from targets.parts import Parts


def program_of(target: Target) -> bytes:
    """The header of a program for `target`, and some bytes."""
    wide, big = target.facts["bits"] == 64, target.facts["endian"] == "big"
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if big else 1, 1]) + bytes(9)
    machine = elf.MACHINES[target.triple.split("-")[0]]
    return ident + struct.pack(">HH" if big else "<HH", 2, machine) + bytes(80)


def files_of(target: Target) -> dict[str, bytes]:
    """The files of an archive for `target` with that program."""
    program = program_of(target)
    files = {archive.PROGRAM: program, "install.sh": dist.installer(target, Elf(program)), "init/gshell.init": b"#!/bin/sh\n"}
    files |= {f"plugins/{name}.gplugin": name.encode() for name in ("echo", "hash")}
    described = dist.manifest(target, "full", dist.FIXED, "0" * 40, files)
    files[archive.MANIFEST] = json.dumps(described).encode()
    files[archive.SUMS] = archive.sums(files)
    return files


class Archives(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gshell-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.targets = facts.load()

    def packed(self, target: Target, files: dict[str, bytes] | None = None) -> Path:
        path = self.folder / f"gshell-{target.triple}.tar.gz"
        path.write_bytes(archive.pack("gshell", files or files_of(target), 1_700_000_000))
        return path

    def test_the_same_files_make_the_same_bytes(self) -> None:
        files = files_of(self.targets["mips"])
        other_order = dict(reversed(files.items()))
        self.assertEqual(archive.pack("a", files, 5), archive.pack("a", other_order, 5))
        self.assertNotEqual(archive.pack("a", files, 5), archive.pack("a", files, 6))
        # Neither a name nor a time in the header of gzip.
        self.assertEqual(archive.pack("a", files, 5)[3:8], bytes(5))

    def test_a_good_archive_passes(self) -> None:
        for target in self.targets.values():
            self.assertEqual(archive.verify(self.packed(target), target)["target"], target.triple)

    def test_an_archive_of_another_target_is_refused_by_name(self) -> None:
        for theirs in self.targets.values():
            path = self.packed(theirs)
            for ours in self.targets.values():
                if ours is theirs:
                    continue
                with self.assertRaises(Failure) as caught:
                    archive.verify(path, ours)
                self.assertIn(f"is for {theirs.triple}, not for {ours.triple}", str(caught.exception))

    def test_a_program_of_another_machine_is_found_out(self) -> None:
        files = files_of(self.targets["mips"])
        files[archive.PROGRAM] = program_of(self.targets["mipsel"])
        with self.assertRaisesRegex(Failure, "its program is for another machine"):
            archive.verify(self.packed(self.targets["mips"], files), None)

    def test_damage_is_found(self) -> None:
        target = self.targets["x86_64"]
        changed = files_of(target) | {"init/gshell.init": b"#!/bin/sh\nevil\n"}
        with self.assertRaisesRegex(Failure, "SHA256SUMS is not that of its files"):
            archive.verify(self.packed(target, changed), None)
        changed[archive.SUMS] = archive.sums({name: data for name, data in changed.items() if name != archive.SUMS})
        with self.assertRaisesRegex(Failure, "lists other files than it has"):
            archive.verify(self.packed(target, changed), None)
        with self.assertRaisesRegex(Failure, "is no release archive: it has no bin/gshell"):
            archive.verify(self.packed(target, {archive.MANIFEST: b"{}", archive.SUMS: b""}), None)
        whole = self.packed(target)
        for bad in (whole.read_bytes()[:200], b"", gzip.compress(b"x" * 9)):
            whole.write_bytes(bad)
            with self.assertRaises(Failure):
                archive.verify(whole, None)

    def test_differences_are_named(self) -> None:
        target = self.targets["x86_64"]
        one = self.packed(target)
        other = self.folder / "other.tar.gz"
        shutil.copy(one, other)
        self.assertEqual(archive.differences(one, other), [])
        files = files_of(target) | {"init/gshell.init": b"#!/bin/zh\n"}
        other.write_bytes(archive.pack("gshell", files, 1_700_000_000))
        self.assertEqual(archive.differences(one, other), ["init/gshell.init: 10 and 10 bytes, first different at 7"])


class Installer(unittest.TestCase):
    """install.sh on root folders of every kind of machine, and on this one; with every shell that is here."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gshell-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.targets = facts.load()
        self.shells = [["sh"], *([["busybox", "sh"]] if shutil.which("busybox") else [])]

    def unpacked(self, target: Target) -> Path:
        place = self.folder / f"archive-{target.short}"
        for name, data in files_of(target).items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return place

    def root_of(self, target: Target) -> Path:
        root = self.folder / f"root-{target.short}"
        (root / "bin").mkdir(parents=True, exist_ok=True)
        (root / "bin/busybox").write_bytes(program_of(target))
        return root

    def run_with(self, shell: list[str], place: Path, *words: str | Path) -> subprocess.CompletedProcess:
        return subprocess.run([*shell, place / "install.sh", *words], capture_output=True, text=True)

    def test_an_archive_of_another_target_is_refused_by_name(self) -> None:
        for theirs in self.targets.values():
            place = self.unpacked(theirs)
            for machine in self.targets.values():
                root = self.root_of(machine)
                for shell in self.shells:
                    done = self.run_with(shell, place, "--root", root)
                    if elf.kind_of(theirs) == elf.kind_of(machine):
                        self.assertEqual((done.returncode, done.stderr), (0, ""), shell)
                        self.assertEqual((root / "usr/bin/gshell").read_bytes(), program_of(theirs))
                        (root / "usr/bin/gshell").unlink()
                        continue
                    self.assertEqual(done.returncode, 1, shell)
                    named = {"armv7": "arm"}.get(machine.short, machine.short.removesuffix("-musl"))
                    self.assertIn(f"this archive is for {theirs.triple}, {root} is {named} (", done.stderr)
                    self.assertFalse((root / "usr/bin/gshell").exists())

    def test_this_machine_is_what_its_shell_is(self) -> None:
        own = Elf.read(Path("/proc/self/exe")).kind
        for target in self.targets.values():
            for shell in self.shells:
                done = self.run_with(shell, self.unpacked(target), "--check")
                if elf.kind_of(target) == own:
                    self.assertEqual((done.returncode, done.stdout), (0, f"gshell {dist.version()} for {target.triple} fits this machine\n"), done.stderr)
                else:
                    self.assertIn(f"this archive is for {target.triple}, this machine is ", done.stderr)

    def test_init_files_have_the_prefix(self) -> None:
        target = self.targets["mips"]
        place, root = self.unpacked(target), self.root_of(target)
        (place / "init/gshell.init").write_text("program=/usr/bin/gshell\n")
        (root / "etc/init.d").mkdir(parents=True)
        done = self.run_with(["sh"], place, "--root", root, "--prefix", "/opt/g")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((root / "etc/init.d/gshell").read_text(), "program=/opt/g/bin/gshell\n")
        self.assertTrue((root / "opt/g/bin/gshell").exists())

    def test_plugins_go_where_the_program_looks(self) -> None:
        target = self.targets["mips"]
        place = self.unpacked(target)
        for shell in self.shells:
            for said, there in ((["--plugins", "none"], []), (["--plugins", "hash"], ["hash"]), ([], ["echo", "hash"])):
                root = self.root_of(target)
                done = self.run_with(shell, place, "--root", root, "--prefix", "/opt/g", *said)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                folder = root / "usr/lib/gshell/plugins"
                self.assertEqual(sorted(path.name for path in folder.glob("*")), [f"{name}.gplugin" for name in there])
                shutil.rmtree(root)
            root = self.root_of(target)
            done = self.run_with(shell, place, "--root", root, "--plugins", "echo,hsah")
            self.assertEqual(done.returncode, 1)
            self.assertIn('no plugin is called "hsah"; there are: echo, hash', done.stderr)
            self.assertFalse((root / "usr").exists(), "nothing is installed by halves")

    def test_bad_command_lines(self) -> None:
        place = self.unpacked(self.targets["mips"])
        empty = self.folder / "empty"
        empty.mkdir()
        for words, said in (
            (["--frob"], 'no option is called "--frob"'),
            (["--root"], "--root needs a value"),
            (["--root", empty], "which would say what machine it is for"),
        ):
            done = self.run_with(["sh"], place, *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)

    def test_a_missing_loader_is_named(self) -> None:
        target = self.targets["mips"]
        place, root = self.unpacked(target), self.root_of(target)
        script = place / "install.sh"
        script.write_text(script.read_text().replace("loader=-", "loader=/lib/ld.so.1", 1))
        done = self.run_with(["sh"], place, "--root", root)
        self.assertIn(f"whose programs need /lib/ld.so.1, and {root} does not have it", done.stderr)


class ListOfParts(unittest.TestCase):
    """Needs cargo, and the registry's archives that a build needs, too."""

    def test_it_is_what_spdx_wants(self) -> None:
        target = facts.find("mips")
        parts = Parts(target, dist.switches(), dist.version(), plugins.names())
        document = json.loads(parts.spdx("0" * 64, 1_700_000_000))
        self.assertEqual(parts.spdx("0" * 64, 1_700_000_000), parts.spdx("0" * 64, 1_700_000_000))
        self.assertEqual(document["creationInfo"]["created"], "2023-11-14T22:13:20Z")
        ids = [package["SPDXID"] for package in document["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        for relation in document["relationships"]:
            self.assertIn(relation["spdxElementId"], ["SPDXRef-DOCUMENT", *ids])
            self.assertIn(relation["relatedSpdxElement"], ids)
        names = {package["name"] for package in document["packages"]}
        self.assertTrue({"gshell", "lua", "rust-std", "mlua", "rustyline", "hashbrown"} <= names)
        self.assertTrue({"gshell-plugin-sqlite", "sqlite", "rusqlite", "flate2"} <= names)
        told = [relation["relatedSpdxElement"] for relation in document["relationships"] if relation["relationshipType"] == "DESCRIBES"]
        self.assertEqual(len(told), 1 + len(plugins.names()), "the program and each plugin")
        self.assertFalse({"syn", "cc", "serde_derive", "gshell-tests"} & names, "these are in no program")

    def test_the_lean_flavour_has_fewer_parts(self) -> None:
        target = facts.find("x86_64")
        full = {crate.name for crate in crates.of_program(target, dist.switches(), [])}
        lean = {crate.name for crate in crates.of_program(target, [], [])}
        self.assertTrue(lean < full)
        self.assertNotIn("rusqlite", full)
        self.assertIn("rustyline", full - lean)

    def test_every_licence_has_a_text(self) -> None:
        texts = Parts(facts.find("armv7"), dist.switches(), dist.version(), ["sqlite"]).licences()
        self.assertIn(b"Lua.org, PUC-Rio", texts["lua/COPYRIGHT"])
        self.assertTrue(all(texts.values()), "none is empty")


if __name__ == "__main__":
    unittest.main()
