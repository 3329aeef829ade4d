"""Credentials found where they should not be, which must be accounted for. Plain values; a secret is known by its fingerprint only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from firedoor.errors import BadInput
from firedoor.finding import Finding

LONGEST: Final = 200
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One credential. ``system`` is whose it is (``okta``, ``aws``; else `UNKNOWN`), ``kind`` what it is (``access_key``).

    ``id`` is the vendor's public name of it, ``fingerprint`` what a secret without one is known by: one of the two is there. ``owner`` is
    who it belongs to, exactly, as a target name or as the source had it; empty where nobody knows: it is left over. ``given_to`` is the
    supplier it was handed to. ``row`` is the row, or the entry, of the source where it stands first, ``where`` the same in words. ``times``
    is how often it stands there. ``doubt`` says what of the above is uncertain, in words.
    """

    system: str
    kind: str
    row: int
    where: str
    id: str = ""
    fingerprint: str = ""
    owner: str = ""
    given_to: str = ""
    issuer: str = ""
    expires: datetime | None = None
    at: datetime | None = None
    times: int = 1
    doubt: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is the same by, wherever it stands."""
        return (self.system, self.kind, self.id or self.fingerprint)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.kind.replace('_', ' ')} {self.id or self.fingerprint}"


def finding(leak: Leak, now: datetime) -> Finding:
    """The leak as something to judge. Pure."""
    past = leak.expires is not None and leak.expires <= now
    until = f", {'expired' if past else 'good until'} {_stamp(leak.expires)}" if leak.expires is not None else ""
    owner = f" of {leak.owner}" if leak.owner else ", whose it is nobody knows"
    issuer = f", issued by {leak.issuer}" if leak.issuer else ""
    playbook, inputs = containment(leak)
    return Finding(
        rule=f"leaked_{leak.kind}",
        says=f"a {leak.name}{owner} was found{issuer}{until}",
        subject=leak.owner if ":" in leak.owner else f"aws:access_key:{leak.id}" if leak.kind == "access_key" else "",
        at=leak.at,
        evidence=leak.where,
        playbook=playbook,
        inputs=inputs,
    )


def containment(leak: Leak) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The playbook that would close it, with its inputs; empty where none would, or nobody knows whose it is."""
    from firedoor.vendors.aws.values import check_key_id  # noqa: PLC0415 - rooms are looked into only when a leak is theirs
    from firedoor.vendors.okta.values import check_id, check_login  # noqa: PLC0415

    if leak.kind == "access_key" and leak.id.startswith("AKIA") and passes(check_key_id, leak.id):
        return "leaked-aws-key", {"access_keys": (leak.id,)}
    system, _, name = leak.owner.partition(":")
    what, _, name = name.partition(":")
    if (system, what) == ("okta", "app") and passes(check_id, name):
        return "service-account-compromised", {"apps": (name,)}
    if (system, what) == ("okta", "user") and (passes(check_id, name) or passes(check_login, name)):
        return "session-hijack", {"users": (name,), **({"since": (_stamp(leak.at),)} if leak.at is not None else {})}
    return "", {}


def passes(check: Callable[[str], str], text: str) -> bool:
    """Whether a check lets the text through."""
    try:
        check(text)
    except BadInput:
        return False
    return True


def clean(text: str) -> str:
    """A word of the source in one line of ours: short, and without characters that hide or turn text."""
    return "".join(one if one.isprintable() else "?" for one in text.strip()[:LONGEST])


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
