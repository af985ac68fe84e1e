"""The targets of bsp/targets/*.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "bsp" / "targets"


class Failure(Exception):
    """What goes wrong in a way that the user can do something about; its text says what."""


@dataclass(frozen=True)
class Emulator:
    """qemu-user for a target: the program, its Debian package, and how the kernel recognises the target's programs."""

    program: str
    package: str
    magic: str
    mask: str

    @property
    def name(self) -> str:
        """As binfmt_misc lists it, whoever registered it."""
        return self.program.removesuffix("-static")


@dataclass(frozen=True)
class Target:
    """One file of bsp/targets; `facts` is the whole of it, for what only one script needs."""

    short: str
    triple: str
    cc: str
    packages: tuple[str, ...]
    rustflags: tuple[str, ...]
    cflags: tuple[str, ...]
    sysroot: str
    emulator: Emulator | None
    facts: dict

    @property
    def is_native(self) -> bool:
        """Whether this machine runs its programs without an emulator."""
        return self.emulator is None

    @property
    def is_musl(self) -> bool:
        """Whether musl is in the program, which then needs nothing of the machine but its kernel."""
        return self.facts["libc"]["name"] == "musl"

    @property
    def variable(self) -> str:
        """The triple as cargo writes it in names of environment variables."""
        return self.triple.replace("-", "_").upper()


def load() -> dict[str, Target]:
    """All targets by their short names, in the order of these."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml"), key=lambda path: path.stem):
        try:
            target = _target(tomllib.loads(path.read_text()))
        except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
            raise Failure(f"{path.relative_to(ROOT)} does not read: {error!r}") from error
        if target.short != path.stem:
            raise Failure(f"{path.relative_to(ROOT)} calls itself {target.short!r}: the file's name and `short` are the same")
        found[target.short] = target
    return found


def find(name: str) -> Target:
    """A target by its short name or its triple."""
    targets = load()
    for target in targets.values():
        if name in (target.short, target.triple):
            return target
    known = "\n".join(f"  {target.short:<12} {target.triple}" for target in targets.values())
    raise Failure(f"no target is called {name!r}; there are:\n{known}")


def _target(facts: dict) -> Target:
    build = facts["build"]
    emulator = facts.get("emulator")
    return Target(
        short=facts["short"],
        triple=facts["triple"],
        cc=build["cc"],
        packages=tuple(build["packages"]),
        rustflags=tuple(build["rustflags"]),
        cflags=tuple(build["cflags"]),
        sysroot=facts["libc"]["sysroot"],
        emulator=emulator and Emulator(**emulator),
        facts=facts,
    )
