"""Secrets Manager as far as Firedoor goes: which versions a secret has, a new one put there, a label moved. Reached as `AwsClient.secrets`.

Nothing here reads a secret's value; the permission for it is on no list.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import SecretStr

from firedoor.errors import BadInput, shown
from firedoor.vendors.access import Operation
from firedoor.vendors.aws.doors import Doors
from firedoor.vendors.aws.replies import malformed
from firedoor.vendors.aws.values import check_key_id

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"

_DESCRIBE: Final = "secretsmanager:DescribeSecret"
_POLICY: Final = "secretsmanager:GetResourcePolicy"
_PUT: Final = "secretsmanager:PutSecretValue"
_LABEL: Final = "secretsmanager:UpdateSecretVersionStage"
_LIST: Final = "secretsmanager:ListSecrets"
_PAGE: Final = 100
# Firedoor's own, so that nobody else's version has such an id by chance.
_NAMESPACE: Final = uuid.UUID("0b4f7a86-3d0e-5c55-8a7b-6f6a1d2e9c31")
_ARN = re.compile(r"arn:aws(-[a-z]+)*:secretsmanager:[a-z]{2}(-[a-z]+)+-[0-9]:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}")


def check_secret_arn(text: str) -> str:
    """The whole ARN of a secret, its six last characters included: a name alone may be another secret's by now. Raises `BadInput`."""
    if not _ARN.fullmatch(text):
        advice = "It looks like arn:aws:secretsmanager:eu-west-1:111122223333:secret:ci/aws-AbCdEf"
        raise BadInput(f"{shown(text)} is not the ARN of a secret", advice=advice)
    return text


def version_of(key_id: str) -> str:
    """The id of the version in which a secret holds this access key, if Firedoor put it there: so our keys show without a look inside."""
    return str(uuid.uuid5(_NAMESPACE, check_key_id(key_id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """An access key just made. AWS shows its ``secret`` this once."""

    id: str
    secret: SecretStr = field(repr=False)

    def __post_init__(self) -> None:
        check_key_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret without its value. ``versions`` are the ids that have a label, with their labels.

    ``deleted``: it is marked for deletion. ``rotates``: Secrets Manager rotates it with a function of its own. ``service``: the AWS service
    that manages it ("" none). ``primary``: the region it is a replica of ("" none).
    """

    versions: Mapping[str, tuple[str, ...]]
    deleted: bool = False
    rotates: bool = False
    service: str = ""
    primary: str = ""

    def holder(self, label: str) -> str:
        """The version that a label is on; "" where it is on none."""
        return next((version for version, labels in self.versions.items() if label in labels), "")

    def labels(self, key_id: str) -> tuple[str, ...]:
        """The labels of the version that holds an access key, none where Firedoor never put it there, or its version has no label left."""
        return self.versions.get(version_of(key_id), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSecret:
    """A secret as a listing shows it. ``read`` is the day when its value was last read (None: never), ``changed`` when it or anything about
    it was. ``rotates``, ``service`` and ``deleted`` as in `Secret`.
    """

    arn: str
    created: datetime | None
    changed: datetime | None
    read: datetime | None
    rotates: bool
    service: str
    deleted: bool
    tags: Mapping[str, str]


class Secrets:
    """Describes and fills secrets through the doors of an `AwsClient`, each in the account and region of its ARN."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def describe(self, arn: str) -> Secret:
        """A secret's versions and what stands in the way of writing it. Raises `NotFound`."""
        reply = await self._call(arn, _DESCRIBE, {})
        found: Mapping[str, list[str]] = reply.get("VersionIdsToStages", {})
        region = arn.split(":")[3]
        if not reply.get("ARN"):
            raise malformed(self._known(_DESCRIBE), "the reply is no description of a secret", target=arn)
        primary = str(reply.get("PrimaryRegion") or region)
        return Secret(
            versions={version: tuple(labels) for version, labels in sorted(found.items()) if labels},
            deleted=reply.get("DeletedDate") is not None,
            rotates=bool(reply.get("RotationEnabled")),
            service=str(reply.get("OwningService") or ""),
            primary="" if primary == region else primary,
        )

    async def policy(self, arn: str) -> str:
        """The secret's own policy, in JSON; "" where it has none. Raises `NotFound`."""
        reply = await self._call(arn, _POLICY, {})
        if not reply.get("ARN"):
            raise malformed(self._known(_POLICY), "the reply names no secret", target=arn)
        return str(reply.get("ResourcePolicy") or "")

    async def listed(self, account: str, region: str) -> tuple[ListedSecret, ...]:
        """Every secret of an account in a region, those marked for deletion too, in AWS's order."""
        found: list[ListedSecret] = []
        token, seen = "", {""}
        while True:
            parameters = {"IncludePlannedDeletion": True, "MaxResults": _PAGE, **({"NextToken": token} if token else {})}
            page = await self._doors.call(account, _LIST, parameters, target=f"{account} {region}", region=region)
            match page.get("SecretList"):
                case [*entries] if all(isinstance(each, Mapping) and each.get("ARN") for each in entries):
                    found.extend(_listed(each) for each in entries)
                case _:
                    raise malformed(self._known(_LIST), "the reply has no readable SecretList", target=f"{account} {region}")
            token = str(page.get("NextToken") or "")
            if not token:
                return tuple(found)
            if token in seen:
                raise malformed(self._known(_LIST), "the listing does not go on: its token came before", target=f"{account} {region}")
            seen.add(token)

    async def deliver(self, arn: str, key: NewKey) -> None:
        """Put an access key into the secret as AWSPENDING, a JSON object with ``AccessKeyId`` and ``SecretAccessKey``.

        Repeating it is harmless. A secret that had no version before has this one as AWSCURRENT as well, by AWS's doing.
        """
        value = json.dumps({"AccessKeyId": key.id, "SecretAccessKey": key.secret.get_secret_value()})
        token = version_of(key.id)
        reply = await self._call(arn, _PUT, {"ClientRequestToken": token, "SecretString": value, "VersionStages": [PENDING]})
        if reply.get("VersionId") != token:
            raise malformed(self._known(_PUT), "the reply is of another version", target=arn)

    async def make_current(self, arn: str, version: str, *, instead_of: str) -> None:
        """Move AWSCURRENT to a version; AWS moves AWSPREVIOUS to the one that had it (``instead_of``, "" none)."""
        away = {"RemoveFromVersionId": instead_of} if instead_of else {}
        reply = await self._call(arn, _LABEL, {"VersionStage": CURRENT, "MoveToVersionId": version, **away})
        if not reply.get("ARN"):
            raise malformed(self._known(_LABEL), "the reply names no secret", target=arn)

    async def _call(self, arn: str, name: str, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        _, _, _, region, account, *_ = check_secret_arn(arn).split(":")
        return await self._doors.call(account, name, {"SecretId": arn, **parameters}, target=arn, region=region)

    def _known(self, name: str) -> Operation:
        return self._doors.policy.operations[name]


def _listed(entry: Mapping[str, Any]) -> ListedSecret:
    def moment(name: str) -> datetime | None:
        found = entry.get(name)
        return found if isinstance(found, datetime) else None

    return ListedSecret(
        arn=str(entry["ARN"]),
        created=moment("CreatedDate"),
        changed=moment("LastChangedDate"),
        read=moment("LastAccessedDate"),
        rotates=bool(entry.get("RotationEnabled")),
        service=str(entry.get("OwningService") or ""),
        deleted=entry.get("DeletedDate") is not None,
        tags={str(tag["Key"]): str(tag.get("Value", "")) for tag in entry.get("Tags") or () if tag.get("Key")},
    )
