"""Secrets Manager as far as Firedoor goes: which versions a secret has, a new one put there or asked for, a label moved. Reached as
`AwsClient.secrets`.

Nothing here reads a secret's value; the permission for it is on no list.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
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
_VERSIONS: Final = "secretsmanager:ListSecretVersionIds"
_ROTATE: Final = "secretsmanager:RotateSecret"
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

    ``deleted``: it is marked for deletion. ``rotates``: Secrets Manager rotates it with a function of its own. ``service``: the AWS
    service that manages it ("" none). ``primary``: the region it is a replica of ("" none). ``function``: the ARN of the function that
    rotates it, or did so once ("" none). ``partner``: whose credential it is, where Secrets Manager rotates it together with a partner of
    AWS's ("" none).
    """

    versions: Mapping[str, tuple[str, ...]]
    deleted: bool = False
    rotates: bool = False
    service: str = ""
    primary: str = ""
    function: str = ""
    partner: str = ""

    def holder(self, label: str) -> str:
        """The version that a label is on; "" where it is on none."""
        return next((version for version, labels in self.versions.items() if label in labels), "")

    def labels(self, key_id: str) -> tuple[str, ...]:
        """The labels of the version that holds an access key, none where Firedoor never put it there, or its version has no label left."""
        return self.versions.get(version_of(key_id), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSecret:
    """A secret as a listing shows it. ``read`` is the day when its value was last read (None: never), ``changed`` when it or anything about
    it was, ``current`` the version that AWSCURRENT is on ("" none). ``rotates``, ``service`` and ``deleted`` as in `Secret`.
    """

    arn: str
    created: datetime | None
    changed: datetime | None
    read: datetime | None
    rotates: bool
    service: str
    deleted: bool
    current: str
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
            function=str(reply.get("RotationLambdaARN") or ""),
            partner=str(reply.get("Type") or ""),
        )

    async def policy(self, arn: str) -> str:
        """The secret's own policy, in JSON; "" where it has none. Raises `NotFound`."""
        reply = await self._call(arn, _POLICY, {})
        if not reply.get("ARN"):
            raise malformed(self._known(_POLICY), "the reply names no secret", target=arn)
        return str(reply.get("ResourcePolicy") or "")

    async def made(self, arn: str) -> Mapping[str, datetime]:
        """When each version that has a value was made, those without a label too, as far as AWS keeps them. Raises `NotFound`.

        A version that a rotation has begun and not filled yet is not among them.
        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html
        """
        _, _, _, region, account, _, _ = check_secret_arn(arn).split(":")
        asked = {"SecretId": arn, "IncludeDeprecated": True}
        pages = self._pages(account, _VERSIONS, asked, region=region, field="Versions", key="VersionId", target=arn)
        versions = [each async for page in pages for each in page]
        return {str(each["VersionId"]): each["CreatedDate"] for each in versions if isinstance(each.get("CreatedDate"), datetime)}

    async def listed(self, account: str, region: str) -> tuple[ListedSecret, ...]:
        """Every secret of an account in a region, those marked for deletion too, in AWS's order."""
        where = f"{account} {region}"
        asked = {"IncludePlannedDeletion": True}
        pages = self._pages(account, _LIST, asked, region=region, field="SecretList", key="ARN", target=where)
        return tuple([_listed(each) async for page in pages for each in page])

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

    async def rotate(self, arn: str, token: str) -> None:
        """Have Secrets Manager rotate a secret now, the way that was set up for it. ``token`` (32 to 64 characters) becomes the version's
        id.

        It goes on after the reply: `describe` shows the version as AWSPENDING until it is AWSCURRENT. Raises `Conflict` where another
        rotation is under way, and wherever AWS rotates nothing as things are.
        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
        """
        reply = await self._call(arn, _ROTATE, {"ClientRequestToken": token, "RotateImmediately": True})
        if reply.get("VersionId") != token:
            raise malformed(self._known(_ROTATE), "the reply is of another version", target=arn)

    async def _pages(
        self, account: str, name: str, asked: Mapping[str, Any], *, region: str, field: str, key: str, target: str
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """A listing's pages. Each entry of its ``field`` has a ``key``."""
        token, seen = "", {""}
        while True:
            parameters = {**asked, "MaxResults": _PAGE, **({"NextToken": token} if token else {})}
            page = await self._doors.call(account, name, parameters, target=target, region=region)
            match page.get(field):
                case [*entries] if all(isinstance(each, Mapping) and each.get(key) for each in entries):
                    yield entries
                case _:
                    raise malformed(self._known(name), f"the reply has no readable {field}", target=target)
            token = str(page.get("NextToken") or "")
            if not token:
                return
            if token in seen:
                raise malformed(self._known(name), "the listing does not go on: its token came before", target=target)
            seen.add(token)

    async def _call(self, arn: str, name: str, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        _, _, _, region, account, *_ = check_secret_arn(arn).split(":")
        return await self._doors.call(account, name, {"SecretId": arn, **parameters}, target=arn, region=region)

    def _known(self, name: str) -> Operation:
        return self._doors.policy.operations[name]


def _listed(entry: Mapping[str, Any]) -> ListedSecret:
    def moment(name: str) -> datetime | None:
        found = entry.get(name)
        return found if isinstance(found, datetime) else None

    versions: Mapping[str, list[str]] = entry.get("SecretVersionsToStages") or {}
    return ListedSecret(
        arn=str(entry["ARN"]),
        created=moment("CreatedDate"),
        changed=moment("LastChangedDate"),
        read=moment("LastAccessedDate"),
        rotates=bool(entry.get("RotationEnabled")),
        service=str(entry.get("OwningService") or ""),
        deleted=entry.get("DeletedDate") is not None,
        current=next((str(version) for version, labels in versions.items() if CURRENT in labels), ""),
        tags={str(tag["Key"]): str(tag.get("Value", "")) for tag in entry.get("Tags") or () if tag.get("Key")},
    )
