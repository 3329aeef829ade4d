"""The simulator's rotations of secrets, which go on after their reply as AWS's do. Moto's end at once, and refuse at the wrong moment.

A secret of a world with ``rotates`` has a function that takes `AwsLag.rotation` seconds for its whole work. ``fails``: it never comes to
its end, and its version stays AWSPENDING, as empty as AWS makes it. ``function``: its ARN; "" for none (a service's own secret, or a
broken set-up). Left out: schedules, cancelling, partners' secrets, the log of a function, and that AWS tries a failed rotation again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from firedoor.vendors.aws.standings import SimClock
from firedoor.vendors.aws.wire import Answer, Call, Refused

_CURRENT, _PENDING, _PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"


class Rotations:
    """What rotates in all accounts. ``lag`` says how many seconds a rotation takes that begins now."""

    def __init__(self, clock: SimClock, lag: Callable[[], float]) -> None:
        self._clock = clock
        self._lag = lag

    def answer(self, call: Call, kept: Mapping[str, Any]) -> Answer | None:
        """What AWS answers to questions of rotation, ``kept`` being a region's secrets as moto has them; None for every other question.

        What is due ends first. Raises `Refused`.
        """
        now = self._clock.now()
        _finish(kept.values(), now)
        if call.operation not in {"RotateSecret", "ListSecretVersionIds"}:
            return None
        if (secret := kept.get(call.text("SecretId"))) is None:
            raise Refused("ResourceNotFoundException", 400, "Secrets Manager can't find the specified secret.")
        body = _versions(call, secret) if call.operation == "ListSecretVersionIds" else _rotate(call, secret, now, self._lag())
        known = {"ARN": secret.arn, "Name": secret.name}
        return Answer(status=200, body=json.dumps({**known, **body}).encode(), content_type="application/x-amz-json-1.1")


def _finish(found: Iterable[Any], now: datetime) -> None:
    """Bring every rotation to its end that is due by now: the labels move, and AWSPENDING comes off."""
    for secret in found:
        version, due = getattr(secret, "rotation", ("", now))
        if not version or due > now:
            continue
        del secret.rotation
        for each in secret.versions.values():
            each["version_stages"] = [label for label in each["version_stages"] if label not in {_PREVIOUS, _PENDING}]
            if _CURRENT in each["version_stages"]:
                each["version_stages"] = [_PREVIOUS]
        secret.versions[version] |= {"version_stages": [_CURRENT], "secret_string": secrets.token_hex(20)}
        secret.default_version_id, secret.last_rotation_date = version, int(now.timestamp())


def _rotate(call: Call, secret: Any, now: datetime, lag: float) -> dict[str, object]:
    token = call.text("ClientRequestToken")
    if secret.deleted_date is not None or hasattr(secret, "primary_region"):
        raise Refused("InvalidRequestException", 400, "The operation is not valid for the current state of the secret.")
    if not secret.rotation_enabled or not (secret.rotation_lambda_arn or secret.owning_service):
        raise Refused("InvalidRequestException", 400, "No Lambda rotation function ARN is associated with this secret.")
    if any(_PENDING in each["version_stages"] and _CURRENT not in each["version_stages"] for each in secret.versions.values()):
        raise Refused("InvalidRequestException", 400, "A previous rotation isn't complete. That rotation will be reattempted.")
    if token in secret.versions:
        raise Refused("InvalidRequestException", 400, "That ClientRequestToken is in use for a version of this secret.")
    secret.versions[token] = {"version_id": token, "version_stages": [_PENDING], "createdate": now.timestamp()}
    if not getattr(secret, "fails", False):
        secret.rotation = (token, now + timedelta(seconds=lag))
    return {"VersionId": token}


def _versions(call: Call, secret: Any) -> dict[str, object]:
    """Those with a value. Moto gives each the moment of the question."""
    every = bool(call.parameters.get("IncludeDeprecated"))
    shown = [each for each in secret.versions.values() if "secret_string" in each and (every or each["version_stages"])]
    return {
        "Versions": [
            {"VersionId": each["version_id"], "VersionStages": each["version_stages"], "CreatedDate": each["createdate"]} for each in shown
        ]
    }
