"""Which of a vendor's operations a request is, told from what goes over the wire and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from firedoor.vendors.aws.operations import OPERATIONS as OF_AWS
from firedoor.vendors.jira.operations import HTTP_OPERATIONS as OF_JIRA
from firedoor.vendors.okta import operations as okta

_JIRA: Final = tuple(
    (operation, re.compile(r"/rest/api/[23]" + re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path)))) for operation in OF_JIRA
)
_AWS: Final = frozenset(operation.name for operation in OF_AWS)
# What requests are signed for, where the SDK and the table have another name for the service.
_SIGNED_FOR: Final = {"sso": "sso-admin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, with the bytes it came in. ``headers`` go by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    raw: bytes = field(repr=False)


def _okta(request: Request) -> str:
    found = okta.find(request.method, request.path.partition("?")[0])
    return found.name if found else ""


def _jira(request: Request) -> str:
    path = request.path.partition("?")[0]
    return next((one.name for one, shape in _JIRA if one.method == request.method and shape.fullmatch(path)), "")


def _slack(request: Request) -> str:
    return request.path.partition("?")[0].removeprefix("/api/")


def _aws(request: Request) -> str:
    scope = request.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    service = _SIGNED_FOR.get(scope[3], scope[3]) if len(scope) == 5 else ""
    target = request.headers.get("x-amz-target", "")
    action = target.rpartition(".")[2] or parse_qs(request.body.decode("utf-8", "replace")).get("Action", [""])[0]
    name = f"{service}:{action}"
    return name if name in _AWS else ""


NAMED: Final[Mapping[str, Callable[[Request], str]]] = {"okta": _okta, "jira": _jira, "slack": _slack, "aws": _aws}
