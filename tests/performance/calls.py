"""A function of a plugin against the same function in a C module of Lua, called by one script in one group."""

import pathlib
import statistics
import subprocess
import tempfile

from nodes import Node
from report import Row

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "plugins" / "abi" / "include"
# At most this many times the C module's time.
GOAL = 2
# A string of 1 KiB may take this many times as long as one of a byte: nothing is copied.
SAME = 1.25


def rows(gshell, rounds, calls):
    with tempfile.TemporaryDirectory() as folder:
        compiled("plain", f"{folder}/plain.so")
        compiled("called", f"{folder}/called.gplugin")
        times = {}
        with Node(gshell, {"GSHELL_PLUGIN_DIR": folder}) as node:
            script = str(HERE / "calls" / "calls.lua")
            for line in node.ok("run", "-i", "--rm", "-g", "calls", script, folder, str(rounds), str(calls)).splitlines():
                name, nanoseconds = line.split("\t")
                times.setdefault(name, []).append(float(nanoseconds))
    ns = {name: statistics.median(of) for name, of in times.items()}
    add, text = ns["plugin add"] / ns["plain add"], ns["plugin 1 KiB"] / ns["plugin 1 B"]
    return [
        Row(
            "Lua calling a plugin, two integers",
            f"{GOAL} times a C module's function",
            f"{add:.2f} times ({ns['plugin add']:.0f} ns)",
            "",
            f"C module {ns['plain add']:.0f} ns",
            add <= GOAL,
        ),
        Row(
            "the same with a string of 1 KiB",
            "as with one byte: no copy",
            f"{text:.2f} times ({ns['plugin 1 KiB']:.0f} ns)",
            "",
            f"one byte {ns['plugin 1 B']:.0f} ns; C module {ns['plain 1 KiB']:.0f} ns",
            text <= SAME,
        ),
    ]


def compiled(name, to):
    flags = ["-O2", "-shared", "-fPIC", "-I", str(INCLUDE)]
    subprocess.run(["cc", *flags, "-o", to, str(HERE / "calls" / f"{name}.c")], check=True)
