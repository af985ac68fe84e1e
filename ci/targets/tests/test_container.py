"""What `cross` is given where no registry is reached."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from targets import container, facts

DEBIAN = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
OTHERS = "deb https://packages.example/tool tool-bookworm main\n"
VENDOR = "deb https://packages.example/apt bookworm stable\n"


class Base(unittest.TestCase):
    """The image that the Dockerfile begins with."""

    def test_it_is_one_of_debian(self):
        self.assertEqual(container.suite(container.base_image()), "bookworm")

    def test_a_release_is_read_from_the_tag(self):
        self.assertEqual(container.suite("docker.io/library/debian:trixie"), "trixie")

    def test_another_system_is_refused(self):
        for image in ("ubuntu:24.04", "docker.io/library/debian:12", "docker.io/library/debian"):
            with self.subTest(image), self.assertRaisesRegex(facts.Failure, "only images of Debian"):
                container.suite(image)


class Sources(unittest.TestCase):
    """The mirror of this machine."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.etc = Path(folder.name)
        (self.etc / "sources.list.d").mkdir()

    def put(self, name: str, text: str) -> Path:
        path = self.etc / name
        path.write_text(text)
        return path

    def test_only_what_names_the_release(self):
        kept = self.put("sources.list.d/debian.sources", DEBIAN)
        self.put("sources.list.d/tool.list", OTHERS)
        self.put("sources.list.d/vendor.list", VENDOR)
        self.put("sources.list.d/debian.sources.bak", DEBIAN)
        self.assertEqual(container.sources("bookworm", self.etc), [kept])

    def test_the_old_place(self):
        kept = self.put("sources.list", "deb http://mirror.example/debian bookworm main\n")
        self.assertEqual(container.sources("bookworm", self.etc), [kept])

    def test_comments_name_nothing(self):
        self.put("sources.list", "# deb http://mirror.example/debian bookworm main\n")
        with self.assertRaisesRegex(facts.Failure, "names Debian's release bookworm"):
            container.sources("bookworm", self.etc)


class Toolchain(unittest.TestCase):
    """The Rust toolchain, shown to cross."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.sysroot = self.folder / "1.2.3-x86_64-unknown-linux-gnu"
        for part in ("bin/cargo", "lib/rustlib/src/rust/library/std/Cargo.toml", "lib/rustlib/armv7-unknown-linux-gnueabihf/lib/x"):
            path = self.sysroot / part
            path.parent.mkdir(parents=True)
            path.touch()

    def env(self, short: str) -> dict[str, str]:
        with (
            mock.patch.object(container.shutil, "which", return_value="/usr/bin/rustup"),
            mock.patch.object(container, "output", return_value=f"{self.sysroot}\n"),
        ):
            return container.toolchain(facts.find(short), self.folder / "cache")

    def test_it_is_there_by_both_names(self):
        env = self.env("armv7")
        links = Path(env["RUSTUP_HOME"]) / "toolchains"
        for name in (env["RUSTUP_TOOLCHAIN"], self.sysroot.name):
            self.assertEqual((links / name).readlink(), self.sysroot)

    def test_a_second_time_takes_the_place_of_the_first(self):
        self.assertEqual(self.env("armv7"), self.env("armv7"))

    def test_std_is_built_when_the_toolchain_has_none(self):
        self.assertNotIn("CROSS_CONTAINER_OPTS", self.env("armv7"))
        self.assertIn("--env=RUSTC_BOOTSTRAP=1", self.env("aarch64")["CROSS_CONTAINER_OPTS"])

    def test_without_the_source_of_std_the_line_is_told(self):
        (self.sysroot / "lib/rustlib/src/rust/library/std/Cargo.toml").unlink()
        with self.assertRaisesRegex(facts.Failure, "rustup component add rust-src"):
            self.env("mips")

    def test_without_rustup_it_is_said(self):
        with mock.patch.object(container.shutil, "which", return_value=None):
            with self.assertRaisesRegex(facts.Failure, "there is no rustup"):
                container.toolchain(facts.find("mips"), self.folder)


class Cache(unittest.TestCase):
    """The folder that is named."""

    def test_forgetting_leaves_what_is_not_its_own(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(container.shutil, "which", return_value=None):
            cache = Path(folder) / "cache"
            engine = container.Engine(cache)
            engine.prepare()
            (cache / "mine").touch()
            engine.forget()
            self.assertEqual([path.name for path in cache.iterdir()], ["mine"])
            engine.prepare()
            (cache / "mine").unlink()
            engine.forget()
            self.assertFalse(cache.exists())

    def test_a_folder_of_something_else_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "podman").mkdir()
            container.Engine(Path(folder)).forget()
            self.assertTrue((Path(folder) / "podman").exists())


if __name__ == "__main__":
    unittest.main()
