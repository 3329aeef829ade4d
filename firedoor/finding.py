"""What a look over an estate found: something that somebody should judge, with the playbook that would contain it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found.

    ``rule`` is what it was found by (``mfa_enrolled``), ``says`` what it is in words, ``subject`` what it is about as a target name
    (``okta:user:00u1``; empty where nothing is known by name), ``evidence`` where it can be looked up (``okta log <uuid>``). ``playbook``
    and ``inputs`` are what would contain it, as ``firedoor contain`` takes them; empty where no playbook would. No secret is in any of it.
    """

    rule: str
    says: str
    subject: str = ""
    at: datetime | None = None
    evidence: str = ""
    playbook: str = ""
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
