"""Every error that Firedoor raises, under one root.

An error carries what a person at 3 a.m. needs: what happened, to what, whether anything was changed, and what to do next. Code decides by
the class and its fields, never by the text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST_NAME = 80


class FiredoorError(Exception):
    """The root. ``changed`` is False (nothing was), True (something was) or None (unknown: the world must be read)."""

    exit_code = 1
    retryable = False

    def __init__(self, what: str, *, target: str = "", changed: bool | None = False, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.target = target
        self.changed = changed
        self.advice = advice

    def __str__(self) -> str:
        head = f"{self.target}: {self.what}" if self.target else self.what
        state = {False: "Nothing was changed.", True: "Something was changed.", None: "It is not known whether anything was changed."}
        return " ".join(part for part in (_sentence(head), state[self.changed], _sentence(self.advice)) if part)


def nearest(name: str, known: Iterable[str]) -> str:
    """The words "; did you mean X?", or nothing where nothing is near. Capitals do not matter."""
    by_small = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name[:LONGEST_NAME].casefold(), by_small, n=1)
    return f"; did you mean {by_small[near[0]]!r}?" if near else ""


def shown(text: str) -> str:
    """What a person gave, quoted for a message: look-alike and invisible characters as escapes, at most `LONGEST_NAME` characters."""
    return ascii(text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}...")


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "?", "!", ":")) else f"{text}."


class BadInput(FiredoorError):
    """What the person gave cannot be used. Raised before anything is touched."""

    exit_code = 2


class BrokenOff(FiredoorError):
    """Whoever asked for it broke it off, with Ctrl-C, or by ending the process, before anything was done."""

    exit_code = 3


class LeftOff(BrokenOff):
    """Whoever was asked in a command that begins no run left it there. What they had answered before stays."""

    exit_code = 130


class Defect(FiredoorError):
    """What nobody foresaw: a fault of Firedoor's own, or of a library. Whether anything was changed is on record, not here."""


class Misconfigured(BadInput):
    """Settings, credentials or rosters are missing or wrong."""


class UnknownRun(BadInput):
    """No run of that name is in the journal."""


class RunUnreadable(BadInput):
    """The run's record is damaged, so nothing can be said of it, or done with it."""


class RunHeld(BadInput):
    """Another live process is working on the run."""


class RunTaken(FiredoorError):
    """Another process goes on with the run: this one stood still for too long. What it did before is on record."""


class JournalError(FiredoorError):
    """The journal could not be written or read. Without a durable intent, no write leaves the process."""


class JournalRefused(JournalError):
    """The database refuses what was to be recorded, for what it is: others are not concerned."""


class JournalUnreachable(JournalError):
    """The journal's database does not answer, or is no longer where this process wrote to: the same may be done elsewhere."""


class Taken(FiredoorError):
    """Somebody else made this claim first."""


class Overtaken(FiredoorError):
    """The run has gone on since it was read: read it again, then decide again."""


class JournalBroken(JournalError):
    """The hash chain does not hold: a stored event was altered, removed, reordered or inserted."""


class LeaseLost(FiredoorError):
    """The lease on a resource expired or was taken over; its holder may begin no further write."""


class ApprovalInvalid(FiredoorError):
    """A decision's proof does not match what it claims to approve."""


class ApprovalLapsed(ApprovalInvalid):
    """An approval that held, and was not used in time."""


class SlackMissing(Misconfigured):
    """Slack is not set up, cannot be reached, or does not know us. At a terminal, runs go on without it."""


class DecisionRefused(FiredoorError):
    """A person may not decide this request. Only they are told why."""


class MustBeSigned(DecisionRefused):
    """This must be decided outside chat, by an SSH signature. Nothing was decided."""


class ChannelError(FiredoorError):
    """People could not be asked or told. It never holds up containment."""


class VendorError(FiredoorError):
    """A vendor's call did not do what was asked. ``operation`` is the vendor's name for it, ``status`` the HTTP status (0: none came)."""

    def __init__(
        self,
        what: str,
        *,
        vendor: str,
        operation: str,
        status: int = 0,
        code: str = "",
        target: str = "",
        changed: bool | None = False,
        advice: str = "",
    ) -> None:
        super().__init__(what, target=target, changed=changed, advice=advice)
        self.vendor = vendor
        self.operation = operation
        self.status = status
        self.code = code


class WriteRefused(VendorError):
    """The read-only guard in the transport stopped a call that is not on the list of reads. Nothing was sent."""


class Unauthorized(VendorError):
    """The vendor does not know our credentials (HTTP 401, InvalidClientTokenId, invalid_auth)."""


class Forbidden(VendorError):
    """Our credentials lack the permission (HTTP 403, AccessDenied, missing_scope)."""


class NotFound(VendorError):
    """The vendor has no such thing."""


class Conflict(VendorError):
    """The vendor refuses in the thing's present state (E0000001, LimitExceeded, a lost lock)."""


class Rejected(VendorError):
    """The vendor calls the request itself wrong (HTTP 400 and its kin)."""


class Unsupported(VendorError):
    """This estate does not have the feature (Okta's E0000015). Credentials and request are in order; trying again does not help."""


class RateLimited(VendorError):
    """HTTP 429 or Throttling: refused before any effect. ``retry_after`` is in seconds, None where the vendor names none."""

    retryable = True

    def __init__(self, what: str, *, vendor: str, operation: str, retry_after: float | None, status: int = 429, code: str = "") -> None:
        super().__init__(what, vendor=vendor, operation=operation, status=status, code=code, advice="Try again later")
        self.retry_after = retry_after


class Unreachable(VendorError):
    """No reply came: refused, timed out, or the connection broke. A write may or may not have had its effect."""

    retryable = True


class Unavailable(VendorError):
    """The vendor failed by its own account (HTTP 5xx). A write may or may not have had its effect."""

    retryable = True


class Malformed(VendorError):
    """The reply is not what the vendor documents (truncated, a failure inside a success, an empty body where one is due)."""

    retryable = True
