"""Jira's refusals as errors of ours: decided by status and by the names of the fields it refuses, in our words and never in its.

A refusal comes as ``{"errorMessages": [...], "errors": {"<field>": "..."}}``. Its ``code`` here is the refused field's name, or ``message``
where it names none, or nothing where the body is not Jira's.
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
    VendorError,
)
from firedoor.vendors.http import HttpOperation, Reply

VENDOR: Final = "jira"
URL_SETTING: Final = "FIREDOOR_JIRA_URL"
USER_SETTING: Final = "FIREDOOR_JIRA_USER"
TOKEN_SETTING: Final = "FIREDOOR_JIRA_API_TOKEN"  # noqa: S105 - the name of the setting
LONGEST_PAUSE: Final = 300.0  # a server that asks for more is out of order

# Only names of fields that Jira has of itself: anything else may be an echo of what was sent.
_FIELD: Final = re.compile(r"project|issuetype|summary|description|labels|security|priority|reporter|components|customfield_\d{1,9}")
_LEVEL_ADVICE: Final = "Put Security Level on the project's create screen, give Firedoor's account SET_ISSUE_SECURITY, and check the level"


class Unsettled(VendorError):
    """What became of a write cannot be seen yet: Jira's search may lag behind it. To look again helps; to write again may double it."""

    retryable = True


def problem(operation: HttpOperation, reply: Reply, *, target: str) -> VendorError | None:
    """The error that a reply stands for; None where Jira did as asked."""
    status, code = reply.status, _code(reply.body)
    if 200 <= status < 300:
        return None
    if status == 429:
        return RateLimited(
            f"Jira answered {operation.name} with HTTP 429: too many requests",
            vendor=VENDOR,
            operation=operation.name,
            retry_after=_retry_after(reply),
        )
    kind, what, advice = _meaning(operation, status, code)
    clear = status in range(400, 500) and kind is not Malformed
    return kind(
        f"Jira answered {operation.name} with HTTP {status}{f' ({code})' if code else ''}: {what}",
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
        case 400, "security":
            return Rejected, "the security level cannot be set, so no ticket was opened", _LEVEL_ADVICE
        case 401, _:
            return Unauthorized, "it does not know the token", f"Set {TOKEN_SETTING} to a live token, and {USER_SETTING} for Cloud"
        case 403, _:
            return Forbidden, "the token may not do this", f"Give its owner {operation.permission or 'access'} in the project"
        case 404, "":
            # A bare 404 is a proxy's, or of another kind of Jira. Taken for "no such issue" it would open a second ticket.
            return Malformed, "the answer does not look like Jira's", f"Check {URL_SETTING} and jira_flavour"
        case 404, _:
            return (
                NotFound,
                "it knows no such thing, or hides it from us",
                f"Check the project, and that the account has {operation.permission}",
            )
        case 409, _:
            return Conflict, "something else changed it meanwhile", "Look at it in Jira; it may already be as wanted"
        case 413, _:
            return Rejected, "the report is larger than attachments may be here", "Attach the report by hand, or raise Jira's limit"
        case 422, _:
            return Rejected, "its configuration does not let it make the issue", "Have a Jira administrator look at the project's workflow"
        case _ if status >= 500:
            return Unavailable, "it failed by its own account", "Run it again; what is already done stays done"
        case _ if 300 <= status < 400:
            return Rejected, "it wants to send us elsewhere, which is never followed", f"Set {URL_SETTING} to Jira's own address"
    return Rejected, "it calls the request wrong", "Check jira_project and jira_issue_type; the field it names says more"


def _retry_after(reply: Reply) -> float | None:
    """Seconds to wait, None where Jira does not say (a date in place of seconds is not used by it)."""
    text = reply.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE) if re.fullmatch(r"\d{1,9}", text) else None


def _code(body: bytes) -> str:
    try:
        read = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(read, dict) or not ("errorMessages" in read or "errors" in read):
        return ""
    errors = read.get("errors")
    fields = sorted(name for name in errors if _FIELD.fullmatch(name)) if isinstance(errors, dict) else []
    return "security" if "security" in fields else fields[0] if fields else "message"
