"""A guest: a machine of qemu-system, and the commands that it is given over its serial console."""

import contextlib
import subprocess
import threading
import time
from pathlib import Path

from .console import Job
from .facts import Failure, Target
from .node import Node


class Guest(Node):
    """A running machine; to be left as a context, which ends it whatever state it is in."""

    def __init__(self, target: Target, kernel: Path, initramfs: Path, network: list[str], log: Path | None, prefix: list[str]) -> None:
        boot = target.facts["boot"]
        super().__init__(target.short, target, "/tmp")
        self.started = time.monotonic()
        self._log = log.open("wb") if log else None
        self._lock = threading.Lock()
        # Two processors for up to five machines: those that measure something else go first.
        # Should this script be killed, its machines go too.
        self.command = ["setpriv", "--pdeathsig", "KILL", *prefix, "nice", "-n", "5", boot["program"]]
        self.command += ["-M", boot["machine"], "-cpu", boot["cpu"], "-m", str(boot["memory"])]
        self.command += ["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", *network]
        self.command += ["-kernel", str(kernel), "-initrd", str(initramfs)]
        self.command += ["-append", f"console={boot['console']} quiet panic=-1 rdinit=/init"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            # A session of its own: Ctrl-C is for the script, which then ends its guests.
            self._process = subprocess.Popen(self.command, **pipes, start_new_session=True)
        except FileNotFoundError as error:
            raise Failure(f"{self.name}: {error.filename} is not installed; Debian's package: {boot['package']}") from error
        self._errors: list[bytes] = []
        self._threads = [threading.Thread(target=self._read, daemon=True), threading.Thread(target=self._read_errors, daemon=True)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(5)
        if self._log:
            self._log.close()

    def ready(self, seconds: float) -> str:
        """Waits for the first word of init: the kernel's version and machine."""
        console = self.console
        if not console.wait(lambda: any(note.startswith("ready ") for note in console.notes), self.started + seconds):
            raise Failure(self.hung("boot", "init has not started", seconds))
        failed = [note for note in console.notes if note.startswith("failed ")]
        if failed:
            raise Failure(f"{self.name}: init: {'; '.join(failed)}")
        return console.notes[-1].split(" ", 2)[2]

    def send(self, verb: str, *words: str) -> Job:
        """Gives a command and does not wait for it."""
        if any("\t" in word or "\n" in word for word in words):
            raise ValueError(f"{words!r}: tabulators and line feeds separate words and commands")
        with self._lock:
            job = self.new_job(" ".join(words or [verb]))
            line = "\t".join([f"{job.number} {verb}", *words]) + "\n"
            try:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()
            except OSError as error:
                raise Failure(self.hung(job.words, f"the machine is gone ({error.strerror})", 0)) from error
        return job

    def start(self, *words: str) -> Job:
        return self.send("run", *words)

    def off(self, seconds: float = 30) -> str:
        """Ends everything on the machine and waits until it has switched itself off; what init says at the end."""
        job = self.finish(self.send("off"), seconds)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure(self.hung("power off", "the machine still runs", seconds)) from error
        return " ".join(job.out)

    def hung(self, step: str, what: str, seconds: float) -> str:
        state = "the machine runs"
        if self.console.closed:
            # Its last words come a moment before its end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._threads[1].join(2)
            seconds = 0
        if self._process.poll() is not None:
            state = f"{self.target.facts['boot']['program']} ended with status {self._process.returncode}"
            state += f": {b''.join(self._errors).decode(errors='replace').strip()[-500:]}"
        damaged = f"\n  {len(self.console.damaged)} lines of the console were damaged" if self.console.damaged else ""
        after = f" after {seconds:.0f} s" if seconds else ""
        return f"{self.name}: {step}: {what}{after}; {state}{damaged}; its console's last lines:\n{self.console.tail() or '  (nothing)'}"

    def _read(self) -> None:
        for raw in self._process.stdout:
            if self._log:
                self._log.write(raw)
                self._log.flush()
            self.console.feed(raw)
        self.console.close()

    def _read_errors(self) -> None:
        for raw in self._process.stderr:
            self._errors.append(raw)
