"""Slack on loopback, over the wire, for drills and tests: Web API, Socket Mode or signed HTTP, response URLs, and the people's side.

    async with SlackSimulator(world) as slack:
        client = AsyncWebClient(token=bot_token, base_url=slack.url + "api/")

At ``slack.url`` itself there is a page on which people use it with mouse and keyboard.

Left out: files, search, channel management, message unfurling and formatting, scheduled messages,
user tokens, Enterprise Grid, legacy attachments' buttons, options loaded from the app, legacy dialogs, channel names in place of ids,
tombstones of deleted messages, restrictions on who may post in a channel. Of signed HTTP: TLS, redirects, the legacy verification token,
`ssl_check`, a request URL for each feature by itself, mutual TLS, and the switching off of an app whose events keep failing.
Where Slack does not document a behaviour, the place that decides it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from firedoor.errors import BadInput
from firedoor.vendors import pages
from firedoor.vendors.faults import Faults
from firedoor.vendors.slack import web_chat, web_lookup, web_views
from firedoor.vendors.slack.acts import Acts
from firedoor.vendors.slack.delivery import App, Delivery
from firedoor.vendors.slack.directory import Directory
from firedoor.vendors.slack.grants import Grants, Lag, Rates, Rules
from firedoor.vendors.slack.history import stand
from firedoor.vendors.slack.payloads import Payloads
from firedoor.vendors.slack.people_api import PeopleApi
from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.responses import Responses
from firedoor.vendors.slack.signed import RequestUrl, SignedRequests
from firedoor.vendors.slack.sockets import Reason, Sockets
from firedoor.vendors.slack.web_api import Desk, Method, Request, WebApi
from firedoor.vendors.slack.world import World

PAGE = Path(__file__).parent / "page"
METHODS: Mapping[str, Method] = {**web_lookup.METHODS, **web_chat.METHODS, **web_views.METHODS}


class SlackSimulator:
    """One workspace with one app. ``world`` is described in `firedoor.vendors.slack.directory`; ``rules`` are Slack's own clocks.

    The app is reached in Socket Mode, or, where ``to`` is given or `send_to` was called, by signed HTTP. ``faults`` plays on Web API
    methods by name; ``rates.limits`` may be changed at any time.
    """

    def __init__(
        self,
        world: Mapping[str, object],
        *,
        lag: Lag | None = None,
        rules: Rules | None = None,
        port: int = 0,
        to: RequestUrl | None = None,
    ) -> None:
        lag, rules = lag or Lag(), rules or Rules()
        self.world = World(Directory.parse(world))
        stand(self.world, world)
        self.faults = Faults()
        self.rates = Rates()
        self._port = port
        self._url = ""
        self._runner: web.AppRunner | None = None
        self._sockets = Sockets(directory=self.world.directory, rules=rules, lag=lag)
        self._signed: list[SignedRequests] = []
        self._sign = partial(SignedRequests, directory=self.world.directory, rules=rules, lag=lag)
        if to is not None:
            self._signed.append(self._sign(to=to))
        self._grants = Grants(rules)
        self.world.event_sink = lambda subscription, event: self._app().tell(subscription, event)
        desk = Desk(world=self.world, grants=self._grants, sockets=self._sockets, link=lambda: f"ws{self.url.removeprefix('http')}link/")
        self._web_api = WebApi(desk=desk, methods=METHODS, faults=self.faults, rates=self.rates, lag=lag)
        payloads = Payloads(world=self.world, grants=self._grants, url=lambda: self.url)
        self._ticks = pages.Ticks()
        self._people = PeopleApi(acts=Acts(world=self.world, app=self._app, payloads=payloads))

    def __repr__(self) -> str:
        return f"SlackSimulator(team={self.world.directory.team_id!r}, url={self._url!r})"

    @property
    def url(self) -> str:
        """The base address, with a slash at its end; the Web API is at ``url + "api/"``."""
        assert self._url, "the simulator is not running"
        return self._url

    @property
    def requests(self) -> list[Request]:
        """Every Web API call, without tokens and values."""
        return self._web_api.requests

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that calls so far have needed."""
        return frozenset(self._web_api.scopes)

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything that was to be delivered, with its attempts and whether it was acked."""
        return [one for way in (self._sockets, *self._signed) for one in way.deliveries]

    @property
    def connected(self) -> int:
        """How many sockets the app has open."""
        return self._sockets.connected

    def state(self) -> Raw:
        """The workspace as plain data, without secrets."""
        return self.world.state()

    async def disconnect(self, reason: Reason = "warning") -> None:
        """Ask the app to open new sockets, as Slack does from time to time."""
        await self._sockets.disconnect(reason)

    async def send_to(self, to: RequestUrl) -> None:
        """From now on, sign what people do and post it there. Raises `BadInput` where the app does not answer Slack's challenge."""
        self._signed.append(self._sign(to=to))
        try:
            await self._signed[-1].challenge()
        except BadInput:
            await self._signed.pop().close()
            raise

    def _app(self) -> App:
        return self._signed[-1] if self._signed else self._sockets

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[pages.this_machine, self._ticks.after_changes])
        pages.strict(app, framed_by=pages.FRAMED_BY_OURS)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._web_api.handle),
                web.get("/link/", self._sockets.serve),
                web.post("/response/{secret}", Responses(world=self.world, grants=self._grants).handle),
                *self._people.routes(),
                web.get("/", _shows("people.html")),
                web.get("/as/{user}", _shows("slack.html")),
                web.get("/ticks", self._ticks.serve),
                web.static("/page/", PAGE),
            ]
        )
        # No access log: it would write tickets and response URLs.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}/"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ticks.close()
        for way in (self._sockets, *self._signed):
            await way.close()
        if self._runner is not None:
            await self._runner.cleanup()


def _shows(name: str) -> pages.Handler:
    async def show(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE / name)

    return show
