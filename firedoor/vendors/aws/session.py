"""boto3 sessions under the guard: made in one place, from named credentials, with one attempt and bounded waits."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

from firedoor.errors import Misconfigured
from firedoor.vendors.aws.guard import Guard, check_endpoint
from firedoor.vendors.aws.replies import no_credentials

SERVICES: Final = ("sts", "iam", "organizations", "identitystore", "sso-admin")


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
    expires: datetime | None = None

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
    import botocore.config  # noqa: PLC0415
    import botocore.exceptions  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415

    _hush()
    try:
        core = botocore.session.Session(profile=profile or None)
        core.register_component("data_loader", _models())
        session = boto3.Session(botocore_session=core, region_name=line.region, **_given(credentials))
        guard.watch(session.events)
        found = session.get_credentials()
    except botocore.exceptions.BotoCoreError as error:
        failure: Misconfigured | None = no_credentials(type(error).__name__)
    else:
        failure = no_credentials("NoCredentials") if found is None else None
    if failure is not None:
        raise failure
    config = botocore.config.Config(
        connect_timeout=line.timeout,
        read_timeout=line.timeout,
        max_pool_connections=line.pool,
        retries={"total_max_attempts": 1},
    )
    clients = _clients(session, line, config)
    # The endpoint may come from the environment or the profile: only the finished client knows it.
    elsewhere = {check_endpoint(client.meta.endpoint_url) for client in clients.values()}
    if any(url.startswith("http:") for url in elsewhere):
        # What is meant for this machine must not leave it by way of a proxy.
        clients = _clients(session, line, config.merge(botocore.config.Config(proxies={})))
    guard.bind(elsewhere)
    return Door(clients=clients, session=session, expires=credentials.expires if credentials else None)


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


def _clients(session: Any, line: Line, config: Any) -> dict[str, Any]:
    return {service: session.client(service, endpoint_url=line.endpoint or None, config=config) for service in SERVICES}


def _hush() -> None:
    # At DEBUG botocore logs signed headers and the credentials that AssumeRole returns.
    for name in ("boto3", "botocore", "urllib3"):
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() < logging.INFO:
            logger.setLevel(logging.INFO)
