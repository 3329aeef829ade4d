"""What people sign, word for word: the part of an evidence pack's verifier that writes it anew."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.evidence.hashing import Row


def shown(lines: Sequence[str]) -> str:
    """Lines of a document; what cannot be seen shows as its code point."""
    return "\n".join("".join(one if one.isprintable() else f"[U+{ord(one):04X}]" for one in line) for line in lines) + "\n"


def closing_text(given: Row) -> str:
    """What is signed to close an incident."""
    return shown(
        [
            "Firedoor closing of an incident, version 1",
            *(f"{name}: {given[name]}" for name in ("run", "incident", "playbook")),
            "from now on nobody looks whether what this run contained still stands",
            f"open, or not read, and left so: {len(given['left'])}",
            *(f"- {line}" for line in given["left"]),
            *(f"{name}: {given[name]}" for name in ("look", "by", "at", "reason")),
        ]
    )
