"""``python -m bench.compare.ours JSON``: Firedoor's side, a whole sweep from its order over its approval to its report.

The approver is on the roster, and says yes as soon as asked. The clock starts once everything is imported, with the order: the greeting of
the vendor and the opening of the journal are in it.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import boto3  # noqa: F401 - see above

from firedoor import sweeps, wiring
from firedoor.approval import Answer
from firedoor.clients import AwsStandIn
from firedoor.desk import Desk
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Kind
from firedoor.run import Via
from firedoor.seal import Seal
from firedoor.settings import Settings
from firedoor.sweepbook import Sweep
from firedoor.vendors.aws.client import AwsClient  # noqa: F401 - see above
from firedoor.vendors.aws.session import AwsCredentials

RUN: Final = "251126-aaaaaa"
TOLD: Final = ("outcome", "left_over", "in_scope", "changed", "rounds", "batches", "writes")


def book(keys: int) -> Sweep:
    """Every access key is made inactive."""
    return Sweep.model_validate(
        {
            "sweep": "bench",
            "title": "Every access key",
            "about": "A measurement",
            "aim": "containment",
            "scope": {"types": ["aws.access_key"], "everything": True},
            "treat": {"aws.access_key": "aws.deactivate_access_key"},
            "at_most": keys,
        }
    )


async def sweep(endpoint: str, roles: Mapping[str, str], keys: int, folder: Path, rate: float) -> Mapping[str, Any]:
    """The report."""
    people = [
        {"name": name, "slack": f"U{number}", "keys": [SecurityKey().public]} for number, name in enumerate(("Ada", "Ben", "Cem"), 10)
    ]
    own = {"people": people, "state_dir": folder, "aws_requests_per_second": rate, "sweep_keeps": 0.0, "aws_accounts": roles}
    settings = Settings.model_validate(own)
    wanted = book(keys)
    stand_in = AwsStandIn(endpoint=endpoint, credentials=AwsCredentials(key_id="AKIAFIREDOORFIREDOO2", secret="nobody's"))  # noqa: S106
    given = sweeps.sweeping_settings(settings, wanted)
    async with wiring.open_house(given, vendors=frozenset({"aws"}), writes=True, aws=stand_in) as house:
        assert house.sweeping is not None
        order = replace(sweeps.order_of(wanted, requester="Ada", via=Via.SLACK), run=RUN)
        approving = asyncio.create_task(_approve(house))
        try:
            return await house.sweeping.sweep(order, wanted)
        finally:
            approving.cancel()
            await asyncio.gather(approving, return_exceptions=True)


async def _approve(house: wiring.House) -> None:
    desk = Desk(journal=house.journal, roster=house.settings.roster, seal=Seal.kept_in(house.settings.state_dir))
    async for event in house.journal.follow(RUN):
        if event.kind == Kind.REQUESTED:
            break
    for person in desk.roster.people[1:]:
        await desk.decide(RUN, person, Answer.APPROVE, via="bench")


def main(asked: Mapping[str, Any]) -> None:
    """Sweep, and tell what it took."""
    wiring.load_catalogue()
    began, used = time.monotonic(), time.process_time()
    work = sweep(asked["endpoint"], asked.get("roles", {}), asked["keys"], Path(asked["folder"]), asked.get("rate", 0.0))
    if out := os.environ.get("BENCH_PROFILE"):
        profile = cProfile.Profile()
        report = profile.runcall(asyncio.run, work)
        profile.dump_stats(out)
    else:
        report = asyncio.run(work)
    taken = {"seconds": time.monotonic() - began, "cpu": time.process_time() - used}
    sys.stdout.write(json.dumps({**taken, "peak_mb": peak_mb(), **{name: report[name] for name in TOLD}}) + "\n")


def peak_mb() -> float:
    """The most memory that this process had at once; ``getrusage`` would count its parent's in."""
    [line] = [line for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
