"""The attacker process of a drill: it keeps using what it stole, and adapts.

``python -m firedoor.exercise.attacker FOLDER`` reads ``loot.json``, writes each attempt as a line of ``attempts.jsonl``, and whatever it
does to stand in the defenders' way as a line of ``interference.jsonl``. It tries each foothold several times a second; what else it does
with them is in `firedoor.exercise.attack`. It stops when the simulated vendors are gone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp

from firedoor.exercise.attack.aws import MintedSession, RoleSession, StolenKey
from firedoor.exercise.attack.elsewhere import FromAddress, GuessedPassword, deny_in_chat
from firedoor.exercise.attack.foothold import Foothold, hammer
from firedoor.exercise.attack.okta import MadeApiToken, StolenClient, StolenSession, StolenToken


async def run(folder: Path) -> None:
    """Attack until the world is gone."""
    loot = json.loads((folder / "loot.json").read_text(encoding="utf-8"))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=5)) as http:
        footholds: list[Foothold] = [StolenSession(http, login, loot) for login in loot["sessions"]]
        footholds += [MadeApiToken(http, loot["administrator"], loot), StolenToken(http, loot), StolenClient(http, loot)]
        footholds += [StolenKey(loot), MintedSession(loot), RoleSession(loot), FromAddress(http, loot), GuessedPassword(http, loot)]
        attempts, interference = (folder / f"{name}.jsonl" for name in ("attempts", "interference"))
        with attempts.open("a", encoding="utf-8") as log, interference.open("a", encoding="utf-8") as meddling:
            denying = asyncio.create_task(deny_in_chat(loot, meddling))
            await asyncio.gather(*(hammer(foothold, log) for foothold in footholds))
            denying.cancel()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
