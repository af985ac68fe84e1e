"""The environment of cargo for a target."""

import os
import unittest
from pathlib import Path
from unittest import mock

from targets import build, facts


class Environment(unittest.TestCase):
    """What cargo and the cc crate look for."""

    def test_linker_and_c_compiler(self):
        self.assertEqual(
            build.environment(facts.find("armv7")),
            {
                "CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER": "arm-linux-gnueabihf-gcc",
                "CC_armv7_unknown_linux_gnueabihf": "arm-linux-gnueabihf-gcc",
            },
        )

    def test_cargo_is_told_std_runner_and_folder(self):
        mips = facts.find("mips")
        with mock.patch.object(build, "run") as run:
            build.cargo(mips, ["test", "--package", "gshell-wire"], Path("/elsewhere"))
        command, env = run.call_args.args
        self.assertEqual(command[:4], ["cargo", "test", "--target", mips.triple])
        self.assertEqual(command[4:], ["-Zbuild-std=std,panic_unwind", "--package", "gshell-wire"])
        self.assertEqual(env["CARGO_TARGET_MIPS_UNKNOWN_LINUX_GNU_RUNNER"], "qemu-mips-static -L /usr/mips-linux-gnu")
        self.assertEqual(env["QEMU_LD_PREFIX"], "/usr/mips-linux-gnu")
        self.assertEqual(env["CARGO_TARGET_DIR"], "/elsewhere")

    def test_a_native_target_has_no_runner(self):
        with mock.patch.object(build, "run") as run:
            build.cargo(facts.find("x86_64"), ["build"])
        _, env = run.call_args.args
        self.assertNotIn("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", env)

    def test_flags_and_words_reach_the_script_that_ships(self):
        with mock.patch.object(build, "run") as run, mock.patch.dict(os.environ, {"GSHELL_SHIP_FLAGS": "--offline"}):
            built = build.ship(facts.find("aarch64"), "--features", "x")
        command, env = run.call_args.args
        self.assertEqual(command, ["bash", "ci/ship", "aarch64-unknown-linux-gnu"])
        self.assertEqual(env["GSHELL_SHIP_FLAGS"], "--offline --features x")
        self.assertEqual(env["GSHELL_SHIP_RUSTFLAGS"], " ".join(facts.find("aarch64").rustflags))
        self.assertEqual(built.parts[-3:], ("aarch64-unknown-linux-gnu", "release", "gshell"))

    def test_a_failed_command_is_named(self):
        with self.assertRaisesRegex(facts.Failure, "false … ended with status 1"):
            build.run(["false"], dict(os.environ))


if __name__ == "__main__":
    unittest.main()
