"""A node in a network namespace of this machine, whose programs run natively or under qemu-user."""

import os
import subprocess
import threading
import time
from pathlib import Path

from . import emulate
from .console import Job
from .facts import Target
from .node import Node


class HostNode(Node):
    """Runs programs in the namespace `space`. Paths are those of a guest; `files` says where these files lie here."""

    def __init__(self, name: str, target: Target, space: str, files: dict[str, Path], folder: Path) -> None:
        super().__init__(name, target, str(folder))
        self._space = space
        self._files = files
        self._env = os.environ | emulate.environment(target)
        self._env |= {"GSHELL_RUN_DIR": str(folder / "run"), "GSHELL_STATE_DIR": str(folder / "state")}

    def start(self, *words: str) -> Job:
        job = self.new_job(" ".join(words))
        here = [str(self._files.get(word.removeprefix("/"), word)) for word in words]
        # By binfmt_misc, a program of another architecture is executed like any.
        process = subprocess.Popen(
            ["ip", "netns", "exec", self._space, *here],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._env,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        readers = [
            threading.Thread(target=self._read, args=(process.stdout, job.out), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, job.err), daemon=True),
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._await, args=(process, job, readers), daemon=True).start()
        return job

    def hung(self, step: str, what: str, seconds: float) -> str:
        after = f" after {seconds:.0f} s" if seconds else ""
        return f"{self.name}: {step}: {what}{after}; the node's last lines:\n{self.console.tail() or '  (nothing)'}"

    def _read(self, stream, lines: list[str]) -> None:
        for line in stream:
            with self.console.changed:
                lines.append(line.rstrip("\n"))
                self.console.last.append(lines[-1])
                self.console.changed.notify_all()

    def _await(self, process: subprocess.Popen, job: Job, readers: list[threading.Thread]) -> None:
        status = process.wait()
        # What it started may have its outputs and go on.
        for reader in readers:
            reader.join(1)
        with self.console.changed:
            job.status, job.ended = status if status >= 0 else 128 - status, time.monotonic()
            self.console.changed.notify_all()
