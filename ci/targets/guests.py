"""One fleet of mixed architectures: guests, a node under qemu-user and a native one on one bridge, each calling each.

Every node serves example/fleet and example/echo.v1.0 in Lua, and the latter also in Rust where that example is built. Every
node calls every other in all of these ways, and checks what comes back, message by message.
"""

import contextlib
import os
import re
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import boot, build, emulate, facts, initramfs, kernels, table
from .bridge import MASK, Bridge, bridge, need_root
from .cache import Cache
from .checks import GSHELL
from .console import Job
from .facts import Failure, Target
from .hostnode import HostNode
from .machine import Guest
from .node import Node

FLEET_PORT, LUA_PORT, RUST_PORT = 4000, 4001, 4002
RUST = "/bin/echo"

# What a run of the echo client asks: nine requests on each of eleven streams.
ECHOED = 99
SECONDS = 180
ECHO = re.compile(r"\{ni hao (-?\d+)\} ==> \{ni hao! (-?\d+)\}, yours echo\.v1\.0 from \d+")


@dataclass(frozen=True)
class Member:
    """A node of the fleet, and where it is."""

    node: Node
    address: str
    rust: bool
    what: str


@dataclass(frozen=True)
class Calls:
    """What one node sent to one other in one way: the sum of it."""

    way: str
    caller: str
    called: str
    good: int
    wrong: int
    reason: str = ""


def main(args: Namespace, targets: list[Target], cache: Cache) -> bool:
    """Makes the fleet, has everybody call everybody, prints the table; whether nothing was wrong or missing."""
    need_root()
    chosen = [(target, boot.program_of(args, target), kernels.get(target, cache, args.refresh, args.kernel)) for target in targets]
    native = next((target for target in boot.bootable() if target.is_native), None)
    user = facts.find(args.user)
    if native is None or user.is_native:
        raise Failure("--user takes a target that needs an emulator, and bsp/targets one that needs none")
    # Found now, not when all guests are up.
    on_host = [(name, target, boot.program_of(args, target)) for name, target in (("native", native), (f"user-{user.short}", user))]
    emulate.prepare(user)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gshell-fleet.")))
        net = stack.enter_context(bridge())
        members = [_guest(stack, args, net, folder, *choice) for choice in chosen]
        members += [_host(args, net, folder, *choice) for choice in on_host]
        for member in members:
            if isinstance(member.node, Guest):
                print(f"{member.node.name}: {member.address}, Linux {member.node.ready(args.deadline)}", flush=True)
                _good(member.node, member.node.finish(member.node.send("net", member.address, MASK)))
            else:
                print(f"{member.node.name}: {member.address}, {member.what}", flush=True)
        with _pool(members) as pool:
            list(pool.map(_serve, members))
            print(f"{len(members)} nodes serve; each calls each", flush=True)
            calls = [entry for some in pool.map(lambda one: _call(one, members, args.messages), members) for entry in some]
            list(pool.map(_end, members))
    return _judge(members, calls, args.messages)


@contextlib.contextmanager
def _pool(members: list[Member]) -> Iterator[ThreadPoolExecutor]:
    """Threads for as many nodes as there are processors. A failure of one, or Ctrl-C, ends what the others wait for."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for member in members:
                member.node.console.close()
            raise


def _guest(stack: contextlib.ExitStack, args: Namespace, net: Bridge, folder: Path, target: Target, program: Path, kernel) -> Member:
    files, rust = _files(args, target, program)
    work = folder / target.short
    work.mkdir()
    image = initramfs.make(target, kernel, files, work)
    address = net.address()
    card = net.guest_card(target.facts["boot"]["card"], address)
    log = args.log / f"fleet-{target.short}.log" if args.log else None
    guest = stack.enter_context(Guest(target, kernel.image, image, card, log, net.prefix))
    return Member(guest, address, rust, f"guest of {target.facts['boot']['program']}")


def _host(args: Namespace, net: Bridge, folder: Path, name: str, target: Target, program: Path) -> Member:
    files, rust = _files(args, target, program)
    address = net.address()
    own = folder / name
    own.mkdir()
    node = HostNode(name, target, net.namespace(address), files, own)
    return Member(node, address, rust, "this machine" if target.is_native else target.emulator.program)


def _files(args: Namespace, target: Target, program: Path) -> tuple[dict[str, Path], bool]:
    """What a node needs, and whether the example in Rust is among it."""
    files = boot.files(program)
    if args.examples:
        echo = Path(args.examples.format(short=target.short, triple=target.triple)) / "echo"
    else:
        echo = build.examples_dir() / target.triple / "release" / "examples" / "echo"
    if not echo.is_file():
        print(f"{target.short}: only Lua, as {echo} is not built; ci/cross {target.short} examples does it", flush=True)
        return files, False
    return files | {RUST.removeprefix("/"): echo}, True


def _serve(member: Member) -> None:
    node, address = member.node, member.address
    _good(node, node.run(GSHELL, "daemon", "--detach"))
    words = [GSHELL, "run", "-i", "-g", "fleet"]
    servers = [node.start(*words, "/guest/fleet.lua", "serve", f"{address}:{FLEET_PORT}", node.name)]
    servers.append(node.start(*words, "/examples/echo_server.lua", "--tcp", f"{address}:{LUA_PORT}", "--delay", "0"))
    if member.rust:
        # Two services of one name are two nodes' affair, so it has a folder of its own.
        servers.append(node.start(RUST, "server", "--run-dir", f"{node.scratch}/rust", "--tcp", f"{address}:{RUST_PORT}", "--delay", "0"))
    for server in servers:
        node.line(server, " is served")


def _call(member: Member, members: list[Member], messages: int) -> list[Calls]:
    """Everything that one node sends: in each way to each other."""
    node = member.node
    others = [other for other in members if other is not member]
    asked = [f"{other.node.name}={other.address}:{FLEET_PORT}" for other in others]
    words = [GSHELL, "run", "-i", "--rm", "-g", "calls", "/guest/fleet.lua", "call", node.name, str(messages)]
    job = node.run(*words, *asked, seconds=SECONDS)
    calls = [_answered(node.name, other.node.name, job, messages) for other in others]
    lua = [GSHELL, "exec", "/examples/echo_client.lua", "--tcp"]
    rust = [RUST, "client", "--tcp"]
    for other in others:
        if other.rust:
            calls.append(_echoed("Lua to Rust", node, other, lua, RUST_PORT))
        if member.rust:
            calls.append(_echoed("Rust to Lua", node, other, rust, LUA_PORT))
        if member.rust and other.rust:
            calls.append(_echoed("Rust to Rust", node, other, rust, RUST_PORT))
    print(f"  {node.name}: {len(calls)} conversations, {sum(entry.good for entry in calls)} answers right", flush=True)
    return calls


def _answered(caller: str, called: str, job: Job, messages: int) -> Calls:
    """What guest/fleet.lua printed about one node."""
    for line in job.out:
        name, good, wrong, reason = [*line.split("\t", 3), "", "", ""][:4]
        if name == called and good.isdigit() and wrong.isdigit():
            return Calls("Lua to Lua", caller, called, int(good), int(wrong), reason)
    reason = f"status {job.status}: {' '.join(job.err[-2:])}"
    return Calls("Lua to Lua", caller, called, 0, messages, reason)


def _echoed(way: str, node: Node, other: Member, client: list[str], port: int) -> Calls:
    job = node.run(*client, f"{other.address}:{port}", seconds=SECONDS)
    good = count_echoes(job.out)
    reason = f"status {job.status}: {' '.join(job.err[-2:])}" if job.status != 0 or good != ECHOED else ""
    return Calls(way, node.name, other.node.name, good, ECHOED - good, reason)


def count_echoes(lines: list[str]) -> int:
    """The requests of the echo client that were answered as they should be, each counted once."""
    found = (ECHO.fullmatch(line) for line in lines)
    return len({match[1] for match in found if match and int(match[2]) == int(match[1]) + 1})


def _end(member: Member) -> None:
    _good(member.node, member.node.run(GSHELL, "daemon", "stop", "--all"))
    if isinstance(member.node, Guest):
        member.node.off()


def _good(node: Node, job: Job) -> None:
    if job.status != 0:
        raise Failure(f"{node.name}: {job.words}: status {job.status}: {' / '.join([*job.err, *job.out][-4:])}")


def _judge(members: list[Member], calls: list[Calls], messages: int) -> bool:
    """Prints who called whom, and compares with what was due."""
    names = [member.node.name for member in members]
    for way in dict.fromkeys(entry.way for entry in calls):
        of_way = {(entry.caller, entry.called): entry for entry in calls if entry.way == way}
        each = messages if way == "Lua to Lua" else ECHOED
        print(f"\n{way}, over TCP, {each} messages of each pair; rows call columns; right/wrong")
        print(table.square(names, lambda row, column: _cell(of_way.get((row, column)))))
    wrong = [entry for entry in calls if entry.wrong or entry.reason]
    for entry in wrong:
        print(f"  wrong: {entry.way}: {entry.caller} called {entry.called}: {entry.wrong} of {entry.good + entry.wrong}: {entry.reason}")
    rust = sum(member.rust for member in members)
    nodes = len(members)
    due = nodes * (nodes - 1) + 2 * rust * (nodes - 1) + rust * (rust - 1)
    if len(calls) != due:
        print(f"  missing: {due - len(calls)} of {due} conversations")
    print(f"\n{nodes} nodes, {len(calls)} conversations, {sum(c.good for c in calls)} messages right, {sum(c.wrong for c in calls)} wrong")
    return not wrong and len(calls) == due


def _cell(entry: Calls | None) -> str:
    return f"{entry.good}/{entry.wrong}" if entry else "-"
