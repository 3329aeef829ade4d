"""Inline policies, and how much room AWS has for them.

The policies of one user or role share a quota that AWS counts in characters of their text, white space aside. Whoever may write one can
fill it, with escapes too that a parsed document no longer shows: so the text itself is counted, not what it means.
Source: "IAM and AWS STS quotas", https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firedoor.canonical import JSON, canonical

USER_ROOM: Final = 2048
ROLE_ROOM: Final = 10_240


@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePolicy:
    """A policy as it stands. ``size`` is in characters, as the quota counts them."""

    document: Mapping[str, JSON]
    size: int


def read(text: str) -> InlinePolicy:
    """A policy from its text. Raises `ValueError` where that is no JSON object."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("a policy is a JSON object")  # noqa: TRY004 - its caller takes text that is no policy for one thing
    return InlinePolicy(document=document, size=size(text))


def size(text: str) -> int:
    """Characters that count against the quota."""
    return len("".join(text.split()))


def fits(document: Mapping[str, JSON], name: str, among: Mapping[str, InlinePolicy], *, room: int) -> bool:
    """Whether a policy has room beside the others, over whatever stands under its own ``name``."""
    taken = sum(policy.size for other, policy in among.items() if other != name)
    return taken + size(canonical(document)) <= room
