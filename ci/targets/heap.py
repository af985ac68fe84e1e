"""The heaps of a daemon and of a group, from the system calls with which they move the end of it."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import emulate
from .facts import Failure, Target

# As qemu-user and strace list them: the process, the call, and the end of the heap that it gives.
CALL = re.compile(r"^(?:\[pid +)?(\d+)\]? .*?brk\((?:NULL|0x[0-9a-f]+|0)\) *= *(0x[0-9a-f]+)", re.MULTILINE)

SLEEPER = "local gshell = require 'gshell' while true do gshell.sleep(3600) end\n"

# Time in which a node has become ready, also under an emulator on a machine that does other things.
PATIENCE = 60.0


def measure(target: Target, program: Path) -> tuple[int, int]:
    """Bytes of heap of an idle daemon, and of a group in which one script sleeps."""
    emulate.prepare(target)
    folder = Path(tempfile.mkdtemp(prefix="gsh-", dir="/tmp"))
    quiet = os.environ | emulate.environment(target)
    quiet |= {"GSHELL_RUN_DIR": f"{folder}/r", "GSHELL_STATE_DIR": f"{folder}/s", "GSHELL_NO_AUTOSTART": "1"}
    (folder / "sleeper.lua").write_text(SLEEPER)
    log = folder / "calls"
    if target.emulator:
        command, env = [str(program), "daemon"], quiet | {"QEMU_STRACE": "1"}
    else:
        command, env = ["strace", "-f", "-e", "trace=brk", "-o", str(log), str(program), "daemon"], quiet
    try:
        with log.open("wb") as errors:
            daemon = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
        try:
            _until_ready(program, quiet)
            text = log.read_text(errors="replace")
            first = CALL.search(text)
            if not first:
                raise Failure(f"{target.short}: no call of brk is among those of the daemon")
            idle = _heap(text, first[1], int(first[2], 16))
            subprocess.run([program, "run", "-g", "one", folder / "sleeper.lua"], env=quiet, check=True, capture_output=True)
            time.sleep(1.0)
            said = subprocess.run([program, "info", "--json"], env=quiet, check=True, capture_output=True, text=True)
            group = str(json.loads(said.stdout)["groups"][0]["pid"])
            text = log.read_text(errors="replace")
            return idle, _heap(text, group, int(first[2], 16)) or _heap(text, _parent(group), int(first[2], 16)) or idle
        finally:
            subprocess.run([program, "daemon", "stop", "--all"], env=quiet, capture_output=True)
            _end(daemon)
    except subprocess.CalledProcessError as error:
        raise Failure(f"{target.short}: {error}: {error.stderr}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _heap(text: str, process: str, start: int) -> int:
    ends = [int(match[2], 16) for match in CALL.finditer(text) if match[1] == process]
    return max(0, ends[-1] - start) if ends else 0


def _parent(process: str) -> str:
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[1]


def _until_ready(program: Path, env: dict[str, str]) -> None:
    end = time.monotonic() + PATIENCE
    while subprocess.run([program, "id"], env=env, capture_output=True).returncode != 0:
        if time.monotonic() > end:
            raise Failure(f"{program} daemon is not ready after {PATIENCE:.0f} s")
        time.sleep(0.1)


def _end(daemon: subprocess.Popen) -> None:
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
