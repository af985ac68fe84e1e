"""A node of its own for measuring: folders, daemon, commands, and what is left swept away at the end."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

SLEEPER = "local gshell = require 'gshell' while true do gshell.sleep(3600) end\n"
HELLO = "print('hello')\n"


def spawn(argv, env, actions=()):
    """Starts a program with nothing to read and nobody to read it; gives its process ID."""
    null = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    return os.posix_spawn(argv[0], argv, env, file_actions=[*null, *actions])


def timed(argv, env):
    """Milliseconds from the start of a program to its end, which must be a success."""
    start = time.perf_counter()
    _, status = os.waitpid(spawn(argv, env), 0)
    took = (time.perf_counter() - start) * 1000
    if status != 0:
        raise SystemExit(f"measure: {' '.join(argv)} ended with status {os.waitstatus_to_exitcode(status)}")
    return took


class Node:
    """`with Node(gshell) as node:` a daemon that is ready; `ready_ms` is how long that took."""

    def __init__(self, gshell, env=None):
        self.gshell = gshell
        self.dir = tempfile.mkdtemp(prefix="gsp-", dir="/tmp")
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.dir,
            "GSHELL_RUN_DIR": f"{self.dir}/r",
            "GSHELL_STATE_DIR": f"{self.dir}/s",
            "GSHELL_NO_AUTOSTART": "1",
            **(env or {}),
        }
        self.pid = None
        self.ready_ms = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        read, write = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, write, 3)] if write != 3 else []
        os.set_inheritable(write, write == 3)
        start = time.perf_counter()
        self.pid = spawn([self.gshell, "daemon", "--ready-fd", "3"], self.env, actions)
        os.close(write)
        line = os.read(read, 64)
        self.ready_ms = (time.perf_counter() - start) * 1000
        os.close(read)
        if not line.endswith(b"\n"):
            raise SystemExit("measure: the daemon ended before it was ready")

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        self.pid = None

    def argv(self, *args):
        return [self.gshell, *args]

    def timed(self, *args):
        return timed(self.argv(*args), self.env)

    def ok(self, *args):
        # In a folder of its own, where no file has a plugin's name.
        done = subprocess.run(self.argv(*args), cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"measure: gshell {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def script(self, name, text):
        path = f"{self.dir}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run(self, group, text):
        """Runs a script and waits until it runs or has ended; gives its row of `ps --json`."""
        known = self.ok("run", "-g", group, self.script(f"{group}.lua", text))
        for _ in range(2000):
            job = next(job for job in json.loads(self.ok("ps", "--json")) if job["id"] == known)
            if job["state"] != "starting":
                return job
            time.sleep(0.005)
        raise SystemExit(f"measure: {known} does not start")

    def processes(self):
        """IDs of all processes that carry this node's folder in their environment."""
        mark, found = f"GSHELL_RUN_DIR={self.dir}/r\0".encode(), []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/environ", "rb") as file:
                        if mark in file.read():
                            found.append(int(name))
                except OSError:
                    pass
        return found

    def close(self):
        for _ in range(200):
            left = self.processes()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if self.pid:
                os.waitpid(self.pid, 0)
                self.pid = None
            if not left:
                break
            time.sleep(0.01)
        shutil.rmtree(self.dir, ignore_errors=True)
