"""Tables of plain text."""

from collections.abc import Callable


def square(names: list[str], cell: Callable[[str, str], str]) -> str:
    """Names down the side and along the top, and what `cell` says of each two."""
    rows = [["", *names]] + [[row, *(cell(row, column) for column in names)] for row in names]
    widths = [max(len(row[at]) for row in rows) for at in range(len(names) + 1)]
    lines = []
    for row in rows:
        first, *rest = (text.ljust(width) if at == 0 else text.rjust(width) for at, (text, width) in enumerate(zip(row, widths, strict=True)))
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)
