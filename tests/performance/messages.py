"""Calls per second, as multiples of a raw blocking ping-pong over a unix socket in the same run."""

import json
import os
import statistics
import subprocess
import sys

from report import Row

# Name, arguments of asbench, goal as a multiple of raw.
CASES = [
    ("OS scope, one caller, 32 bytes", [], 0.75),
    ("the same, blocking client", ["--blocking"], 0.8),
    ("OS scope, 32 streams on one connection, 32 bytes", ["-n", "32"], 6),
    ("OS scope, one caller, 8 KiB", ["-s", "8192"], 0.7),
    ("OS scope, one caller, 128 KiB", ["-s", "131072"], 0.8),
    ("process scope, native to native on one executor", ["--scope", "process"], 15),
    ("process scope, across threads", ["--scope", "process", "--threads"], 0.5),
    ("OS scope, Lua client to native service", ["--lua"], 0.5),
    ("process scope, Lua to Lua in one group", ["--lua", "--scope", "process"], 3),
    ("TCP over loopback, one caller, 32 bytes", ["--scope", "tcp"], None),
    ("OS scope, one caller, 32 bytes, placed by the kernel", ["--free"], None),
    ("OS scope, 32 streams, 32 bytes, placed by the kernel", ["--free", "-n", "32"], None),
]


def beside(gshell):
    """asbench from the folder of the measured program."""
    path = os.path.join(os.path.dirname(gshell), "asbench")
    if not os.access(path, os.X_OK):
        sys.exit(f"measure: {path} is no program; build it by: cargo build --release -p asbench")
    return path


def measured(asbench, arguments, seconds, rounds):
    """The run whose ratio is the median."""
    command = [asbench, "--json", "-t", str(seconds), *arguments]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(rounds)]
    middle = statistics.median_low(run["ratio"] for run in runs)
    return next(run for run in runs if run["ratio"] == middle)


def rows(gshell, seconds, rounds):
    asbench = beside(gshell)
    result = []
    for name, arguments, goal in CASES:
        run = measured(asbench, arguments, seconds, rounds)
        figure = (
            f"{run['ratio']:.2f} times: {run['tps']:,.0f} a second, p50 {run['p50_us']:.1f} µs, p99 {run['p99_us']:.1f} µs"
        )
        result.append(
            Row(
                name=name,
                goal=f"{goal:g} times raw" if goal else "",
                figure=figure,
                original="",
                baseline=f"raw {run['raw_tps']:,.0f} a second, p50 {run['raw_p50_us']:.1f} µs",
                reached=run["ratio"] >= goal if goal else None,
            )
        )
    return result
