"""Cross.toml, for the public tool `cross`, written from bsp/targets."""

from . import build, facts
from .facts import ROOT, Failure, Target

FILE = ROOT / "Cross.toml"
DOCKERFILE = "ci/images/Dockerfile"

HEAD = """\
# Written by `ci/cross cross-toml` from bsp/targets/*.toml; change those. CI holds the two against each other.
#
# cross build --release --target TRIPLE
#
# docs/targets.md says more. rustup has no standard library for the mips targets: it is built from source along with the
# program, by the same compiler. That is an option of nightly compilers, which RUSTC_BOOTSTRAP lets the pinned one accept.
"""

# What `[cross] std` may say: whether rustup has the standard library, or it is built from source.
STD = ("rustup", "source")

# Words for cargo in the container. The option `build-std` of cross itself insists on a nightly toolchain, and names no
# crates, of which the one that unwinds is needed.
FROM_SOURCE = {"RUSTC_BOOTSTRAP": "1", "CARGO_UNSTABLE_BUILD_STD": "std,panic_unwind"}


def main(check: bool) -> int:
    """Writes the file, or fails when it is not what would be written."""
    text = make()
    if not check:
        FILE.write_text(text)
        print(f"{FILE.name}: written")
        return 0
    if not FILE.exists() or FILE.read_text() != text:
        raise Failure("Cross.toml is not what bsp/targets/*.toml make of it; write it with: ci/cross cross-toml")
    return 0


def make() -> str:
    """The text of Cross.toml."""
    return "\n".join([HEAD, *(entry(target) for target in targets())])


def targets() -> list[Target]:
    """Those that have a table `[cross]`: cross is for targets whose C library Debian has packages of."""
    return [target for target in facts.load().values() if "cross" in target.facts]


def entry(target: Target) -> str:
    """What Cross.toml says about one target."""
    table = f"target.{target.triple}"
    variables = ",\n".join(f'    "{name}={value}"' for name, value in passthrough(target).items())
    return f"""\
[{table}.dockerfile]
file = "{DOCKERFILE}"
context = "{DOCKERFILE.rpartition('/')[0]}"
build-args = {{ PACKAGES = "{' '.join(packages(target))}" }}

[{table}.env]
passthrough = [
{variables},
]
"""


def packages(target: Target) -> list[str]:
    """Debian's packages that the image needs for `target`, beyond those of every image."""
    return [*target.packages, *([target.emulator.package] if target.emulator else [])]


def passthrough(target: Target) -> dict[str, str]:
    """The environment of cargo in the container."""
    std = target.facts["cross"].get("std")
    if std not in STD:
        raise Failure(f"bsp/targets/{target.short}.toml: [cross] std is {std!r}; it is one of: {', '.join(STD)}")
    variables = build.environment(target)
    if target.rustflags:
        variables[f"CARGO_TARGET_{target.variable}_RUSTFLAGS"] = " ".join(target.rustflags)
    if cflags := target.facts["build"].get("cflags"):
        variables[f"CFLAGS_{target.triple.replace('-', '_')}"] = " ".join(cflags)
    if target.emulator:
        variables[f"CARGO_TARGET_{target.variable}_RUNNER"] = target.emulator.program
        variables["QEMU_LD_PREFIX"] = target.sysroot
    if std == "source":
        variables |= FROM_SOURCE
    return variables
