"""Kills of processes with a real Prefect in them, and a real server beside them: what Prefect still meant to do must not be done either."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

import aiohttp

from firedoor.exercise import processes
from tests.chaos.company import scenes
from tests.chaos.figures import Figures
from tests.chaos.killing import Case, ground, judged
from tests.chaos.kills import Row, deaths, peace

NAME: Final = "with Prefect in the process"
SCENES: Final = ("session-hijack", "leaked-aws-key", "undo of freeze")
EACH: Final = 8
UP_SECONDS: Final = 90.0


@asynccontextmanager
async def prefect() -> AsyncIterator[Mapping[str, str]]:
    """A server that answers; what a process has in its environment that is shown there."""
    with patch.dict(os.environ), TemporaryDirectory(prefix="chaos-prefect-") as folder, processes.prefect_server(Path(folder)) as server:
        async with aiohttp.ClientSession() as http, asyncio.timeout(UP_SECONDS):
            while not await _answers(http, f"{server.url}/api/health"):  # noqa: ASYNC110 - it tells nobody when it is up
                await asyncio.sleep(0.2)
        yield {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as reply:
            return reply.status == 200
    except aiohttp.ClientError:
        return False


async def _flow_runs(environment: Mapping[str, str]) -> int:
    """How many flow runs the server has been told of."""
    auth = aiohttp.BasicAuth(*environment["PREFECT_API_AUTH_STRING"].split(":"))
    async with aiohttp.ClientSession(auth=auth) as http, http.post(f"{environment['PREFECT_API_URL']}/flow_runs/count", json={}) as reply:
        return int(await reply.text())


async def run(*, sample: int | None = None, tell: Callable[[Row], None] = lambda _: None) -> Figures:
    """`EACH` kills of each of the scenes, spread over the whole run; or a ``sample`` of so many in all."""
    figures, boundaries, began = Figures(), 0, time.monotonic()
    chosen = [scene for scene in scenes() if scene.name in SCENES]
    each = EACH if sample is None else 1
    async with prefect() as environment, ground(environment) as at:
        for scene in chosen if sample is None else chosen[:sample]:
            undisturbed = await peace(at, scene)
            at_boundaries = [case for case in deaths(scene, undisturbed.appended) if not case.deaths[0].later]
            boundaries += len(at_boundaries)
            for number in range(each):
                case = at_boundaries[(2 * number + 1) * len(at_boundaries) // (2 * each)]
                figures += await judged(at, Case(scene=scene, deaths=case.deaths[:1]), undisturbed)
        shown = await _flow_runs(environment)
        assert shown > figures.kills, f"only {shown} runs were shown in Prefect: what was killed was not using it"
    tell(Row(scene=NAME, boundaries=boundaries, figures=figures, seconds=time.monotonic() - began))
    return figures
