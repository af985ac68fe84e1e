"""The service asbench of a plugin that is a file against the same plugin built into the program: the same client, by turns."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import messages
from nodes import Node
from report import Row

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
PLUGIN = ["rustc", "--package", "gshell-plugin-asbench", "--lib", "--crate-type", "cdylib"]
PROGRAM = ["build", "--package", "gshell", "--features", "builtin-asbench"]
# Name, arguments of asbench.
CASES = [("one caller, 32 bytes", ["-n", "1"]), ("32 streams, 32 bytes", ["-n", "32"])]
# Of the calls that are answered by what is built in, so many at least are answered by the file in the same time.
GOAL = 0.95


def rows(gshell, target, seconds, rounds, build):
    """Without `build`, what is not there yet is not measured."""
    plugin, program = files(target, build)
    for path in [plugin, program]:
        if not path.exists():
            print(f"measure: asbench built in is left out: {path} is not there, and a quick run builds nothing", file=sys.stderr)
            return []
    asbench = messages.beside(gshell)
    allowed = os.sched_getaffinity(0)
    # One processor for all, as asbench has it for what it starts itself.
    os.sched_setaffinity(0, {max(allowed)})
    try:
        with tempfile.TemporaryDirectory() as loaded, tempfile.TemporaryDirectory() as empty:
            shutil.copy(plugin, f"{loaded}/asbench.gplugin")
            with serving(gshell, loaded, "file") as file, serving(str(program), empty, "built in") as linked:
                return [row(name, *measured(asbench, words, [file, linked], seconds, rounds)) for name, words in CASES]
    finally:
        os.sched_setaffinity(0, allowed)


def files(target, build):
    """The plugin and the program that has it built in, compiled in the same way."""
    # In a folder of its own, so that it takes nobody's program away.
    beside = target / "builtin-asbench"
    if build:
        for words, into in [(PLUGIN, target), (PROGRAM, beside)]:
            subprocess.run(["cargo", *words, "--release", "--locked", "--target-dir", str(into)], cwd=REPOSITORY, check=True)
    return target / "release" / "libgshell_plugin_asbench.so", beside / "release" / "gshell"


class serving(Node):
    """A node in which the plugin serves; `where` it has to come from."""

    def __init__(self, gshell, folder, where):
        super().__init__(gshell, {"GSHELL_PLUGIN_DIR": folder})
        self.where = where

    def start(self):
        super().start()
        listed = next(line for line in self.ok("plugin", "list").splitlines() if line.startswith("asbench "))
        if ("built in" in listed) != (self.where == "built in"):
            raise SystemExit(f"measure: {self.gshell} is to have asbench as {self.where}, not as: {listed}")
        self.ok("run", "-g", "asbench", "asbench")


def measured(asbench, words, nodes, seconds, rounds):
    """Calls per second of each node, by rounds; who is first changes with each."""
    rates = {node.where: [] for node in nodes}
    for number in range(rounds):
        for node in nodes if number % 2 == 0 else reversed(nodes):
            command = [asbench, "--json", "-t", str(seconds), "--node", node.env["GSHELL_RUN_DIR"], *words]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            rates[node.where].append(json.loads(run.stdout)["tps"])
    return [rates[node.where] for node in nodes]


def row(name, file, linked):
    ratio = statistics.median(one / other for one, other in zip(file, linked))
    return Row(
        f"asbench as a plugin's file, {name}",
        f"{GOAL} times built in",
        f"{ratio:.2f} times: {statistics.median(file):,.0f} a second",
        "",
        f"built in {statistics.median(linked):,.0f} a second",
        ratio >= GOAL,
    )
