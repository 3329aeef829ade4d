"""The ticket on paper: one file an incident, in a folder that only Firedoor's own user may read.

A reader finds the whole file or none: it is written beside its place, forced to disk, and then moved there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from firedoor.vendors.jira.values import encoded, sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A ticket file: where it is or would be, and the digest of what it holds (empty: it is not there)."""

    path: str
    sha256: str = ""


def look(folder: Path, marker: str) -> Paper:
    """The ticket file of that marker. Raises `OSError` where it is there but cannot be read."""
    path = folder / f"{marker}.md"
    try:
        return Paper(path=str(path), sha256=sha256(path.read_text(encoding="utf-8", errors="backslashreplace")))
    except FileNotFoundError:
        return Paper(path=str(path))


def write(folder: Path, marker: str, text: str) -> None:
    """Put the file in its place, for its owner's eyes only. Raises `OSError`; then what was there before is there still."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = folder / f".{marker}.{uuid4().hex}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded(text))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(folder / f"{marker}.md")
    finally:
        beside.unlink(missing_ok=True)
    _settle(folder)


def _settle(folder: Path) -> None:
    """Make the new name in the folder as durable as the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
