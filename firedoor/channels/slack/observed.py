"""The requests of Slack's SDK, told to whoever watches, by the method's name alone. Loaded only where the client is made."""

from __future__ import annotations

import re
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Final

import aiohttp
from aiohttp import TraceConfig

from firedoor import observing
from firedoor.vendors.slack.problems import VENDOR

METHOD: Final = re.compile(r"[a-z]+(?:\.[A-Za-z]+)+")


def observed() -> TraceConfig:
    """For a session of aiohttp's. An address that is no method's, a response URL for instance, is as good as a key: it is not told."""
    config = TraceConfig()
    config.on_request_start.append(_begun)
    config.on_request_end.append(_ended)
    config.on_request_exception.append(_failed)
    return config


async def _begun(session: aiohttp.ClientSession, context: SimpleNamespace, request: aiohttp.TraceRequestStartParams) -> None:
    del session
    name = request.url.name
    context.open = ExitStack()
    context.call = context.open.enter_context(observing.call(VENDOR, name if METHOD.fullmatch(name) else "other"))


async def _ended(session: aiohttp.ClientSession, context: SimpleNamespace, request: aiohttp.TraceRequestEndParams) -> None:
    del session
    context.call.answered(request.response.status)
    context.open.close()


async def _failed(session: aiohttp.ClientSession, context: SimpleNamespace, request: aiohttp.TraceRequestExceptionParams) -> None:
    del session, request
    context.open.close()
