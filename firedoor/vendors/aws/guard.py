"""The guard inside boto3: what may leave, decided on the operation's model, on the bytes about to be sent, and on what is signed.

It hangs on the botocore session's events, so every client and resource made from that session carries it, whoever holds them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit

from firedoor.errors import Misconfigured, WriteRefused
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.aws.denials import DENY_ALL
from firedoor.vendors.aws.operations import ASSUME_ROLE, ATTACH, session_policy

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# What requests are signed for, where the SDK has another name for the service.
_SIGNED_FOR: Final = {"sso": "sso-admin"}
_log = logging.getLogger(__name__)


class _Events(Protocol):
    """The part of botocore's event emitter that is used."""

    def register_first(self, event_name: str, handler: object) -> None: ...
    def register_last(self, event_name: str, handler: object) -> None: ...


class _Request(Protocol):
    """The part of botocore's prepared request that is looked at."""

    url: str
    body: object
    headers: Mapping[str, object]


def check_endpoint(url: str) -> str:
    """The endpoint, if signed requests may go there: https, or plain http to this machine. Raises `Misconfigured` otherwise."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise Misconfigured(
        f"the AWS endpoint {parts.scheme}://{parts.hostname} is plain http and not on this machine",
        advice="Unset AWS_ENDPOINT_URL, or give an https address",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Refuses, in the transport, every call that the policy does not admit.

    ``roles`` are the only roles that may be assumed. Requests go to AWS's own hosts over https or, once `bind` was told of an endpoint
    elsewhere (``http://127.0.0.1:5000``), to nowhere but there.
    """

    policy: CallPolicy
    roles: frozenset[str]
    _origins: set[str] = field(default_factory=set, init=False)

    def bind(self, endpoints: Iterable[str]) -> None:
        """Hold all requests to the endpoints that the configuration chose, where they are not AWS's."""
        self._origins.update(_origin(url) for url in endpoints if not _is_aws(url))

    def watch(self, events: _Events) -> None:
        """Hang on a session's events. Must come before its first client, for clients copy the session's handlers."""
        events.register_first("before-call", self.before_call)
        # Last, so that what is judged is what leaves: no other handler can change the request afterwards.
        events.register_last("before-send", self.before_send)
        events.register_first("before-sign", self.before_sign)

    def before_call(self, *, model: object, **_ignored: object) -> None:
        """The call as the caller means it."""
        service = getattr(getattr(model, "service_model", None), "service_name", "")
        self.policy.admit(f"{service}:{getattr(model, 'name', '')}")

    def before_send(self, *, request: _Request, **_ignored: object) -> None:
        """The call as the wire will say it."""
        self._refuse_strange_place(request.url)
        service, action, parameters = _spoken(request)
        operation = self.policy.admit(f"{service}:{action}")
        if operation.name == ASSUME_ROLE:
            self._refuse_strange_role(parameters)
        if operation.name == ATTACH and parameters.get("PolicyArn") != DENY_ALL:
            raise self._refusal(ATTACH, "no policy is attached but AWS's own that denies everything")
        _log.debug("sending %s", operation.name)

    def before_sign(self, *, signature_version: object, signing_name: str = "", **_ignored: object) -> None:
        """No presigned URL or form: it would act later, from anywhere, past every guard."""
        version = str(signature_version)
        if version.endswith(("-query", "-presign-post")):
            raise self._refusal(f"{signing_name}:presign", "Firedoor signs no URLs for others to use")

    def _refuse_strange_role(self, parameters: Mapping[str, str]) -> None:
        if parameters.get("RoleArn") not in self.roles:
            raise self._refusal(ASSUME_ROLE, "that role is not among the configured ones")
        if parameters.get("Policy") != session_policy(self.policy.access):
            raise self._refusal(ASSUME_ROLE, "a role is only assumed under Firedoor's own session policy")

    def _refuse_strange_place(self, url: str) -> None:
        if not (_origin(url) in self._origins if self._origins else _is_aws(url)):
            raise self._refusal("connect", "the request would have gone to a place that is not AWS's")

    def _refusal(self, operation: str, why: str) -> WriteRefused:
        mode = "a client that only reads" if self.policy.access is Access.READ else "this client"
        return WriteRefused(
            f"{operation} from {mode} was not sent: {why}",
            vendor=self.policy.vendor,
            operation=operation,
            advice="This is a defect in the action that asked for it",
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_aws(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and (parts.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _spoken(request: _Request) -> tuple[str, str, Mapping[str, str]]:
    """Service, action and parameters as the request itself says them; empty where it says none, which is on no list."""
    service = _signed_service(request)
    target = _text(request.headers.get("X-Amz-Target"))
    if target:
        return service, target.rpartition(".")[2], {}
    fields = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
    for name, values in _fields(request.body).items():
        fields.setdefault(name, []).extend(values)
    # A parameter said twice could mean one thing here and another to AWS.
    if any(len(values) != 1 for values in fields.values()):
        return service, "", {}
    single = {name: values[0] for name, values in fields.items()}
    return service, single.get("Action", ""), single


def _fields(body: object) -> dict[str, list[str]]:
    if isinstance(body, Mapping):
        return {str(name): [_text(value)] for name, value in body.items()}
    return parse_qs(_text(body), keep_blank_values=True)


def _signed_service(request: _Request) -> str:
    scope = _text(request.headers.get("Authorization")).partition("Credential=")[2].partition(",")[0].split("/")
    return _SIGNED_FOR.get(scope[3], scope[3]) if len(scope) == 5 else ""


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, default=str)
