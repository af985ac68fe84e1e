"""Cross.toml, for the public tool `cross`, written from bsp/targets."""

from . import facts
from .facts import ROOT, Failure, Target

FILE = ROOT / "Cross.toml"

HEAD = """\
# Written by `ci/cross cross-toml` from bsp/targets/*.toml; change those. CI holds the two against each other.
#
# cross build --release --target TRIPLE
#
# The mips targets have no prebuilt standard library: with a nightly toolchain and its rust-src, cross builds it in the container.
"""


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
    parts = [HEAD]
    parts.extend(_entry(target) for target in facts.load().values() if "cross" in target.facts)
    return "\n".join(parts)


def _entry(target: Target) -> str:
    cross = target.facts["cross"]
    lines = [f"[target.{target.triple}]"]
    if image := cross.get("image"):
        lines.append(f'image = "{image}"')
    if dockerfile := cross.get("dockerfile"):
        lines.append(f'dockerfile = "{dockerfile}"')
    variables = [f'"{name}={value}"' for name, value in cross.get("env", {}).items()]
    if variables:
        lines += ["", f"[target.{target.triple}.env]", f"passthrough = [{', '.join(variables)}]"]
    return "\n".join(lines) + "\n"

