"""A standing approval: what two people have signed by daylight, so that one may freeze an account in the first minute of a night. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from firedoor import signing
from firedoor.canonical import instant

SIGNERS: Final = 2
MOST_TARGETS: Final = 3
ACTIONS: Final = ("aws.deactivate_access_keys", "okta.revoke_grants", "okta.revoke_sessions", "okta.suspend_user")
LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What may be done under it, to how many targets at once, until when. ``signed`` maps names on the roster to their proofs."""

    actions: tuple[str, ...]
    most: int
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
                "Firedoor standing approval, version 1",
                f"one person may, with their own signature, do this to at most {self.most} targets at once: {', '.join(self.actions)}",
                "never to anybody or anything that is protected; everybody on the roster is told each time it is used",
                f"made: {instant(self.made)}",
                f"expires: {instant(self.expires)}",
                f"roster: {self.roster}",
                f"nonce: {self.nonce}",
                "",
            ]
        )

    def signed_by(self, name: str, proof: str) -> Standing:
        """The same with one signature more."""
        return replace(self, signed={**self.signed, name: proof})

    def lacks(self, keys: Mapping[str, tuple[str, ...]], roster: str, now: datetime) -> str:
        """Why it is not in force; empty where it is. ``keys`` are those of each person who may approve, ``roster`` its hash today."""
        if self.roster != roster:
            return "the roster has changed since it was signed"
        if not self.made <= now < self.expires:
            return "it has expired"
        valid = [name for name, proof in self.signed.items() if signing.holds(self.document, proof, keys.get(name, ()), hardware=False)]
        if len(valid) < SIGNERS:
            return f"it has {len(valid)} valid signature(s) of approvers, and needs {SIGNERS}"
        return ""


def draw_up(*, roster: str, now: datetime, days: int, nonce: str = "") -> Standing:
    """A new one, unsigned; with a nonce of its own, unless it was drawn up before."""
    until = now + min(timedelta(days=days), LONGEST)
    return Standing(
        actions=ACTIONS, most=MOST_TARGETS, made=now, expires=until, roster=roster, nonce=nonce or secrets.token_hex(16), signed={}
    )
