"""The page's server, in the drill's own process and for this machine's browsers alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast, get_args
from urllib.parse import urlsplit

from aiohttp import web

from firedoor.errors import FiredoorError
from firedoor.exercise.page.terminal import Answer, SigningTerminal
from firedoor.exercise.page.watch import Watch
from firedoor.exercise.scenario import Scenario
from firedoor.vendors import pages
from firedoor.vendors.slack import simulator

STATIC: Final = Path(__file__).parent / "static"
EVERY_SECONDS: Final = 0.5
FAREWELL_SECONDS: Final = 2.0


class ExercisePage:
    """``async with ExercisePage(...) as page``; then ``page.url`` shows the drill whose files are in ``folder``.

    ``people`` are the members ids and names of those on call; the first of them asks, the others approve.
    """

    def __init__(
        self, *, folder: Path, slack_url: str, scenario: Scenario, people: Mapping[str, str], terminal: SigningTerminal | None = None
    ) -> None:
        self._slack_url = slack_url
        self._scenario = scenario
        self._people = people
        self._terminal = terminal
        self._watch = Watch(folder, scenario.history)
        self._alerted: float | None = None
        self._verdict: Mapping[str, Any] | None = None
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Where the page is."""
        assert self._url, "the page is not served"
        return self._url

    async def opened(self, seconds: float) -> bool:
        """Whether somebody has the page before them, within ``seconds``."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._opened.wait(), seconds)
        return self._opened.is_set()

    def alerted(self, at: float) -> None:
        """The alert has come in: the clock runs."""
        self._alerted = at

    def over(self, *, outcome: str, locked_out: bool) -> None:
        """The drill is over: what the run ended with, and whether the judge finds the attacker locked out."""
        self._verdict = {"outcome": outcome, "locked_out": locked_out, "at": time.time()}

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[pages.this_machine])
        slack = urlsplit(self._slack_url)
        pages.strict(app, frames=f"{slack.scheme}://{slack.netloc}")
        app.add_routes(
            [
                web.get("/", self._show),
                web.get("/drill", self._drill),
                web.get("/events", self._events),
                web.get("/terminal/{member}", self._pending),
                web.post("/terminal/{member}", self._sign),
                web.static("/page/", STATIC),
                web.static("/common/", simulator.PAGE),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=FAREWELL_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}/"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()  # each page is told how it stands for the last time
        if self._runner is not None:
            await self._runner.cleanup()

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _drill(self, _request: web.Request) -> web.Response:
        does = ("asks", *("approves" for _ in self._people))  # the first one asks
        people = [{"id": member, "name": name, "does": what} for (member, name), what in zip(self._people.items(), does, strict=False)]
        shown = {"title": self._scenario.title, "slack": self._slack_url, "people": people, "terminal": self._terminal is not None}
        return web.json_response(shown)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        stream = await pages.open_stream(request)
        self._opened.set()
        since, last = 0, False
        with suppress(ConnectionError):  # the page was closed
            while not last:
                last = self._closing.is_set()
                now = time.time()
                await stream.write(f"data: {json.dumps(self._state(now, since))}\n\n".encode())
                since = int(now) - 2  # the second under way may still change, and the attacker writes a little late
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), EVERY_SECONDS)
        return stream

    def _state(self, now: float, since: int) -> Mapping[str, Any]:
        self._watch.look()
        standing = self._watch.state(alerted=self._alerted, since=since)
        return {"now": now, "alerted": self._alerted, "verdict": self._verdict, "over": self._closing.is_set(), **standing}

    async def _pending(self, request: web.Request) -> web.Response:
        return await self._at_terminal(request, self._documents)

    async def _sign(self, request: web.Request) -> web.Response:
        return await self._at_terminal(request, lambda terminal, member: self._signed(terminal, member, request))

    async def _documents(self, terminal: SigningTerminal, member: str) -> Mapping[str, Any]:
        return {"pending": [dict(one) for one in await terminal.pending(member)]}

    async def _signed(self, terminal: SigningTerminal, member: str, request: web.Request) -> Mapping[str, Any]:
        body = json.loads(await request.text())
        if not isinstance(body, dict) or body.get("answer") not in get_args(Answer):
            raise web.HTTPBadRequest(text="answer takes approve, deny or stop")
        return {"said": await terminal.sign(member, str(body.get("run")), cast("Answer", body["answer"]))}

    async def _at_terminal(self, request: web.Request, act: Callable[[SigningTerminal, str], Awaitable[Mapping[str, Any]]]) -> web.Response:
        member = request.match_info["member"]
        if self._terminal is None or member not in self._people:
            raise web.HTTPNotFound
        try:
            return web.json_response({"ok": True, **await act(self._terminal, member)})
        except FiredoorError as error:
            return web.json_response({"ok": False, "said": str(error)})
        except ValueError:
            raise web.HTTPBadRequest(text="that is not JSON") from None
