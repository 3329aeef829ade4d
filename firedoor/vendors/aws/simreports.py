"""The simulator's credential reports: made once in four hours, of the world as it was then, with the keys of the root user.

An account of a world may have ``root_keys``, see `world`. Source: "Getting credential reports for your AWS account". A key that is inactive
has no date in the report, as the guide says; certificates, MFA and the columns on regions and services are left at N/A.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from firedoor.canonical import JSON
from firedoor.vendors.aws.standings import SimClock
from firedoor.vendors.aws.wire import Call, Refused
from firedoor.vendors.aws.world import iam_of

OPERATIONS: Final = frozenset({"GenerateCredentialReport", "GetCredentialReport"})
_KEPT: Final = timedelta(hours=4)
_COLUMNS: Final = (
    *("user", "arn", "user_creation_time"),
    *("password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active"),
    *(
        f"access_key_{n}_{part}"
        for n in (1, 2)
        for part in ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
    ),
    *(f"cert_{n}_{part}" for n in (1, 2) for part in ("active", "last_rotated")),
)


@dataclass(slots=True, kw_only=True)
class _Report:
    made: datetime
    text: str
    done: bool = False


class SimReports:
    """Answers the two operations. Times are those of ``clock``."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self._root_keys: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._held: dict[str, _Report] = {}

    def settle(self, account: str, root_keys: JSON) -> None:
        """Take note of the keys of an account's root user."""
        keys = root_keys if isinstance(root_keys, list) else []
        self._root_keys[account] = [key for key in keys if isinstance(key, Mapping)]

    def answer(self, call: Call, account: str) -> Mapping[str, object]:
        """The reply's result. Raises `Refused`."""
        return self._generate(account) if call.operation == "GenerateCredentialReport" else self._get(account)

    def _generate(self, account: str) -> Mapping[str, object]:
        held = self._held.get(account)
        if held is None or self._stale(held):
            self._held[account] = _Report(made=self._clock.now().replace(microsecond=0), text=self._text(account))
            return {"State": "STARTED"}
        held.done = True
        return {"State": "COMPLETE"}

    def _get(self, account: str) -> Mapping[str, object]:
        held = self._held.get(account)
        if held is None:
            raise Refused("ReportNotPresent", 410, "Credential report not present.")
        if self._stale(held):
            raise Refused("ReportExpired", 410, "The credential report has expired.")
        if not held.done:
            raise Refused("ReportInProgress", 404, "The credential report is still being generated.")
        content = base64.b64encode(held.text.encode()).decode()
        return {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": held.made.isoformat()}

    def _stale(self, report: _Report) -> bool:
        return self._clock.now() - report.made >= _KEPT

    def _text(self, account: str) -> str:
        lines = [self._root(account), *(_user(user) for user in iam_of(account).users.values())]
        return "".join(",".join(fields.get(name, "N/A") for name in _COLUMNS) + "\n" for fields in [{c: c for c in _COLUMNS}, *lines])

    def _root(self, account: str) -> dict[str, str]:
        keys = [
            (key.get("status", "Active") == "Active", _given(key.get("created")), _given(key.get("last_used")))
            for key in self._root_keys.get(account, ())
        ]
        named = {"user": "<root_account>", "arn": f"arn:aws:iam::{account}:root", "user_creation_time": "2015-01-01T00:00:00+00:00"}
        return {**named, "password_enabled": "not_supported", "mfa_active": "true", **_keys(keys)}


def _user(user: Any) -> dict[str, str]:
    fields = {"user": str(user.name), "arn": str(user.arn), "user_creation_time": _said(user.create_date)}
    fields |= {"password_enabled": str(bool(user.password)).lower()}
    if user.password:
        fields["password_last_used"] = _said(user.password_last_used) if user.password_last_used else "no_information"
        fields["password_last_changed"] = _said(getattr(user, "password_made", user.create_date))
    keys = [
        (key.status == "Active", _said(key.create_date), _said(key.last_used.timestamp if key.last_used else None))
        for key in user.access_keys
    ]
    return {**fields, "mfa_active": "false", **_keys(keys)}


def _keys(keys: Sequence[tuple[bool, str, str]]) -> dict[str, str]:
    fields = {"access_key_1_active": "false", "access_key_2_active": "false", "cert_1_active": "false", "cert_2_active": "false"}
    for place, (active, made, used) in enumerate(keys, 1):
        if active:
            name = f"access_key_{place}"
            fields |= {f"{name}_active": "true", f"{name}_last_rotated": made, f"{name}_last_used_date": used}
    return fields


def _given(moment: object) -> str:
    return _said(datetime.fromisoformat(str(moment)).astimezone(UTC)) if moment else "N/A"


def _said(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00") if moment else "N/A"
