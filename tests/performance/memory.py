"""Memory of an idle node and of its groups, the size of the program, and what an idle node writes."""

import os
import time

from nodes import SLEEPER, Node
from report import Row

# Time in which start-up work is over and freed memory has gone back: a process gives it back when nothing has happened for half
# a second, and looks at that every half second, so at the latest a second after the last event.
SETTLE_SECONDS = 2.5


def rows(gshell, groups):
    with Node(gshell) as node:
        settle()
        daemon = rollup(node.pid)["Pss"]
        others = sum(rollup(pid)["Pss"] for pid in node.processes()) - daemon
        pids = [node.run(f"g{number}", SLEEPER)["pid"] for number in range(groups + 1)]
        settle()
        # The first group shares pages with nobody yet; a further one is what a fleet of groups costs each.
        further = [rollup(pid) for pid in pids[1:]]
        pss = sum(figures["Pss"] for figures in further) / groups
        private = sum(figures["Private_Clean"] + figures["Private_Dirty"] for figures in further) / groups
    size = os.stat(gshell).st_size
    return [
        Row("idle daemon, PSS", "1.2 MB", mb(daemon), "10.2 MB", "OpenWrt's ubusd 0.3 MB", daemon <= 1200),
        Row("its fork server, PSS", "", mb(others), "", ""),
        Row("each further group with one sleeping script, PSS", "0.4 MB", mb(pss), "3.8 MB", f"{groups} groups", pss <= 400),
        Row("the same, private memory", "", mb(private), "", ""),
        Row("program, stripped", "1.6 MB", f"{size / 1e6:.2f} MB", "", "", size <= 1_600_000),
    ]


def idle_rows(gshell, seconds):
    """Bytes that an idle node gives to the kernel for storage, and to files at all, in this many seconds."""
    with Node(gshell) as node:
        node.run("idle", SLEEPER)
        node.run("ended", "print('x')")
        # The group in which nothing runs ends after its linger; that is not idleness yet.
        time.sleep(min(8.0, seconds + 6))
        before = written(node)
        time.sleep(seconds)
        after = written(node)
    stored, calls = (sum(now[key] - then[key] for then, now in pairs(before, after)) for key in ("write_bytes", "syscw"))
    name = f"idle node with a sleeping script, written to storage in {seconds:g} s"
    return [Row(name, "0 bytes", f"{stored} bytes", "", f"{calls} write calls of any kind", stored == 0)]


def settle():
    time.sleep(SETTLE_SECONDS)
    os.sync()


def rollup(pid):
    """kB by name."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = [line.split() for line in file.readlines()[1:]]
    return {fields[0].rstrip(":"): int(fields[1]) for fields in lines}


def written(node):
    figures = {}
    for pid in node.processes():
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            figures[pid] = {name.rstrip(":"): int(value) for name, value in (line.split() for line in file)}
    return figures


def pairs(before, after):
    if before.keys() != after.keys():
        raise SystemExit(f"measure: processes came or went while the node was idle: {set(before) ^ set(after)}")
    return [(before[pid], after[pid]) for pid in before]


def mb(kilobytes):
    return f"{kilobytes / 1000:.2f} MB"
