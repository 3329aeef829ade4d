"""A list of leaked credentials that a sweep must account for, whatever its scope: each row is in a listing, or gone, or left over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from firedoor import importing
from firedoor.errors import BadInput
from firedoor.fingerprints import Fingerprints
from firedoor.leaks import Leak
from firedoor.source import Sighting


def due(path: Path, fingerprints: Fingerprints) -> Sequence[Sighting]:
    """The credentials of a file that `firedoor import` reads, one each. Raises `BadInput`, also where a single row could not be read."""
    found = importing.read(path, fingerprints)
    if not found.whole:
        rows = ", ".join(str(one.number) for one in found.left[:10])
        raise BadInput(f"{path.name} was not understood whole{f': rows {rows}' if rows else ''}", advice="See `firedoor import`")
    return [_sighting(leak) for leak in found.leaks]


def _sighting(leak: Leak) -> Sighting:
    last = leak.at or datetime.now(UTC)
    by = f"{leak.where}: {leak.doubt}" if leak.doubt else leak.where
    return Sighting(type=f"{leak.system}.{leak.kind}", id=leak.id or leak.fingerprint, last=last, by=by, count=leak.times)
