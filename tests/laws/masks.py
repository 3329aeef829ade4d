"""A world without what differs from one run to the next: the moment T, and the names that the vendor gave to what was made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from firedoor.canonical import canonical

CUTOFF = re.compile(r'("aws:TokenIssueTime":\s*")[^"]*')
MADE = re.compile(r"AKIA[A-Z2-7]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def mask(text: str, given: Mapping[str, Any]) -> str:
    """A text about a world that came of the ``given`` one."""
    known = json.dumps(given)
    return MADE.sub(lambda name: name[0] if name[0] in known else "made", CUTOFF.sub(r"\1T", text))


def masked(world: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """``world``, to be compared with another that came of the same ``given`` one. Two things that were made stay two, in any order."""
    text = mask(canonical(world), given)
    return json.dumps(json.loads(text, object_pairs_hook=lambda pairs: sorted([name, json.dumps(value)] for name, value in pairs)))
