"""What every way in has in common, and how it is tried: again and again, until nobody answers any more."""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TextIO

EVERY_SECONDS = 0.2
GONE_AFTER = 10

Loot = Mapping[str, Any]


class Foothold(ABC):
    """One way in. ``use`` tries it and tells how it went: the way that worked, or nothing."""

    name: str

    @abstractmethod
    async def use(self) -> str:
        """How it got in just now, empty where it did not. Raises where nobody answers at all."""


async def hammer(foothold: Foothold, log: TextIO) -> None:
    """Try one foothold until nobody answers any more; each try is a line of the log."""
    unanswered = 0
    while unanswered < GONE_AFTER:
        began = time.time()
        try:
            how = await foothold.use()
            unanswered = 0
            # The moment of the answer, not of the attempt: a later success never flatters the defender.
            line = {"at": time.time(), "foothold": foothold.name, "ok": bool(how), "how": how}
            log.write(json.dumps(line) + "\n")
            log.flush()
        except Exception:  # noqa: BLE001 - the vendors are gone, or going: an attacker tries again whatever the error
            unanswered += 1
        await asyncio.sleep(max(0.0, EVERY_SECONDS - (time.time() - began)))
