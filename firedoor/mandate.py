"""A mandate: what approvers have signed by daylight, so that a sweep may run every night without anybody awake. Pure.

It names one sweep playbook by its digest, exceptions included: whoever changes a word of that needs new signatures.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from firedoor import signing
from firedoor.approval import Roster
from firedoor.canonical import instant
from firedoor.errors import ApprovalInvalid, ApprovalLapsed
from firedoor.sweepbook import Sweep

LONGEST: Final = timedelta(days=184)
MANDATES: Final = "mandate:"  # begins the name of the stream that holds a sweep's mandates


def stream_of(name: str) -> str:
    """Where a sweep's mandates are on record."""
    return f"{MANDATES}{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One sweep, how much it may change in one run, until when. ``signed`` maps names on the roster to their proofs."""

    sweep: str
    playbook: str
    lines: tuple[str, ...]
    required: int
    made: datetime
    expires: datetime
    roster: str
    nonce: str
    signed: Mapping[str, str]

    @property
    def document(self) -> str:
        """What is signed, in words."""
        return "\n".join(
            [
                "Firedoor sweep mandate, version 1",
                f"the sweep {self.sweep} may run by schedule, with nobody asked, and in each run change:",
                *(f"- {line}" for line in self.lines),
                "never what is protected; everything it changes is in its report",
                f"playbook: {self.playbook}",
                f"signatures needed: {self.required}",
                f"made: {instant(self.made)}",
                f"expires: {instant(self.expires)}",
                f"roster: {self.roster}",
                f"nonce: {self.nonce}",
                "",
            ]
        )

    def signed_by(self, name: str, proof: str) -> Mandate:
        """The same with one signature more."""
        return replace(self, signed={**self.signed, name: proof})

    def lacks(self, book: Sweep, roster: Roster, now: datetime) -> str:
        """Why it is not in force for this playbook; empty where it is."""
        if (self.sweep, self.playbook) != (book.sweep, book.digest):
            return "the playbook has changed since it was signed"
        if self.roster != roster.hash:
            return "the roster has changed since it was signed"
        if not self.made <= now < self.expires:
            return "it has expired"
        keys = {person.name: person.keys for person in roster.people if person.may_approve}
        valid = [name for name, proof in self.signed.items() if signing.holds(self.document, proof, keys.get(name, ()), hardware=False)]
        if len(valid) < self.required:
            return f"it has {len(valid)} valid signature(s) of approvers, and needs {self.required}"
        return ""


def draw_up(book: Sweep, *, lines: tuple[str, ...], required: int, roster: str, now: datetime, days: int, nonce: str = "") -> Mandate:
    """A new one, unsigned; with a nonce of its own, unless it was drawn up before."""
    return Mandate(
        sweep=book.sweep,
        playbook=book.digest,
        lines=lines,
        required=required,
        made=now,
        expires=now + min(timedelta(days=days), LONGEST),
        roster=roster,
        nonce=nonce or secrets.token_hex(16),
        signed={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandated:
    """A mandate as the approval of a run. See `firedoor.batching.Grants`."""

    mandate: Mandate
    book: Sweep
    roster: Roster

    def admits(self, *, item: str, effect: str, cover: str, used: int, now: datetime) -> bool:
        """Whether a credential of the type may be changed.

        Raises `ApprovalLapsed` where the mandate has expired in the meantime, `ApprovalInvalid` where it is not in force otherwise.
        """
        del effect, used
        if now >= self.mandate.expires:
            raise ApprovalLapsed("the mandate has expired", advice="Sign a new one by daylight")
        if lacks := self.mandate.lacks(self.book, self.roster, now):
            raise ApprovalInvalid(f"the mandate of {self.book.sweep} is not in force: {lacks}", advice="Sign a new one by daylight")
        return item == cover and item in self.book.treat
