"""What a call is made of: system calls, switches between processes, and time in the kernel and outside of it.

Each figure is the difference of a long and a short run, so that starts and ends do not count. System calls are counted by strace;
without it their column is empty.
"""

import dataclasses
import os
import resource
import shutil
import subprocess
import tempfile

import timing
from messages import CASES, beside

HEAD = ["a call", "system calls", "switches", "in the kernel", "outside of it"]


@dataclasses.dataclass
class Used:
    """What the processes of a run have used."""

    kernel: float
    user: float
    switches: int


def cases():
    """The measured kinds of calls that have a goal; without those across threads, whose waiting is not in such figures."""
    return [(name, arguments) for name, arguments, goal in CASES if goal and "--threads" not in arguments]


def used(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Used(
        after.ru_stime - before.ru_stime,
        after.ru_utime - before.ru_utime,
        after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw,
    )


def system_calls(command):
    """How often each was made, by name."""
    with tempfile.NamedTemporaryFile("r") as file:
        strace = ["strace", "-f", "-c", "-U", "calls,name", "-o", file.name]
        subprocess.run([*strace, *command], check=True, stdout=subprocess.DEVNULL)
        lines = [line.split() for line in file]
    return {words[1]: int(words[0]) for words in lines if len(words) == 2 and words[0].isdigit()}


def traced(command, streams, count):
    """System calls of one call, the most frequent first; such as 2 sendto."""
    if not shutil.which("strace"):
        return ""
    calls = count // streams
    few, many = (system_calls(command(n)) for n in (calls, 3 * calls))
    each = {name: (many[name] - few.get(name, 0)) / (2 * calls * streams) for name in many}
    found = sorted(((n, name) for name, n in each.items() if n >= 0.01 and name != "total"), reverse=True)
    text = ", ".join(f"{n:.2g} {name}" for n, name in found)
    return f"{sum(n for n, _ in found):.2g}" + (f": {text}" if text else "")


def line(name, command, streams, count, traced_count):
    calls = count // streams
    few, many = (used(command(n)) for n in (calls, 3 * calls))
    over = 2 * calls * streams

    def microseconds(a, b):
        return f"{max(0, b - a) / over * 1e6:.2f} µs"

    switches = max(0, many.switches - few.switches) / over
    return [
        name,
        traced(command, streams, traced_count),
        f"{switches:.2g}",
        microseconds(few.kernel, many.kernel),
        microseconds(few.user, many.user),
    ]


def lines(gshell, quick):
    """The table without its head; of raw ping-pong first."""
    asbench = beside(gshell)
    count, traced_count = (3200, 320) if quick else (320_000, 6400)
    with tempfile.TemporaryDirectory() as folder:
        binary = timing.build_ping_pong(folder)
        found = [line("raw ping-pong, 32 bytes", lambda n: [binary, str(n)], 1, count, traced_count)]
    for name, arguments in cases():
        streams = int(arguments[arguments.index("-n") + 1]) if "-n" in arguments else 1
        calls = count * 4 if "process" in arguments or streams > 1 else count
        calls = calls // 4 if "131072" in arguments else calls
        found.append(line(name, lambda n, a=arguments: [asbench, *a, "--calls", str(n)], streams, calls, traced_count))
    return found


def table(found):
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [HEAD, ["---"] * len(HEAD), *found])
