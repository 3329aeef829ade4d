"""The simulator's Secrets Manager: secrets of the world, and AWS's rules on versions and labels where moto has none.

An account of a world may have ``secrets``: ``{"name-AbCdEf": {...}}`` with ``region`` (us-east-1), ``versions`` {version id: {"stages",
"secret", "created"}}, ``rotates`` (see `simrotations`) and ``deleted`` (false), ``replica_of`` (a region), ``owner`` (a service), ``tags``
{key: value}, ``policy`` (its own, a document), and the moments ``created`` and ``last_read``. The name and its six characters are the end
of the secret's ARN. Left out: KMS keys, access from another account, and the removal of versions that no label holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from firedoor.canonical import JSON, canonical
from firedoor.vendors.aws.spoken import spoken
from firedoor.vendors.aws.wire import Answer, Call, Refused

CURRENT: Final = "AWSCURRENT"
_DAY: Final = 86_400
_SUFFIX: Final = 7  # a hyphen and six characters


def seed(account: str, plan: JSON) -> None:
    """Write an account's secrets into moto."""
    for suffixed, each in plan.items() if isinstance(plan, Mapping) else ():
        if not isinstance(each, Mapping):
            raise TypeError("a secret of a world is a mapping")
        _plant(account, suffixed, each)


def _plant(account: str, suffixed: str, plan: Mapping[str, Any]) -> None:
    from moto.secretsmanager.models import FakeSecret  # noqa: PLC0415 - only drills and tests have moto

    region, name, now = str(plan.get("region", "us-east-1")), suffixed[:-_SUFFIX], int(time.time())
    versions: dict[str, dict[str, Any]] = {
        version: {
            "version_id": version,
            "version_stages": list(each["stages"]),
            "secret_string": str(each.get("secret", "{}")),
            "createdate": _moment(each["created"]) if "created" in each else now,
        }
        for version, each in plan.get("versions", {}).items()
    }
    secret = FakeSecret(account, region, name, secret_version={}, version_id="", created_date=now, last_changed_date=now)
    secret.arn = f"arn:aws:secretsmanager:{region}:{account}:secret:{suffixed}"
    secret.versions = versions
    secret.default_version_id = next((version for version, each in versions.items() if CURRENT in each["version_stages"]), None)
    if "policy" in plan:
        spoken(document := canonical(plan["policy"]), frozenset())
        secret.policy = document
    if plan.get("rotates") or plan.get("function"):
        secret.rotation_requested, secret.rotation_enabled = True, bool(plan.get("rotates"))
        secret.rotation_lambda_arn = plan.get("function", f"arn:aws:lambda:{region}:{account}:function:rotates-{name.replace('/', '-')}")
        secret.fails = bool(plan.get("fails"))  # type: ignore[attr-defined] # ours: see `simrotations`
    if plan.get("deleted"):
        secret.deleted_date = time.time()
    tags = {**plan.get("tags", {}), **({"aws:secretsmanager:owningService": plan["owner"]} if "owner" in plan else {})}
    if tags:
        secret.tags = [{"Key": name, "Value": str(value)} for name, value in tags.items()]
    if "created" in plan:
        secret.created_date = secret.last_changed_date = _moment(plan["created"])
    if "last_read" in plan:
        secret.last_read = _day(_moment(plan["last_read"]))  # type: ignore[attr-defined] # ours too
    if "replica_of" in plan:
        secret.primary_region = plan["replica_of"]  # type: ignore[attr-defined] # ours: see `polished`
    _backend(account, region).secrets[name] = secret


def state(account: str) -> dict[str, JSON]:
    """The account's secrets by name: version ids with their labels. No value; nothing where there is none."""
    found: dict[str, JSON] = {
        secret.name: {version: sorted(each["version_stages"]) for version, each in secret.versions.items() if each["version_stages"]}
        for backend in _backends(account).values()
        for secret in backend.secrets.values()
    }
    return {"secrets": found} if found else {}


def policy_of(call: Call, account: str, region: str) -> str:
    """The own policy of the secret that a call is about; "" where it has none."""
    secret = _backend(account, region).secrets.get(call.text("SecretId"))
    return str(getattr(secret, "policy", None) or "")


def completed(call: Call) -> Call:
    """Who names neither version nor label gets AWSCURRENT. Moto would give the newest."""
    if call.operation != "GetSecretValue" or call.text("VersionStage") or call.text("VersionId"):
        return call
    return replace(call, parameters={**call.parameters, "VersionStage": CURRENT})


def check(call: Call, account: str, region: str) -> None:
    """Raises `Refused` for what AWS refuses and moto takes: another value under a token that is used, a label taken from a version that it
    is not on, and writing to a secret that is deleted, a replica, or a service's own.
    """
    secret = _backend(account, region).secrets.get(call.text("SecretId"))
    if secret is None or call.operation not in {"PutSecretValue", "UpdateSecretVersionStage"}:
        return
    if secret.deleted_date is not None or hasattr(secret, "primary_region") or secret.owning_service:
        raise Refused("InvalidRequestException", 400, "The operation is not valid for the current state of the secret.")
    if call.operation == "PutSecretValue":
        known = secret.versions.get(call.text("ClientRequestToken"))
        if known is not None and known.get("secret_string") != call.text("SecretString"):
            raise Refused("ResourceExistsException", 400, "That ClientRequestToken is in use for a version with another value.")
        return
    label, source, goal = call.text("VersionStage"), call.text("RemoveFromVersionId"), call.text("MoveToVersionId")
    holder = next((version for version, each in secret.versions.items() if label in each["version_stages"]), "")
    if holder not in {source, goal}:
        raise Refused("InvalidParameterException", 400, f"The label {label} is on another version; RemoveFromVersionId must name it.")


def polished(call: Call, answer: Answer, account: str, region: str) -> Answer:
    """The answer as AWS gives it: DescribeSecret shows only versions that have a label, and the primary region of a replica; a listing has
    the day of the last reading.
    """
    if answer.status != 200 or call.operation not in {"DescribeSecret", "GetSecretValue", "ListSecrets"}:
        return answer
    secrets, body = _backend(account, region).secrets, json.loads(answer.body)
    match call.operation:
        case "DescribeSecret":
            body["VersionIdsToStages"] = {version: stages for version, stages in body.get("VersionIdsToStages", {}).items() if stages}
            primary = getattr(secrets.get(call.text("SecretId")), "primary_region", "")
            body |= {"PrimaryRegion": primary} if primary else {}
        case "GetSecretValue":
            secrets.get(call.text("SecretId")).last_read = _day(time.time())
            return answer
        case _:
            shown = [{**each, "LastAccessedDate": getattr(secrets.get(each["ARN"]), "last_read", None)} for each in body["SecretList"]]
            body["SecretList"] = [{name: value for name, value in each.items() if value is not None} for each in shown]
    return replace(answer, body=json.dumps(body).encode())


def kept(account: str, region: str) -> Mapping[str, Any]:
    """The secrets of an account in a region, as moto has them: found by name and by ARN."""
    found: Mapping[str, Any] = _backend(account, region).secrets
    return found


def _moment(text: object) -> int:
    return int(datetime.fromisoformat(str(text)).timestamp())


def _day(moment: float) -> int:
    """AWS keeps the day of a reading and no hour."""
    return int(moment) // _DAY * _DAY


def _backends(account: str) -> Mapping[str, Any]:
    from moto.backends import get_backend  # noqa: PLC0415

    backends: Mapping[str, Any] = get_backend("secretsmanager")[account]
    return backends


def _backend(account: str, region: str) -> Any:
    return _backends(account)[region]
