"""Something that runs programs and tells what they print: a guest, or a network namespace of this machine."""

import time

from .console import Console, Job
from .facts import Failure, Target

COMMAND_SECONDS = 60


class Node:
    """What guests and namespaces have in common. `target` is whose programs run there, `scratch` a folder of its."""

    def __init__(self, name: str, target: Target, scratch: str) -> None:
        self.name = name
        self.target = target
        self.scratch = scratch
        self.console = Console()

    def start(self, *words: str) -> Job:
        """Starts a program that goes on."""
        raise NotImplementedError

    def hung(self, step: str, what: str, seconds: float) -> str:
        """The text of a failure: what step it is, what did not come, and what there is to see."""
        raise NotImplementedError

    def new_job(self, words: str) -> Job:
        with self.console.changed:
            number = len(self.console.jobs) + 1
            self.console.jobs[number] = Job(words, number=number)
            return self.console.jobs[number]

    def run(self, *words: str, seconds: float = COMMAND_SECONDS) -> Job:
        """Runs a program to its end."""
        return self.finish(self.start(*words), seconds)

    def finish(self, job: Job, seconds: float = COMMAND_SECONDS) -> Job:
        """Waits for the end of a command."""
        if not self.console.wait(lambda: job.status is not None, time.monotonic() + seconds):
            raise Failure(self.hung(job.words, "has not ended", seconds))
        return job

    def line(self, job: Job, wanted: str, seconds: float = COMMAND_SECONDS) -> str:
        """Waits for a line with `wanted` among what a program prints."""

        def found() -> str | None:
            return next((line for line in job.out if wanted in line), None)

        self.console.wait(lambda: found() or job.status is not None, time.monotonic() + seconds)
        line = found()
        if line is None:
            ended = f"ended with status {job.status}: {' '.join(job.err[-3:])}" if job.status is not None else "goes on"
            raise Failure(self.hung(job.words, f"has not printed {wanted!r}, and {ended}", seconds))
        return line
