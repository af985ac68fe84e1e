"""Cross.toml as it is made from the facts."""

import dataclasses
import tempfile
import tomllib
import unittest
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from targets import crosstoml, facts
from targets.tests.test_facts import FIVE


class Text(unittest.TestCase):
    """What stands in it."""

    @classmethod
    def setUpClass(cls):
        cls.read = tomllib.loads(crosstoml.make())["target"]

    def variables(self, short: str) -> dict[str, str]:
        entries = self.read[facts.find(short).triple]["env"]["passthrough"]
        return dict(entry.split("=", 1) for entry in entries)

    def test_every_target_has_its_entry(self):
        self.assertEqual(set(self.read), {target.triple for target in crosstoml.targets()})
        self.assertLessEqual(FIVE, {target.short for target in crosstoml.targets()})

    def test_only_keys_that_cross_knows(self):
        for triple, entry in self.read.items():
            with self.subTest(triple):
                self.assertEqual(set(entry), {"dockerfile", "env"})
                self.assertEqual(set(entry["dockerfile"]), {"file", "context", "build-args"})
                self.assertEqual(set(entry["env"]), {"passthrough"})

    def test_files_are_where_it_says(self):
        for entry in self.read.values():
            dockerfile = entry["dockerfile"]
            self.assertTrue((facts.ROOT / dockerfile["file"]).is_file())
            self.assertTrue((facts.ROOT / dockerfile["context"]).is_dir())
            text = (facts.ROOT / dockerfile["file"]).read_text()
            for argument in dockerfile["build-args"]:
                self.assertIn(f"ARG {argument}\n", text)

    def test_an_image_has_the_compiler_and_the_emulator(self):
        packages = self.read["mipsel-unknown-linux-gnu"]["dockerfile"]["build-args"]["PACKAGES"].split()
        self.assertEqual(packages, ["gcc-mipsel-linux-gnu", "libc6-dev-mipsel-cross", "qemu-user-static"])

    def test_std_is_built_where_rustup_has_none(self):
        for target in crosstoml.targets():
            with self.subTest(target.short):
                built = "CARGO_UNSTABLE_BUILD_STD" in self.variables(target.short)
                self.assertEqual(built, target.facts["cross"]["std"] == "source")
                self.assertEqual(built, "RUSTC_BOOTSTRAP" in self.variables(target.short))

    def test_a_program_finds_its_loader(self):
        self.assertEqual(self.variables("armv7")["QEMU_LD_PREFIX"], "/usr/arm-linux-gnueabihf")
        self.assertNotIn("QEMU_LD_PREFIX", self.variables("x86_64"))

    def test_flags_are_those_of_the_facts(self):
        armv7 = facts.find("armv7")
        odd = dataclasses.replace(armv7, rustflags=("-Ca", "-Cb"), facts=armv7.facts | {"build": {"cflags": ["-c", "-d"]}})
        variables = crosstoml.passthrough(odd)
        self.assertEqual(variables["CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_RUSTFLAGS"], "-Ca -Cb")
        self.assertEqual(variables["CFLAGS_armv7_unknown_linux_gnueabihf"], "-c -d")

    def test_a_word_that_is_not_known_is_refused(self):
        mips = facts.find("mips")
        odd = dataclasses.replace(mips, facts=mips.facts | {"cross": {"std": "nightly"}})
        with self.assertRaisesRegex(facts.Failure, "mips.toml: .* 'nightly'; it is one of: rustup, source"):
            crosstoml.entry(odd)


class Check(unittest.TestCase):
    """Written and held against the facts."""

    def test_what_is_committed_is_what_is_made(self):
        self.assertEqual(crosstoml.FILE.read_text(), crosstoml.make())

    def test_another_file_fails_and_names_the_command(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "Cross.toml"
            with mock.patch.object(crosstoml, "FILE", file), redirect_stdout(StringIO()):
                with self.assertRaisesRegex(facts.Failure, "ci/cross cross-toml"):
                    crosstoml.main(check=True)
                crosstoml.main(check=False)
                self.assertEqual(crosstoml.main(check=True), 0)
                file.write_text(file.read_text() + "\n")
                with self.assertRaisesRegex(facts.Failure, "is not what"):
                    crosstoml.main(check=True)


if __name__ == "__main__":
    unittest.main()
