"""The black-box suites against the program of a target."""

import os

from . import build, emulate, plugins
from .facts import Failure, Target

# As the tests of gshell-tests are called; what an emulator cannot do is listed in tests/src/emulated.rs.
ALL = ("functional", "faults", "pairings", "crash_matrix")

# What measures or shares one node runs alone.
ALONE = {"crash_matrix"}

# Tests at a time: each waits more than it computes, in a program that an emulator slows down.
AT_A_TIME = 4


def run(target: Target, names: list[str]) -> None:
    """Runs the suites `names`, or all; words after `--` go to the test program."""
    names, words = _split(names)
    for name in names:
        if name not in ALL:
            raise Failure(f"no suite is called {name!r}; there are: {', '.join(ALL)}")
    env = os.environ | build.environment(target) | emulate.environment(target)
    env |= {
        "GSHELL_BIN": str(build.out_dir(target) / "gshell"),
        "GSHELL_TEST_TARGET": target.triple,
        "GSHELL_TEST_CC": target.cc,
    }
    if not target.is_musl and (not names or "functional" in names):
        plugins.make(target, plugins.names())
        env["GSHELL_PLUGINS"] = str(plugins.out_dir(target))
    for name in names or ALL:
        command = ["cargo", "test", "--locked", "--package", "gshell-tests", "--test", name]
        options = list(words)
        if not any(word.startswith("--test-threads") for word in words):
            options.append(f"--test-threads={1 if name in ALONE else AT_A_TIME}")
        extra = _pairings(target) if name == "pairings" else {}
        print(f"=== {target.short}: {name} ===", flush=True)
        build.run([*command, "--", *options], env | extra)


def _pairings(target: Target) -> dict[str, str]:
    examples = build.examples(target)
    return {
        "GSHELL_EXAMPLES": str(examples),
        "GSHELL_CAPI_LIB": str(examples.parent),
    }


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]
