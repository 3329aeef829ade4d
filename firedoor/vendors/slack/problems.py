"""Slack's refusals as errors of ours: decided by status and by Slack's own ``error`` code, in our words and never in the vendor's.

Slack says no with HTTP 200 and ``"ok": false``; only too many requests (429) and failing servers use a status. Rests on the error tables of
Slack's method pages. A code that is in no table here is the request's own fault, as far as we can tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from firedoor.errors import Conflict, Forbidden, Malformed, NotFound, RateLimited, Rejected, Unauthorized, Unavailable, VendorError
from firedoor.vendors.slack.operations import SlackOperation

VENDOR: Final = "slack"


class TooLong(VendorError):
    """More was written in the channel than is looked through, so that nobody knows whether what is looked for stands there."""


LONGEST_PAUSE: Final = 300.0  # Slack counts by the minute; one that wants more has a header gone wrong

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{1,63}")
_UNKNOWN: Final = ("not_authed", "invalid_auth", "token_revoked", "token_expired", "account_inactive")
_MAY_NOT: Final = (
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "access_denied",
    "ekm_access_denied",
    "team_access_not_granted",
    "org_login_required",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "cant_delete_message",
)
_NONE_SUCH: Final = ("channel_not_found", "user_not_found", "users_not_found", "user_not_visible", "message_not_found")
_NOT_NOW: Final = ("not_in_channel", "is_archived", "is_inactive", "compliance_exports_prevent_deletion")
_TOO_OFTEN: Final = ("ratelimited", "rate_limited")
# Of fatal_error Slack says itself that part of the call may have had its effect.
_FAILED: Final = ("fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org")

_ADVICE: Final[Mapping[str, str]] = {
    "channel_not_found": "Set slack_channel to the channel's id, and invite the app to it",
    "not_in_channel": "Invite the app to the channel",
    "is_archived": "Set slack_channel to a channel that is in use",
    "cant_delete_message": "Only the app that wrote a message may delete it",
}


def problem(operation: SlackOperation, status: int, headers: Mapping[str, str], body: Mapping[str, object] | None) -> VendorError | None:
    """The error that a reply stands for; None where Slack did as asked. ``body`` is None where the reply is not a JSON object."""
    code = _code(body)
    if status == 429 or code in _TOO_OFTEN:
        what = f"Slack answered {operation.name} with HTTP {status}: too many requests"
        return RateLimited(what, vendor=VENDOR, operation=operation.name, retry_after=_pause(headers), status=status, code=code)
    if status == 200 and body is not None and body.get("ok") is True:
        return None
    kind, what, advice = _meaning(operation, status, code)
    unclear = kind in (Unavailable, Malformed)
    return kind(
        f"Slack answered {operation.name} with HTTP {status}{f' {code}' if code else ''}: {what}",
        vendor=VENDOR,
        operation=operation.name,
        status=status,
        code=code,
        changed=None if operation.writes and unclear else False,
        advice=advice,
    )


def _meaning(operation: SlackOperation, status: int, code: str) -> tuple[type[VendorError], str, str]:  # noqa: PLR0911 - a table
    if status >= 500 or code in _FAILED:
        return Unavailable, "it failed by its own account", "Run it again; what is already done stays done. See slack-status.com"
    if 300 <= status < 400:
        return Rejected, "it wants to send us elsewhere, which is never followed", "Check FIREDOOR_SLACK_BASE_URL"
    if code in _UNKNOWN:
        return Unauthorized, "it does not know the bot token", "Set FIREDOOR_SLACK_BOT_TOKEN to the app's bot token (xoxb-...)"
    if code in _MAY_NOT or (status in (401, 403) and not code):
        advice = _ADVICE.get(code, f"Give the app {operation.scopes}, and install it again")
        return Forbidden, "the bot token may not do this", advice
    if code in _NONE_SUCH:
        return NotFound, "it shows the app no such thing", _ADVICE.get(code, "Check the id")
    if code in _NOT_NOW:
        return Conflict, "it refuses this in the present state", _ADVICE.get(code, "Look at it in Slack")
    if not code:
        # A proxy's page, or a reply that broke off. A bare 404 taken for "no such channel" would hide a wrong address.
        return Malformed, "the answer does not look like Slack's", "Check FIREDOOR_SLACK_BASE_URL"
    return Rejected, "it calls the request wrong", "This may be a defect in Firedoor; Slack's page on the method explains the code"


def _code(body: Mapping[str, object] | None) -> str:
    code = body.get("error") if body is not None and body.get("ok") is False else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that Slack wants left in peace; None where it does not say."""
    seconds = headers.get("Retry-After", "")
    return min(float(seconds), LONGEST_PAUSE) if re.fullmatch(r"\d{1,9}", seconds) else None
