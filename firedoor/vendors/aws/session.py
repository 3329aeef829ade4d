"""boto3 sessions under the guard: made in one place, from named credentials, with one attempt and bounded waits."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

from firedoor.errors import Misconfigured
from firedoor.vendors.aws.guard import Guard, check_endpoint
from firedoor.vendors.aws.replies import no_credentials

SERVICES: Final = ("sts", "iam")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCredentials:
    """A key and its secret, with the session token and end that temporary ones have. Never printed."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How to reach AWS: region, connections, seconds to wait for each of connect and read, and an endpoint ("" is botocore's choice)."""

    region: str
    pool: int
    timeout: float
    endpoint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The clients of one identity. ``expires`` is when its credentials end (None: botocore looks after them, or they do not)."""

    clients: dict[str, Any] = field(repr=False)
    session: Any = field(repr=False)
    line: Line
    guard: Guard = field(repr=False)
    expires: datetime | None = None
    _making: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def client(self, service: str, region: str = "") -> Any:
        """The client of a service, in the line's region or another. What is not in `SERVICES` is made when first asked for. Blocking."""
        name = f"{service} {region}" if region else service
        with self._making:
            if name not in self.clients:
                self.clients[name] = _client(self.session, self.line, self.guard, service, region)
            return self.clients[name]

    def close(self) -> None:
        """Give the connections back."""
        for client in self.clients.values():
            client.close()


def open_door(line: Line, guard: Guard, *, credentials: AwsCredentials | None, profile: str = "") -> Door:
    """A guarded boto3 session and its clients. Blocking: to be run in the pool.

    ``credentials`` None means botocore's own chain (environment, profile, container, instance). Raises `Misconfigured` where it finds
    none, or where the endpoint is neither https nor this machine.
    """
    import boto3  # noqa: PLC0415 - the catalogue loads without the SDK
    import botocore.exceptions  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415
    from botocore.handlers import json_decode_policies  # noqa: PLC0415

    _hush()
    try:
        core = botocore.session.Session(profile=profile or None)
        core.register_component("data_loader", _models())
        # The text of a policy counts against its quota, so it is wanted as AWS has it.
        core.unregister("after-call.iam", json_decode_policies)
        core.register("before-parse", _unmask)
        session = boto3.Session(botocore_session=core, region_name=line.region, **_given(credentials))
        guard.watch(session.events)
        found = session.get_credentials()
    except botocore.exceptions.BotoCoreError as error:
        failure: Misconfigured | None = no_credentials(type(error).__name__)
    else:
        failure = no_credentials("NoCredentials") if found is None else None
    if failure is not None:
        raise failure
    clients = {service: _client(session, line, guard, service) for service in SERVICES}
    return Door(clients=clients, session=session, line=line, guard=guard, expires=credentials.expires if credentials else None)


def _client(session: Any, line: Line, guard: Guard, service: str, region: str = "") -> Any:
    import botocore.config  # noqa: PLC0415

    config = botocore.config.Config(
        connect_timeout=line.timeout,
        read_timeout=line.timeout,
        max_pool_connections=line.pool,
        retries={"total_max_attempts": 1},
    )
    place = {"region_name": region or None, "endpoint_url": line.endpoint or None}
    client = session.client(service, config=config, **place)
    # The endpoint may come from the environment or the profile: only the finished client knows it.
    url = check_endpoint(client.meta.endpoint_url)
    if url.startswith("http:"):
        # What is meant for this machine must not leave it by way of a proxy.
        client.close()
        client = session.client(service, config=config.merge(botocore.config.Config(proxies={})), **place)
    guard.bind([url])
    return client


def _unmask(*, response_dict: dict[str, Any], **_ignored: object) -> None:
    """A success of a JSON service with an error inside is read as that error: botocore looks for the fields of the success alone."""
    body = response_dict.get("body") or b""
    if response_dict["status_code"] >= 300 or b'"__type"' not in body:
        return
    try:
        said = json.loads(body)
    except ValueError:
        return
    kind = said.get("__type") if isinstance(said, dict) else None
    if isinstance(kind, str) and kind.endswith(("Error", "Exception", "Failure")):
        response_dict["status_code"] = 500  # what it says of itself is not to be relied on either: the write may have had its effect


@cache
def _models() -> Any:
    """The service models, read from disk once: ten times faster than once an account."""
    import botocore.loaders  # noqa: PLC0415

    return botocore.loaders.create_loader()


def _given(credentials: AwsCredentials | None) -> dict[str, str | None]:
    if credentials is None:
        return {}
    return {
        "aws_access_key_id": credentials.key_id,
        "aws_secret_access_key": credentials.secret,
        "aws_session_token": credentials.token or None,
    }


def _hush() -> None:
    # At DEBUG botocore logs signed headers and the credentials that AssumeRole returns.
    for name in ("boto3", "botocore", "urllib3"):
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() < logging.INFO:
            logger.setLevel(logging.INFO)
