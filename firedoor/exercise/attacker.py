"""The attacker process of a drill: it keeps using what it stole, and adapts.

``python -m firedoor.exercise.attacker FOLDER`` reads ``loot.json``. It tries each foothold several times a second and writes each attempt
as a line of ``attempts.jsonl``; what it does with them besides is in `firedoor.exercise.attack`. What nobody can take from it is tried in
``leftovers.jsonl``, and how it stands in the defenders' way is in ``interference.jsonl``. It stops when the simulated vendors are gone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import ExitStack
from pathlib import Path

import aiohttp

from firedoor.exercise.attack.aws import MintedSession, RoleSession, StolenKey
from firedoor.exercise.attack.elsewhere import FromAddress, GuessedPassword, deny_in_chat
from firedoor.exercise.attack.foothold import Foothold, hammer
from firedoor.exercise.attack.okta import KeptToken, MadeApiToken, StolenClient, StolenSession, StolenToken


async def run(folder: Path) -> None:
    """Attack until the world is gone."""
    loot = json.loads((folder / "loot.json").read_text(encoding="utf-8"))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=5)) as http:
        footholds: list[Foothold] = [StolenSession(http, login, loot) for login in loot["sessions"]]
        footholds += [MadeApiToken(http, loot["administrator"], loot), StolenToken(http, loot), StolenClient(http, loot)]
        footholds += [StolenKey(loot), MintedSession(loot), RoleSession(loot), FromAddress(http, loot), GuessedPassword(http, loot)]
        with ExitStack() as stack:
            logs = {
                name: stack.enter_context((folder / f"{name}.jsonl").open("a", encoding="utf-8"))
                for name in ("attempts", "leftovers", "interference")
            }
            denying = asyncio.create_task(deny_in_chat(loot, logs["interference"]))
            trying = [hammer(foothold, logs["attempts"]) for foothold in footholds]
            await asyncio.gather(*trying, hammer(KeptToken(http, loot), logs["leftovers"]))
            denying.cancel()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
