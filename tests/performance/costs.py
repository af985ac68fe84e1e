"""What a connection and a stream of a service cost in memory: the figures of `gshell-soak cost`."""

import json
import pathlib
import subprocess
import sys

from report import Row

NAMES = {
    "connection": "each of 1000 connections that have made a call, private memory",
    "stream": "each of 1000 streams of a connection that have made a call",
    "session": "each of 1000 streams with a handler of its own that waits on it",
}


def rows(gshell):
    soak = pathlib.Path(gshell).parent / "gshell-soak"
    if not soak.exists():
        print(f"measure: no {soak}, so no cost of connections: cargo build --release -p gshell-soak", file=sys.stderr)
        return []
    said = subprocess.run([soak, "cost", "--json"], capture_output=True, text=True, check=True).stdout
    found = json.loads(said)
    return [
        Row(name, "", f"{found[key]['server_bytes']} bytes in the service, {found[key]['client_bytes']} in its client", "", "")
        for key, name in NAMES.items()
    ]
