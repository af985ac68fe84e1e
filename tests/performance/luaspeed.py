"""Lua in a group against the distribution's own interpreter, on the same script."""

import pathlib
import shutil
import statistics
import subprocess

from nodes import Node
from report import Row

BENCH = pathlib.Path(__file__).resolve().parent / "bench.lua"
# At most this many times the interpreter's time.
GOAL = 1.05


def rows(gshell, rounds):
    lua = shutil.which("lua5.4")
    if lua is None:
        raise SystemExit("measure: lua5.4 is missing; on Debian: apt-get install lua5.4")
    ours, theirs = {}, {}
    with Node(gshell) as node:
        for _ in range(rounds):
            # Alternately, so that a machine that slows down slows both.
            add(ours, node.ok("run", "-i", "--rm", "-g", "lua", str(BENCH)))
            add(theirs, subprocess.run([lua, str(BENCH)], check=True, capture_output=True, text=True).stdout)
    return [row(name, statistics.median(ours[name]), statistics.median(theirs[name])) for name in ours]


def add(times, text):
    for line in text.splitlines():
        name, seconds = line.split("\t")
        times.setdefault(name, []).append(float(seconds))


def row(name, ours, theirs):
    ratio = ours / theirs
    baseline = f"lua5.4 {theirs * 1000:.0f} ms"
    return Row(f"Lua, {name}", f"{GOAL} times lua5.4", f"{ratio:.2f} times ({ours * 1000:.0f} ms)", "", baseline, ratio <= GOAL)
