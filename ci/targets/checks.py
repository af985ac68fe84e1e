"""What is checked on a guest: that the program works there as on any board, from its self-test to a daemon that is killed."""

import json
import time
from collections.abc import Callable

from .console import Job
from .facts import Failure
from .machine import Guest

GSHELL = "/bin/gshell"
PORT = 4000


def all_of(guest: Guest, report: Callable[[str, bool, float, str], None], boot_seconds: float) -> bool:
    """Runs the checks in their order. What comes after one that failed would only fail because of it."""
    for name, check in CHECKS:
        begin = time.monotonic()
        try:
            said, good = check(guest, boot_seconds), True
        except Failure as failure:
            said, good = str(failure), False
        since = guest.started if check is boot else begin
        report(name, good, time.monotonic() - since, said)
        if not good:
            return False
    return True


def boot(guest: Guest, seconds: float) -> str:
    return f"Linux {guest.ready(seconds)}"


def selftest(guest: Guest, _: float) -> str:
    job = _good(guest.run(GSHELL, "selftest"))
    bad = [line for line in job.out if not line.startswith("ok ")]
    if bad or not job.out:
        raise Failure(f"selftest said: {bad or 'nothing'}")
    return f"{len(job.out)} of {len(job.out)} ok"


def alone(guest: Guest, _: float) -> str:
    return _said(guest.run(GSHELL, "exec", "/examples/hello.lua", guest.name), f"Hello, {guest.name}!")


def daemon(guest: Guest, _: float) -> str:
    _good(guest.run(GSHELL, "daemon", "--detach"))
    info = _info(guest)
    if info["target"] != guest.target.triple:
        raise Failure(f"info names the target {info['target']}, not {guest.target.triple}")
    return f"node {info['id']}, process {info['pid']}, {info['target']}"


def script(guest: Guest, _: float) -> str:
    return _said(guest.run(GSHELL, "run", "-i", "/examples/hello.lua", guest.name, "again"), f"Hello, {guest.name} again!")


def group(guest: Guest, _: float) -> str:
    words = ["-g", "web", "--restart", "always", "--name", "server", "/examples/hello_server.lua", "--tcp", f"127.0.0.1:{PORT}"]
    _good(guest.run(GSHELL, "run", *words))
    server = _server(guest)
    return f"{server['name']} runs in {server['group']}, process {server['pid']}"


def service(guest: Guest, _: float) -> str:
    _called(guest)
    words = ["--tcp", f"127.0.0.1:{PORT}", guest.name]
    return _said(guest.run(GSHELL, "exec", "/examples/hello_client.lua", *words), f"I am hello server, {guest.name}")


def killed_group(guest: Guest, _: float) -> str:
    before = _server(guest)["pid"]
    _kill(guest, before)
    after = _server(guest, other_than=before)["pid"]
    _called(guest)
    return f"process {after} has taken the place of {before}"


def killed_daemon(guest: Guest, _: float) -> str:
    before, served = _info(guest)["pid"], _server(guest)["pid"]
    _kill(guest, before)
    _good(guest.run(GSHELL, "daemon", "--detach"))
    after, still = _info(guest)["pid"], _server(guest)["pid"]
    if still != served or after == before:
        raise Failure(f"daemon {before} became {after}, the group's process {served} became {still}")
    _called(guest)
    return f"daemon {after} has taken over the group's process {still}"


def memory(guest: Guest, _: float) -> str:
    """Figures only: the budgets are held natively, but these are of a kernel, and have no emulator in them."""
    pids = {"daemon": _info(guest)["pid"], "group with a service": _server(guest)["pid"]}
    job = _good(guest.run(GSHELL, "exec", "/guest/pss.lua", *map(str, pids.values())))
    return "PSS " + ", ".join(f"{name} {kib} KiB" for name, kib in zip(pids, job.out, strict=True))


def stop(guest: Guest, _: float) -> str:
    _good(guest.run(GSHELL, "daemon", "stop", "--all"))
    return guest.off()


CHECKS = [
    ("boot", boot),
    ("selftest", selftest),
    ("exec", alone),
    ("daemon", daemon),
    ("run -i", script),
    ("group", group),
    ("service", service),
    ("memory", memory),
    ("group killed", killed_group),
    ("daemon killed", killed_daemon),
    ("stop, power off", stop),
]


def _good(job: Job) -> Job:
    if job.status != 0:
        raise Failure(f"{job.words}: status {job.status}: {' / '.join([*job.err, *job.out][-4:])}")
    return job


def _said(job: Job, wanted: str) -> str:
    if _good(job).out != [wanted]:
        raise Failure(f"{job.words}: printed {job.out} where {wanted!r} was due")
    return wanted


def _json(guest: Guest, *words: str) -> object:
    job = _good(guest.run(GSHELL, *words, "--json"))
    try:
        return json.loads("\n".join(job.out))
    except ValueError as error:
        raise Failure(f"{job.words}: printed no JSON: {error}") from error


def _info(guest: Guest) -> dict:
    return _json(guest, "info")


def _server(guest: Guest, other_than: int | None = None) -> dict:
    """What ps says of the server, as soon as it runs."""
    deadline = time.monotonic() + 60
    while True:
        entry = next((entry for entry in _json(guest, "ps") if entry["name"] == "server"), None)
        if entry and entry["state"] == "running" and entry["pid"] not in (None, other_than):
            return entry
        if time.monotonic() > deadline:
            said = {key: entry[key] for key in ("state", "error", "exit", "restarts", "pid")} if entry else "nothing"
            raise Failure(f"after 60 s, ps says of the server: {said}")
        time.sleep(0.2)


def _called(guest: Guest) -> None:
    # The environment runs a moment before its script has published the service.
    question = json.dumps({"who": guest.name, "question": "who are you"})
    deadline = time.monotonic() + 60
    while (job := guest.run(GSHELL, "call", "example/hello", "hello.Request", question)).status in (3, 4):
        if time.monotonic() > deadline:
            break
    _good(job)
    if json.loads(job.out[0]) != {"answer": f"I am hello server, {guest.name}"}:
        raise Failure(f"{job.words}: answered {job.out}")


def _kill(guest: Guest, pid: int) -> None:
    _good(guest.finish(guest.send("kill", str(pid), "9")))
