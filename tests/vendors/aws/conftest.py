from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import boto3
import botocore.session
import pytest
from botocore.config import Config

from firedoor.canonical import JSON
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.session import _models
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.values import IamUser

ACCOUNT = "111122223333"
OTHER = "444455556666"
KEY = "AKIAQQQQWWWWEEEERRRR"
SECRET = "drillonlysecretdrillonlysecretdrillonlys"
DEPLOY = IamUser(account=ACCOUNT, name="ci-deploy")


def allow(*actions: str, resource: str = "*") -> dict[str, JSON]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]}


WORLD: dict[str, JSON] = {
    ACCOUNT: {
        "users": {
            "ci-deploy": {
                "tags": {"team": "build"},
                "keys": {KEY: {"secret": SECRET, "created": "2023-01-02T03:04:05+00:00", "last_used": "2023-10-18T12:00:00+00:00"}},
                "policies": {"deploy": allow("secretsmanager:*", "iam:ListUsers", "iam:*AccessKey*", "sts:AssumeRole")},
            },
            "idle": {},
        },
        "roles": {"deployer": {"trust": [ACCOUNT], "policies": {"all": allow("*")}}},
    },
    OTHER: {"users": {"other": {"keys": {"AKIAAAAABBBBCCCCDDDD": {}}}}},
}


@pytest.fixture(autouse=True)
def _no_ambient_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _state: 0.01)


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(WORLD, lag=AwsLag(iam=0.0)) as simulator:
        yield simulator


def client(aws: AwsSimulator, access: Access, **settings: Any) -> AwsClient:
    return AwsClient(aws.roles(access), access, **{"credentials": aws.credentials, "endpoint": aws.url, "timeout": 5.0, **settings})


@pytest.fixture
async def reader(aws: AwsSimulator) -> AsyncIterator[AwsClient]:
    async with client(aws, Access.READ) as made:
        yield made


@pytest.fixture
async def writer(aws: AwsSimulator) -> AsyncIterator[AwsClient]:
    async with client(aws, Access.WRITE) as made:
        yield made


@pytest.fixture
def raw(aws: AwsSimulator) -> Iterator[RawAws]:
    with RawAws(aws.url) as made:
        yield made


class RawAws:
    """What an attacker has: plain boto3 with stolen credentials and no guard."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for each in self._made:
            each.close()

    def client(self, service: str, key: str = KEY, secret: str = SECRET, token: str | None = None) -> Any:
        core = botocore.session.Session()
        core.register_component("data_loader", _models())
        made = boto3.Session(key, secret, token, region_name="us-east-1", botocore_session=core).client(
            service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}, proxies={})
        )
        self._made.append(made)
        return made

    def session(self, service: str, credentials: dict[str, str]) -> Any:
        return self.client(service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
