"""Okta's refusals as errors of ours: decided by status and error code, in our words and never in the vendor's.

Rests on Okta's error-code page and on recorded answers of the service: E0000015 comes with 401, E0000032 and E0000038 with 403, E0000239
with 423; a 429 carries no Retry-After, only X-Rate-Limit-Reset. The SDK takes an error with an empty body for success, so every status is
judged here.
"""

from __future__ import annotations

import json
import re
from typing import Final

from firedoor.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unsupported,
    VendorError,
)
from firedoor.vendors.okta.operations import HttpOperation
from firedoor.vendors.okta.ratelimits import date_of
from firedoor.vendors.okta.transport import VENDOR, Reply

CONCURRENCY_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0  # a minute's window resets within a minute; a later reset is a clock gone wrong

_CODE: Final = re.compile(r"E\d{7}")
_STATE_ADVICE: Final = "Look at its present state in Okta; it may already be as wanted"


class Locked(Conflict):
    """HTTP 423: Okta is still busy with an earlier change of the same thing. Refused before any effect."""

    retryable = True


class NotYet(Conflict):
    """What a change builds on does not show yet; nothing was sent. The next reading tells."""

    retryable = True

    def __init__(self, what: str, *, operation: str, target: str) -> None:
        super().__init__(what, vendor=VENDOR, operation=operation, target=target, advice="Resume the run once it shows")


def problem(operation: HttpOperation, reply: Reply, *, target: str) -> VendorError | None:
    """The error that a reply stands for; None where Okta did as asked."""
    status, code = reply.status, _code(reply.body)
    if 200 <= status < 300 and not code:
        return None
    if status == 429:
        return _rate_limited(operation, reply, code)
    kind, what, advice = _meaning(operation, status, code)
    clear = status in range(400, 500) and kind is not Malformed
    return kind(
        f"Okta answered {operation.name} with HTTP {status}{f' {code}' if code else ''}: {what}",
        vendor=VENDOR,
        operation=operation.name,
        status=status,
        code=code,
        target=target,
        changed=None if operation.writes and not clear else False,
        advice=advice,
    )


def _meaning(operation: HttpOperation, status: int, code: str) -> tuple[type[VendorError], str, str]:  # noqa: C901, PLR0911 - a table
    match status, code:
        case _ if status < 300:
            # Something in front of Okta turned its failure into a success, or Okta failed once the status was sent.
            return Malformed, "the success has an error inside", "Run it again; if it stays so, check FIREDOOR_OKTA_ORG_URL"
        case 401, "E0000015":
            return Unsupported, "this org lacks the feature", "Ask Okta to enable it, or do this step by hand in the Admin Console"
        case 401, _:
            return Unauthorized, "it does not know the API token", "Set FIREDOOR_OKTA_API_TOKEN to a live token; its owner must be active"
        case ((400 | 403), ("E0000001" | "E0000032" | "E0000038" | "E0000056")):
            return Conflict, "it refuses this in the present state", _STATE_ADVICE
        case 403, _:
            return Forbidden, "the API token may not do this", f"Give its owner a role, or the app a grant, with {operation.permission}"
        case 404, "E0000007":
            return NotFound, "it knows no such thing", "Check the id or login; in a list of users, removed ones do not show"
        case 404, _:
            # A bare 404 is a proxy's or a wrong host's. Taken for "no such user" it would make a containment step look done.
            return Malformed, "the answer does not look like Okta's", "Check FIREDOOR_OKTA_ORG_URL"
        case 409, _:
            return Conflict, "something else changed it meanwhile", _STATE_ADVICE
        case 423, _:
            return Locked, "it is still busy with an earlier change", "Try again in a moment"
        case _ if status >= 500:
            return Unavailable, "it failed by its own account", "Run it again; what is already done stays done. See status.okta.com"
        case _ if 300 <= status < 400:
            return Rejected, "it wants to send us elsewhere, which is never followed", "Set FIREDOOR_OKTA_ORG_URL to the org's own address"
    return Rejected, "it calls the request wrong", "This may be a defect in Firedoor; the error code says more on Okta's error-code page"


def _rate_limited(operation: HttpOperation, reply: Reply, code: str) -> RateLimited:
    busy = reply.headers.get("X-Rate-Limit-Limit") == reply.headers.get("X-Rate-Limit-Remaining") == "0"
    which = "too many requests at once" if busy else "the limit of requests per minute is used up"
    return RateLimited(
        f"Okta answered {operation.name} with HTTP 429: {which}",
        vendor=VENDOR,
        operation=operation.name,
        retry_after=CONCURRENCY_PAUSE if busy else _until_reset(reply),
        code=code,
    )


def _until_reset(reply: Reply) -> float | None:
    """Seconds until the window resets, by the vendor's own clock and a second more; None where it does not say."""
    reset, date = reply.headers.get("X-Rate-Limit-Reset", ""), date_of(reply)
    if date is None or not re.fullmatch(r"\d{1,12}", reset):
        return None
    return min(max(int(reset) - date.timestamp() + 1, 0.0), LONGEST_PAUSE)


def _code(body: bytes) -> str:
    if not body.lstrip().startswith(b"{"):
        return ""  # a long list is not read twice
    try:
        read = json.loads(body)
    except ValueError:
        return ""
    code = read.get("errorCode") if isinstance(read, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
