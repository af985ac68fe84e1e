"""What the init of bsp/guest says on a guest's serial console; its other end is bsp/guest/init.c, which tells the format."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

MARK = re.compile(r"@gs (\d+) ([a-z]) (\d+) (.*)", re.DOTALL)

# Lines of the console that a failure shows.
KEPT = 25


@dataclass
class Job:
    """A command that the guest was given: what it printed, and its status as soon as it has ended."""

    words: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    status: int | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    parts: dict[str, str] = field(default_factory=dict)
    number: int = 0

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started


class Console:
    """Takes the lines of a console one after the other; whoever waits for something among them is woken."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.jobs: dict[int, Job] = {}
        self.notes: list[str] = []
        self.damaged: list[str] = []
        self.last: deque[str] = deque(maxlen=KEPT)
        self.closed = False

    def feed(self, raw: bytes) -> None:
        """One line, without or with its end."""
        line = raw.decode(errors="replace").rstrip("\r\n")
        # The length counts bytes, which replaced characters no longer tell.
        found = MARK.search(raw.rstrip(b"\n").decode("latin-1"))
        with self.changed:
            self.last.append(line)
            if found:
                self._marked(int(found[1]), found[2], int(found[3]), found[4], line)
            elif "@gs " in line:
                self.damaged.append(line)
            self.changed.notify_all()

    def close(self) -> None:
        """The guest is gone."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait(self, ready: Callable[[], object], deadline: float) -> bool:
        """Whether `ready` became true before the deadline, a time of `time.monotonic`, and before the guest was gone."""
        with self.changed:
            while not ready():
                left = deadline - time.monotonic()
                if left <= 0 or self.closed:
                    return False
                self.changed.wait(min(left, 1.0))
            return True

    def tail(self) -> str:
        with self.changed:
            return "\n".join(f"  | {line}" for line in self.last)

    def _marked(self, job_id: int, kind: str, length: int, text: str, line: str) -> None:
        if len(text) != length:
            self.damaged.append(line)
            return
        text = text.encode("latin-1").decode(errors="replace")
        job = self.jobs.get(job_id)
        if kind == "n":
            self.notes.append(text)
        elif job is None:
            self.damaged.append(line)
        elif kind == "x":
            job.status, job.ended = int(text), time.monotonic()
        elif kind in "pq":
            output = {"p": "o", "q": "e"}[kind]
            job.parts[output] = job.parts.get(output, "") + text
        elif kind in "oe":
            (job.out if kind == "o" else job.err).append(job.parts.pop(kind, "") + text)
        else:
            self.damaged.append(line)
