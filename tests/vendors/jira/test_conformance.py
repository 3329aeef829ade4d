"""What the client sends and what the simulator answers, against Jira's published specifications.

Cloud's describes replies too. Data Center's nearest is that of Jira Server 7.6, which describes what may be asked and no reply.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.datastructures import ImmutableMultiDict

from firedoor.canonical import JSON
from firedoor.errors import FiredoorError, VendorError
from firedoor.vendors.access import Access
from firedoor.vendors.http import Body, GuardedHttp, HttpOperation, Reply, Upload
from firedoor.vendors.jira import operations
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import EVERYTHING
from tests.specs import specification
from tests.vendors.jira.conftest import ADA, BOB, DRAFT, LESSER, MARKER, Make

FILES = {Flavour.CLOUD: "jira/cloud-v3.json", Flavour.DATA_CENTER: "jira/server-7.6.1.json"}
PREFIXES = {Flavour.CLOUD: "/rest/api/3", Flavour.DATA_CENTER: "/api/2"}
TABLES = {
    flavour: tuple(operation for operation in operations.HTTP_OPERATIONS if operation is not other)
    for flavour, other in ((Flavour.CLOUD, operations.SEARCH_DATA_CENTER), (Flavour.DATA_CENTER, operations.SEARCH_CLOUD))
}
NAMED_OTHERWISE = {"getPermissions": "getMyPermissions"}  # by the document of 7.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    operation: HttpOperation
    path: str
    query: tuple[tuple[str, str], ...]
    sent: bytes | None
    sent_type: str
    status: int
    content_type: str
    body: bytes


@pytest.fixture
def document(flavour: Flavour) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(specification(FILES[flavour]).read_text())
    return read


@pytest.fixture
def validate(flavour: Flavour, document: dict[str, Any]) -> Callable[[Exchange], None]:
    from openapi_core import Config, OpenAPI  # noqa: PLC0415 - slow, and only where the specification is
    from openapi_core.testing import MockRequest, MockResponse  # noqa: PLC0415

    prefix = PREFIXES[flavour]
    # Only what the table names: the rest of the document costs seconds to prepare.
    paths = {prefix + operation.path: document["paths"][prefix + operation.path] for operation in TABLES[flavour]}
    config = Config(spec_validator_cls=None)
    spec = OpenAPI.from_dict({**document, "paths": paths, "servers": [{"url": "http://jira.example"}]}, config=config)

    def check(exchange: Exchange) -> None:
        request = MockRequest(
            "http://jira.example",
            exchange.operation.method.lower(),
            prefix + exchange.path,
            args=ImmutableMultiDict(exchange.query),
            headers={"Authorization": "Basic eDp5"},
            data=exchange.sent if exchange.sent_type == "application/json" else None,
            content_type=exchange.sent_type,
        )
        if exchange.operation.body is not Body.FILE:  # its multipart body stands in the document as a list, which no multipart body is
            spec.validate_request(request)
        described = paths[prefix + exchange.operation.path][exchange.operation.method.lower()]["responses"]
        if flavour is Flavour.DATA_CENTER:
            return
        assert str(exchange.status) in described
        if described[str(exchange.status)].get("content"):
            # Jira writes an offset without its colon, and so do the examples of its specification; its schema wants one.
            body = exchange.body.replace(b"+0000", b"+00:00")
            response = MockResponse(body, status_code=exchange.status, content_type=exchange.content_type)
            spec.validate_response(request, response)

    return check


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every exchange that the client has from here on, as it was on the wire."""
    seen: list[Exchange] = []
    exchange = GuardedHttp._exchange

    async def listening(
        self: GuardedHttp, operation: HttpOperation, url: str, headers: dict[str, str], *, data: JSON, upload: Upload | None
    ) -> Reply | FiredoorError:
        reply = await exchange(self, operation, url, headers, data=data, upload=upload)
        if isinstance(reply, Reply):
            parts = urlsplit(url)
            seen.append(
                Exchange(
                    operation=operation,
                    path=parts.path.partition("/rest/api")[2][2:],
                    query=tuple(parse_qsl(parts.query, strict_parsing=bool(parts.query))),
                    sent=None if data is None else json.dumps(data).encode(),
                    sent_type="multipart/form-data" if upload else "application/json",
                    status=reply.status,
                    content_type=reply.headers.get("Content-Type", "application/json").partition(";")[0],
                    body=reply.body,
                )
            )
        return reply

    monkeypatch.setattr(GuardedHttp, "_exchange", listening)
    return seen


def test_the_table_is_the_specifications(flavour: Flavour, document: dict[str, Any]) -> None:
    for operation in TABLES[flavour]:
        described = document["paths"][PREFIXES[flavour] + operation.path][operation.method.lower()]
        named = described.get("operationId", operation.name)  # the document of 7.6 leaves some without a name
        assert NAMED_OTHERWISE.get(named, named) == operation.name
        assert operation.writes == (operation.method != "GET")


async def test_every_operation_as_the_client_sends_it_and_the_simulator_answers(
    client: JiraClient, jira: JiraSimulator, flavour: Flavour, exchanges: list[Exchange], validate: Callable[[Exchange], None]
) -> None:
    await client.whoami()
    assert [level.name for level in await client.levels("SEC")] == ["Responders"]
    assert await client.permissions("SEC", EVERYTHING) == set(EVERYTHING)
    assert await client.readers("SEC", [ADA, BOB]) == (BOB,)
    await client.find("SEC", MARKER)
    await client.open_issue(DRAFT)
    await client.attach("SEC", MARKER, "report.md", "# Report")
    await client.find("SEC", MARKER)
    assert {seen.operation for seen in jira.requests} == {operation.name for operation in TABLES[flavour]}
    assert len(exchanges) == len(jira.requests) > 10
    for exchange in exchanges:
        validate(exchange)


async def test_the_refusals_are_of_jiras_shape(
    client: JiraClient, make: Make, exchanges: list[Exchange], validate: Callable[[Exchange], None]
) -> None:
    async with make(Access.WRITE, token=LESSER, user="") as lesser, make(Access.WRITE, token="unknown", user="") as nobody:
        for refused in (
            client.open_issue(replace(DRAFT, level="10002")),
            client.open_issue(replace(DRAFT, summary="")),
            client.levels("NONE"),
            client.permissions("NONE", EVERYTHING),
            lesser.open_issue(DRAFT),
            lesser.readers("SEC", [BOB]),
            nobody.whoami(),
        ):
            with pytest.raises(VendorError):
                await refused
    assert {exchange.status for exchange in exchanges} == {200, 400, 401, 403, 404}
    for exchange in exchanges:
        validate(exchange)


@pytest.mark.parametrize("flavour", [Flavour.CLOUD], indirect=True)
@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": operations.GET_LEVELS, "path": "/project/SEC/securitylevels"},
        {"body": b'{"issues": 7}'},
        {"body": b'{"issues": [], "brandNew": 1}'},
        {"query": (("maxResults", "many"),)},
    ],
)
def test_the_check_itself_would_see_a_difference(validate: Callable[[Exchange], None], wrong: dict[str, Any]) -> None:
    from openapi_core.exceptions import OpenAPIError  # noqa: PLC0415 - as above

    right = Exchange(
        operation=operations.SEARCH_CLOUD,
        path="/search/jql",
        query=(("jql", 'project = "SEC"'),),
        sent=None,
        sent_type="application/json",
        status=200,
        content_type="application/json",
        body=b'{"issues": []}',
    )
    validate(right)
    with pytest.raises(OpenAPIError):
        validate(dataclasses.replace(right, **wrong))
