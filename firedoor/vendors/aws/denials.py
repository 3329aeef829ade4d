"""The denies that Firedoor puts on users and roles, and how each is told from a policy that only looks like it.

A deny counts only where it is ours to the letter. One more condition, and it may never apply: whoever may write a policy could leave a
toothless one under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from firedoor.canonical import JSON
from firedoor.model import Receipt

# The name that AWS's own console gives to this policy when it revokes a role's sessions.
REVOCATION: Final = "AWSRevokeOlderSessions"
QUARANTINE: Final = "FiredoorQuarantine"
# AWS's own managed policy: Deny on every action and resource. It takes none of the room for inline policies.
DENY_ALL: Final = "arn:aws:iam::aws:policy/AWSDenyAll"
# Ten managed policies may be attached to a user; an account can have that raised to twenty.
ATTACHED_AT_MOST: Final = 20
DENIES_ALL: Final[Mapping[str, JSON]] = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"]}]}
_WRITTEN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z")
# Longer than IAM takes to learn everywhere that what mints the sessions is shut.
AHEAD: Final = timedelta(seconds=10)


def revocation(now: datetime) -> Mapping[str, JSON]:
    """A deny of everything to sessions issued before T, which lies `AHEAD` of ``now`` on AWS's clock."""
    return _revocation((now.astimezone(UTC) + AHEAD).strftime("%Y-%m-%dT%H:%M:%SZ"))


def cutoff(policy: Mapping[str, JSON] | None) -> datetime | None:
    """The T of a revocation; None where there is no policy, or another one.

    T must be written as AWS writes it: of the many ways of ISO 8601, one that AWS cannot read makes a deny that never applies.
    """
    match policy:
        case {"Statement": [{"Condition": {"DateLessThan": {"aws:TokenIssueTime": str(text)}}}]} if policy == _revocation(text):
            try:
                return datetime.fromisoformat(text) if _WRITTEN.fullmatch(text) else None
            except ValueError:
                return None
        case _:
            return None


def _revocation(moment: str) -> Mapping[str, JSON]:
    condition: JSON = {"DateLessThan": {"aws:TokenIssueTime": moment}}
    statement: JSON = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


# Every revocation is as long as any other.
ROOM_FOR: Final = revocation(datetime(2023, 1, 1, tzinfo=UTC))


class Fate(StrEnum):
    """What became of a policy that a run put in place, in words that follow its name."""

    NEVER_OURS = "was not put there by this run"
    AS_BEFORE = "is as it was before this run"
    GONE = "is gone already"
    OURS = "is as this run left it"
    REPLACED = "is not as this run left it: somebody has changed it since; look at it by hand"


def fate(receipts: Sequence[Receipt], now: Mapping[str, JSON] | None) -> Fate:
    """The fate of the policy that the receipts say was ``put`` over a ``previous`` one, by what stands there ``now``."""
    puts = [receipt.facts["put"] for receipt in receipts if "put" in receipt.facts]
    if not puts:
        return Fate.NEVER_OURS
    if now == previous(receipts):
        return Fate.AS_BEFORE
    if now is None:
        return Fate.GONE
    return Fate.OURS if now in puts else Fate.REPLACED


def previous(receipts: Sequence[Receipt]) -> JSON:
    """What stood there before the first of the receipts; None where nothing did."""
    return next((receipt.facts["previous"] for receipt in receipts if "put" in receipt.facts), None)
