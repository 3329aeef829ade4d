"""Words of others as people get to see them. Whatever somebody calls themselves, it is one line, and it moves no cursor."""

from __future__ import annotations

from collections.abc import Iterable


def legible(text: str) -> str:
    """One line: what cannot be seen (line ends, escapes, marks that turn the direction) shows as its code point, ``[U+001B]``."""
    return "".join(one if one.isprintable() else f"[U+{ord(one):04X}]" for one in text)


def text(lines: Iterable[str]) -> str:
    """The lines, each of them one."""
    return "".join(f"{legible(line)}\n" for line in lines)
