"""Times: a daemon's start, whole commands, and what the machine itself takes for the like."""

import pathlib
import statistics
import subprocess
import tempfile

from nodes import HELLO, SLEEPER, Node, timed
from report import Row

HERE = pathlib.Path(__file__).resolve().parent


def rows(gshell, rounds):
    first, again = daemon_ready(gshell, rounds)
    new, existing, listing, true = commands(gshell, rounds)
    baseline = f"/bin/true {statistics.median(true):.2f} ms"
    rate, trip = ping_pong()
    return [
        row("daemon ready after its start", 8, again, "12 ms", baseline),
        row("the same, first start: its folders are made and synced", 8, first, "", baseline),
        row("`run -i` of hello, whole process, new group", 12, new, "1025 ms", baseline),
        row("`run -i` of hello, whole process, existing group", 6, existing, "23 ms", baseline),
        row("`ps`, whole process", 3, listing, "10 ms", baseline),
        Row("raw ping-pong over a unix socket, 32 bytes", "", f"{trip:.1f} µs", "", f"{rate:.0f} a second"),
    ]


def row(name, goal, times, original, baseline):
    low, middle, high = spread(times)
    return Row(name, f"{goal} ms", f"{middle:.2f} ms ({low:.2f} to {high:.2f})", original, baseline, middle <= goal)


def spread(times):
    """Tenth, fiftieth and ninetieth of a hundred."""
    ordered = sorted(times)
    last = len(ordered) - 1
    return ordered[round(last * 0.1)], statistics.median(ordered), ordered[round(last * 0.9)]


def daemon_ready(gshell, rounds):
    """Times of first starts, and of starts on folders that are there."""
    first, again = [], []
    for _ in range(min(rounds, 25)):
        with Node(gshell) as node:
            first.append(node.ready_ms)
            node.stop()
            node.start()
            again.append(node.ready_ms)
    return first, again


def commands(gshell, rounds):
    with Node(gshell) as node:
        hello = node.script("hello.lua", HELLO)
        node.run("base", SLEEPER)
        node.timed("run", "-i", "-g", "base", hello)
        new, existing, true = [], [], []
        for number in range(rounds):
            # Removed at once, so that every round finds the same node.
            new.append(node.timed("run", "-i", "--rm", "-g", f"new{number}", hello))
            existing.append(node.timed("run", "-i", "--rm", "-g", "base", hello))
            # In between, so that what slows one slows the other.
            true.append(timed(["/bin/true"], node.env))
        listing = [node.timed("ps") for _ in range(rounds)]
    return new, existing, listing, true


def build_ping_pong(folder):
    binary = f"{folder}/pingpong"
    subprocess.run(["cc", "-O2", "-o", binary, str(HERE / "pingpong.c")], check=True)
    return binary


def ping_pong():
    """Round trips a second, and microseconds for one, of two processes on a unix socket; written in C."""
    with tempfile.TemporaryDirectory() as folder:
        binary = build_ping_pong(folder)
        rates = [float(subprocess.run([binary], check=True, capture_output=True, text=True).stdout) for _ in range(5)]
    rate = statistics.median(rates)
    return rate, 1e6 / rate
