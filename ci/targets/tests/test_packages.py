"""Debian's packages: what is asked for, and what is said where it cannot be installed. The commands are little scripts."""

import os
import tempfile
import unittest
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from targets import packages
from targets.facts import Failure

# Of all packages only "here" is installed; dpkg-query says so in its own words.
QUERY = '#!/bin/sh\nfor last; do :; done\n[ "$last" = here ] && printf installed && exit 0\n[ "$last" = gone ] && printf config-files && exit 0\nexit 1\n'
NOTE = '#!/bin/sh\necho "$@" >> "{log}"\nexit {status}\n'
LINE = "apt-get install --no-install-recommends absent gone"


class Need(unittest.TestCase):
    """With a PATH of its own, and as one user or another."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.log = self.folder / "log"
        self.log.touch()

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def need(self, names: list[str], user: int = 0) -> str:
        """What apt-get was called with, if anything."""
        # env is asked for by name, and the scripts ask for sh by its path.
        if not (self.folder / "env").exists():
            (self.folder / "env").symlink_to("/usr/bin/env")
        with (
            mock.patch.dict(os.environ, {"PATH": str(self.folder)}),
            mock.patch.object(packages.os, "geteuid", return_value=user),
            redirect_stdout(StringIO()),
        ):
            packages.need(names)
        return self.log.read_text()

    def debian(self, status: int = 0) -> None:
        self.script("dpkg-query", QUERY)
        self.script("apt-get", NOTE.format(log=self.log, status=status))

    def test_what_is_there_is_not_asked_for(self):
        self.debian()
        self.assertEqual(self.need(["here"]), "")

    def test_root_installs_only_what_is_missing(self):
        self.debian()
        said = self.need(["here", "absent", "gone"])
        self.assertIn("install --no-remove --no-install-recommends absent gone\n", said)
        self.assertNotIn("here", said)

    def test_a_removed_package_of_which_settings_are_left_is_missing(self):
        self.debian()
        self.assertIn("gone", self.need(["gone"]))

    def test_others_are_told_the_line(self):
        self.debian()
        self.script("sudo", "#!/bin/sh\nexit 1\n")
        with self.assertRaisesRegex(Failure, f"only root may install them: {LINE}"):
            self.need(["here", "absent", "gone"], user=1000)
        self.assertEqual(self.log.read_text(), "")

    def test_sudo_without_a_password_is_used(self):
        self.debian()
        self.script("sudo", '#!/bin/sh\n[ "$1" = -n ] && shift\n[ "$1" = true ] || exec "$@"\n')
        self.assertIn("install --no-remove --no-install-recommends absent", self.need(["absent"], user=1000))

    def test_no_debian_is_told_the_names_and_the_line(self):
        with self.assertRaisesRegex(Failure, f"missing: absent, gone; on Debian they come by: {LINE}"):
            self.need(["absent", "gone"])

    def test_a_failure_of_apt_names_the_line(self):
        self.debian(status=100)
        with self.assertRaisesRegex(Failure, f"this failed, with the reason above: {LINE}"):
            self.need(["absent", "gone"])


if __name__ == "__main__":
    unittest.main()
