"""Sessions, as far as CloudTrail's files show them: AWS lists none, so whoever did nothing that is in the files is not among them.

A session is told by its temporary key id, from records that it signed and from the reply that gave it out. Its token and its secret are
never read. No action treats it: what ends the sessions of a role or a user is done to that role or user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from firedoor.canonical import JSON, plain
from firedoor.errors import BadInput
from firedoor.inventory import UNKNOWN_USE, Credential, LastUse, State
from firedoor.vendors.aws.trail import KeyUse, Minted, UsedKeys, limits, used_keys
from firedoor.vendors.aws.trailfiles import LAG

TYPE: Final = "aws.session"
NOT_SET_UP: Final = (
    "no CloudTrail is set up here: with its files' folder in the setting aws_trail, the sessions that they show are listed too"
)
MOST_STEPS: Final = 50  # from a session back to the key that it came of
_OF_USERS: Final = frozenset({"aws.access_key", "aws.login_profile"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Who answers for a credential, and the supplier that it was given to, each empty where nobody said."""

    owner: str = ""
    given_to: str = ""


@dataclass(slots=True)
class Owners:
    """Whose the users and their keys are, as the same inventory lists them."""

    by_key: dict[str, Whose] = field(default_factory=dict)
    by_user: dict[tuple[str, str], Whose] = field(default_factory=dict)

    def take(self, one: Credential) -> None:
        """Note whose a credential is, where somebody said."""
        if one.type in _OF_USERS and (one.owner or one.given_to):
            whose = Whose(owner=one.owner, given_to=one.given_to)
            self.by_key[one.id] = self.by_user[one.place, one.holder] = whose


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """The sessions, and what the files cover, as data. ``listed`` are the accounts that they tell of, none where they were not read whole;
    then ``why`` says what was not.
    """

    sessions: Sequence[Credential]
    coverage: Mapping[str, JSON]
    listed: Sequence[str]
    why: str = ""


def look(paths: Sequence[Path], owners: Owners, now: datetime) -> Logged:
    """The sessions in the files at ``paths``. Files that are not there, or cannot be read, are told of, and stop nothing."""
    if not paths:
        return Logged(sessions=(), coverage={"looked_at": False, "why_not": NOT_SET_UP}, listed=())
    try:
        found = used_keys(paths)
    except BadInput as error:
        why = f"{error.target}: {error.what}" if error.target else error.what
        return Logged(sessions=(), coverage={"looked_at": False, "why_not": why}, listed=(), why=why)
    coverage, left_out = found.coverage, found.left_out + found.minted_left_out
    broken = [
        *([f"{len(coverage.broken) + coverage.more_broken} files could not be read to their end"] if coverage.broken else []),
        *([f"{coverage.unread} records are of no known shape"] if coverage.unread else []),
        *(["there are more keys than are kept apart"] if left_out else []),
    ]
    told = {
        "looked_at": True,
        "files": coverage.files,
        "records": coverage.records,
        "first": plain(coverage.first),
        "last": plain(coverage.last),
        "whole": not broken,
        "limits": list(limits(coverage, None, now, left_out=left_out)),
    }
    known_until = {account: max(map(max, regions.values())) for account, regions in coverage.hours.items()}
    accounts = () if broken else tuple(sorted(coverage.hours))
    return Logged(
        sessions=list(_Sessions(found=found, owners=owners, now=now, known_until=known_until).told()),
        coverage=told,
        listed=accounts,
        why="; ".join(broken),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sessions:
    """The temporary keys among those that the files show, as credentials. ``known_until`` is the last hour of each account in them."""

    found: UsedKeys
    owners: Owners
    now: datetime
    known_until: Mapping[str, datetime]

    def told(self) -> Iterator[Credential]:
        """Each once, whether it was used or only given out."""
        used = {use.key: use for use in self.found.sessions}
        for key in sorted(used.keys() | self.found.minted.keys()):
            yield self._session(key, used.get(key), self.found.minted.get(key))

    def _session(self, key: str, use: KeyUse | None, minted: Minted | None) -> Credential:
        principal = (use.principal if use else "") or (minted.given_to if minted else "")
        account = _account(principal) or (use.account if use else minted.account if minted else "unknown")
        ends = minted.ends if minted else None
        whose = self._whose(key, principal)
        return Credential(
            system="aws",
            kind="session",
            place=account,
            holder=principal.split(":", 5)[-1] or "unknown",
            id=key,
            names=(f"aws:session:{account}/{key}",),
            state=State.EXPIRED if ends is not None and ends <= self.now else State.UNKNOWN,
            created=(use.began if use else None) or (minted.at if minted else None),
            last_use=LastUse.told(use.last, behind=self._behind(use)) if use else UNKNOWN_USE,
            owner=whose.owner,
            given_to=whose.given_to,
            facts={
                "principal": principal or None,
                "issued_by": (use.issuer if use else "") or (minted.role if minted else "") or None,
                "asked_for_by": (minted.principal if minted else "") or None,
                "asked_for_with": (minted.by if minted else "") or None,
                "lives_until": plain(ends),
            },
        )

    def _behind(self, use: KeyUse) -> timedelta:
        """From the last hour that the files know of in the account where it was seen, and what CloudTrail usually takes to deliver."""
        return max(self.now - self.known_until.get(use.account, use.last), timedelta()) + LAG

    def _whose(self, key: str, principal: str) -> Whose:
        """Whose the key is that it came of, or else the user that it belongs to."""
        for _ in range(MOST_STEPS):
            if (minted := self.found.minted.get(key)) is None:
                break
            key, principal = minted.by, minted.principal or principal
            if key in self.owners.by_key:
                return self.owners.by_key[key]
        user = (_account(principal), principal.rpartition("/")[2]) if ":user/" in principal else ("", "")
        return self.owners.by_user.get(user, Whose())


def _account(arn: str) -> str:
    """The account in an ARN; empty where there is none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and len(parts[4]) == 12 and parts[4].isdecimal() else ""
