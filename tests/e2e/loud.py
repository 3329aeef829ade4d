"""Firedoor as a process that logs all there is to log, and in whose libraries something breaks now and then, with a secret in its words.

``python -m tests.e2e.loud firedoor contain ...``, ``python -m tests.e2e.loud sweep PLAYBOOK``. ``FIREDOOR_TEST_GOSSIP`` names a file whose
words are in what breaks, beside the headers of the request that it breaks at; ``FIREDOOR_TEST_BREAKS`` the numbers of the requests at which
something breaks, counted over all vendors.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Collection
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp


def break_now_and_then(gossip: str, breaks: Collection[int]) -> None:
    """Break some requests by an error that nobody has foreseen, in the middle of the HTTP library."""
    request, numbers = aiohttp.ClientSession._request, count(1)

    async def breaking(session: aiohttp.ClientSession, *given: Any, **named: Any) -> Any:
        if next(numbers) in breaks:
            raise KeyError(f"{given} {named} {dict(session.headers)} {gossip}")
        return await request(session, *given, **named)

    setattr(aiohttp.ClientSession, "_request", breaking)  # noqa: B010 - it is nobody's to assign


def main() -> None:
    """Do what the words after the module's name say."""
    # On a stream of its own: Firedoor's own log, which is JSON here, takes the console over from whoever else writes to it.
    logging.basicConfig(level=logging.DEBUG, stream=os.fdopen(os.dup(sys.stderr.fileno()), "w"), force=True)
    breaks = [int(number) for number in os.environ["FIREDOOR_TEST_BREAKS"].split()]
    break_now_and_then(Path(os.environ["FIREDOOR_TEST_GOSSIP"]).read_text(encoding="utf-8"), breaks)
    what, *words = sys.argv[1:]
    if what == "sweep":
        from flows.sweep import sweep  # noqa: PLC0415 - Prefect reads its settings as it is imported

        asyncio.run(sweep(words[0]))
        return
    from firedoor.cli import main as firedoor  # noqa: PLC0415

    sys.argv = ["firedoor", *words]
    firedoor()


if __name__ == "__main__":
    main()
