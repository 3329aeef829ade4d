"""A list of leaked credentials that a sweep must account for, whatever its scope: each row is in a listing, or gone, or left over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firedoor import importing
from firedoor.errors import BadInput
from firedoor.fingerprints import Fingerprints
from firedoor.leaks import Leak
from firedoor.source import Sighting

_ACCOUNT: Final = r"(?P<place>[0-9]{12})"
_USER: Final = re.compile(rf"arn:aws[a-z-]*:iam::{_ACCOUNT}:user/(?:.*/)?(?P<name>[^/]+)")
_THERE: Final = re.compile(rf"{_ACCOUNT}/(?P<name>.+)")
_OWNER: Final = re.compile(
    r"(?:aws:[a-z_]+:)?(?P<place>[0-9]{12}|[0-9]{4}-[0-9]{4}-[0-9]{4})(?:/.+)?|arn:aws[a-z-]*:iam::(?P<arn>[0-9]{12}):.+"
)


def due(path: Path, fingerprints: Fingerprints) -> Sequence[Sighting]:
    """The credentials of a file that `firedoor import` reads, one each. Raises `BadInput`, also where a single row could not be read."""
    found = importing.read(path, fingerprints)
    if not found.whole:
        rows = ", ".join(str(one.number) for one in found.left[:10])
        raise BadInput(f"{path.name} was not understood whole{f': rows {rows}' if rows else ''}", advice="See `firedoor import`")
    return [_sighting(leak) for leak in found.leaks]


def _sighting(leak: Leak) -> Sighting:
    last = leak.at or datetime.now(UTC)
    place, known = _place_and_id(leak)
    by = f"{leak.where}: {leak.doubt}" if leak.doubt else leak.where
    return Sighting(type=f"{leak.system}.{leak.kind}", id=known, last=last, place=place, by=by, count=leak.times)


def _place_and_id(leak: Leak) -> tuple[str, str]:
    """The account, where the row names one in its id or as its owner's, and the id as listings have it. All else is no account."""
    whole = f"{leak.system}:{leak.kind}:"
    if leak.id.startswith(whole) and "/" in leak.id:
        place, _, known = leak.id.removeprefix(whole).partition("/")
        return place, known
    if leak.system != "aws" or leak.id.startswith("arn:"):
        user = _USER.fullmatch(leak.id) if leak.system == "aws" else None
        return (user["place"], user["name"]) if user is not None else ("", leak.id or leak.fingerprint)
    if (there := _THERE.fullmatch(leak.id)) is not None:
        return there["place"], there["name"]
    owner = _OWNER.fullmatch(leak.owner)
    return (owner["place"] or owner["arn"]).replace("-", "") if owner is not None else "", leak.id or leak.fingerprint
