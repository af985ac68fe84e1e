"""A network in namespaces of its own: a bridge in one, and what is plugged into it. Nothing of it is on this machine's."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .facts import Failure

PREFIX = "gshell-boot-"
NETWORK, MASK, BITS = "10.99.0", "255.255.255.0", 24


class Bridge:
    """Made by `bridge`. Addresses are given out in the order in which they are asked for."""

    def __init__(self) -> None:
        self.name = f"{PREFIX}{os.getpid()}"
        self._made: list[str] = []
        self._last = 10

    def address(self) -> str:
        self._last += 1
        return f"{NETWORK}.{self._last}"

    @property
    def prefix(self) -> list[str]:
        """What is written before a command that is to run where the bridge is."""
        return ["ip", "netns", "exec", self.name]

    def make(self) -> None:
        self._namespace(self.name)
        ip("-n", self.name, "link", "add", "br0", "type", "bridge")
        ip("-n", self.name, "link", "set", "br0", "up")

    def guest_card(self, card: str, address: str) -> list[str]:
        """Plugs a guest in: qemu's words for its card, a model of that name."""
        number = int(address.rpartition(".")[2])
        tap = f"tap{number}"
        ip("-n", self.name, "tuntap", "add", tap, "mode", "tap")
        ip("-n", self.name, "link", "set", tap, "master", "br0", "up")
        mac = f"52:54:00:99:00:{number:02x}"
        backend = f"tap,id=n0,ifname={tap},script=no,downscript=no"
        return ["-netdev", backend, "-device", f"{card},netdev=n0,mac={mac},romfile="]

    def namespace(self, address: str) -> str:
        """A namespace with that address on the bridge; its name."""
        number = address.rpartition(".")[2]
        name = f"{self.name}-{number}"
        self._namespace(name)
        outside = f"veth{number}"
        ip("-n", self.name, "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", self.name, "link", "set", outside, "master", "br0", "up")
        ip("-n", name, "address", "add", f"{address}/{BITS}", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        return name

    def remove(self) -> None:
        """Ends what still runs in the namespaces, and takes these away."""
        for name in reversed(self._made):
            _remove(name)
        self._made.clear()

    def _namespace(self, name: str) -> None:
        ip("netns", "add", name)
        self._made.append(name)
        ip("-n", name, "link", "set", "lo", "up")


@contextlib.contextmanager
def bridge() -> Iterator[Bridge]:
    """A bridge that is gone afterwards. What a killed run left behind goes first."""
    need_root()
    for path in Path("/run/netns").glob(f"{PREFIX}*"):
        owner = re.match(r"\d+", path.name.removeprefix(PREFIX))
        if owner and not Path("/proc", owner[0]).exists():
            _remove(path.name)
    made = Bridge()
    try:
        made.make()
        yield made
    finally:
        made.remove()


def need_root() -> None:
    if os.geteuid() != 0:
        raise Failure("network namespaces with taps take root; run as root")


def ip(*words: str) -> str:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Failure("the command ip is missing; Debian's package: iproute2") from error
    if done.returncode != 0:
        raise Failure(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _remove(name: str) -> None:
    for tries in range(20):
        left = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split()
        if not left:
            break
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM if tries < 10 else signal.SIGKILL)
        time.sleep(0.1)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)
