"""What the proxy does to a request and its reply, as its caller sees it on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.chaos.proxy import Proxy
from tests.chaos.troubles import BARE_LIMIT, DROPPED, DROPPED_AFTER, FAILED, FAILED_AFTER, FORBIDDEN, HIDDEN, LASTING, PASSING, Fault, Shows

WRITE, READ = "/api/v1/users/00u1/lifecycle/suspend", "/api/v1/users/00u1"
WORDS = '{"a": "reply", "of": "some length"}'


class Vendor:
    """Takes every request, and keeps what came. Its replies hold an address of its own, as those of vendors do."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((request.method, request.path_qs, await request.text()))
        return web.Response(text=WORDS, headers={"Link": f"<{self.url}/next>", "X-Own": "1"}, content_type="application/json")


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    found = Vendor()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = "http://{}:{}".format(*runner.addresses[0][:2])
    yield found
    await runner.cleanup()


@pytest.fixture
async def proxy(vendor: Vendor) -> AsyncIterator[Proxy]:
    async with Proxy(vendor="okta", upstream=vendor.url) as found:
        yield found


async def asked(proxy: Proxy, path: str, *, method: str = "POST", data: object = None) -> tuple[int, str]:
    """Status and body; 0 and the failure's name where no whole reply comes within a quarter of a second."""
    patience = aiohttp.ClientTimeout(total=0.25)
    try:
        async with (
            aiohttp.ClientSession(timeout=patience) as http,
            http.request(method, proxy.url + path, data=data, allow_redirects=False) as reply,
        ):
            return reply.status, await reply.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        return 0, type(error).__name__


async def test_what_is_not_struck_passes_whole_in_both_directions(vendor: Vendor, proxy: Proxy) -> None:
    proxy.strike("suspendUser", DROPPED)
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.url}{READ}?a=b%20c", headers={"X-Mine": "1"}) as reply:
        assert (reply.status, await reply.text(), reply.headers["X-Own"]) == (200, WORDS, "1")
        assert reply.headers["Link"] == f"<{proxy.url}/next>", "the vendor's own address is the proxy's"

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one, "
        yield b"two"

    assert await asked(proxy, "/elsewhere", data=chunks()) == (200, WORDS)
    assert vendor.got == [("GET", f"{READ}?a=b%20c", ""), ("POST", "/elsewhere", "one, two")]
    assert (proxy.played, proxy.seen) == (0, ["getUser", ""])


@pytest.mark.parametrize(
    ("fault", "sees", "delivered"),
    [
        (DROPPED, (0, "ServerDisconnectedError"), 0),
        (DROPPED_AFTER, (0, "ServerDisconnectedError"), 1),
        (FAILED, (500, "E0000009"), 0),
        (FAILED_AFTER, (500, "E0000009"), 1),
        (FORBIDDEN, (403, ""), 0),
        (BARE_LIMIT, (429, ""), 0),
        (HIDDEN, (200, "E0000009"), 0),
        (Fault(name="silence", shows=Shows.SILENCE), (0, "TimeoutError"), 0),
        (Fault(name="silence after", shows=Shows.SILENCE, delivered=1), (0, "TimeoutError"), 1),
        (Fault(name="silence, then the effect", shows=Shows.SILENCE, arrives_late=True), (0, "TimeoutError"), 1),
        (Fault(name="half", shows=Shows.HALF, delivered=1), (0, "Error"), 1),
        (Fault(name="short", shows=Shows.SHORT, delivered=1), (0, "ClientPayloadError"), 1),
        (Fault(name="cut", shows=Shows.CUT, delivered=1), (200, WORDS[: len(WORDS) // 2]), 1),
        (Fault(name="late", shows=Shows.LATE, delivered=1), (200, WORDS), 1),
        (Fault(name="trickle", shows=Shows.TRICKLE, delivered=1), (200, WORDS), 1),
        (Fault(name="twice", shows=Shows.REPLY, delivered=2), (200, WORDS), 2),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
async def test_a_fault_strikes_once(vendor: Vendor, proxy: Proxy, fault: Fault, sees: tuple[int, str], delivered: int) -> None:
    proxy.strike("suspendUser", fault)
    status, body = await asked(proxy, WRITE)
    assert (status, sees[1] in body) == (sees[0], True), body
    await proxy.settled()
    assert len(vendor.got) == delivered
    assert await asked(proxy, WRITE) == (200, WORDS)
    assert (proxy.played, len(vendor.got)) == (1, delivered + 1)


async def test_a_fault_strikes_the_call_that_was_meant_or_every_one_until_it_is_cleared(vendor: Vendor, proxy: Proxy) -> None:
    proxy.strike("suspendUser", FAILED, past=1)
    assert [(await asked(proxy, WRITE))[0] for _ in range(3)] == [200, 500, 200]
    proxy.strike("suspendUser", FAILED, lasting=True)
    assert [(await asked(proxy, WRITE))[0] for _ in range(3)] == [500, 500, 500]
    proxy.clear()
    assert (await asked(proxy, WRITE))[0] == 200
    assert len(vendor.got) == 3


def test_no_two_faults_are_the_same() -> None:
    every = {*PASSING, *LASTING}
    assert len({fault.name for fault in every}) == len(every) >= 20
