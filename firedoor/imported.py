"""A list of leaked credentials that a sweep must account for, whatever its scope: each row is in a listing, or gone, or left over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from firedoor import importing
from firedoor.errors import BadInput
from firedoor.fingerprints import Fingerprints
from firedoor.leaks import Leak
from firedoor.source import Sighting, Sightings


class Imported(Sightings):
    """The credentials of a file that `firedoor import` reads. Raises `BadInput` when it is read, where a row could not be."""

    types: ClassVar[tuple[str, ...]] = ()
    whole: ClassVar[bool] = True

    def __init__(self, path: Path, fingerprints: Fingerprints) -> None:
        self._path = path
        self._fingerprints = fingerprints

    async def seen(self) -> Sequence[Sighting]:
        """One a credential."""
        found = await asyncio.to_thread(importing.read, self._path, self._fingerprints)
        if not found.whole:
            rows = ", ".join(str(one.number) for one in found.left[:10])
            raise BadInput(f"{self._path.name} was not understood whole{f': rows {rows}' if rows else ''}", advice="See `firedoor import`")
        return [_sighting(leak) for leak in found.leaks]

    async def exists(self, sighting: Sighting) -> str:
        """A list says nothing of what is there now."""
        return f"it is on the list that was imported ({sighting.by}), and nothing that is swept lists it"


def _sighting(leak: Leak) -> Sighting:
    last = leak.at or datetime.now(UTC)
    return Sighting(type=f"{leak.system}.{leak.kind}", id=leak.id or leak.fingerprint, last=last, by=leak.where, count=leak.times)
