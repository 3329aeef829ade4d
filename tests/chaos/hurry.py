"""Waits that are short, in a process that lives for a moment only. What is waited for, how often and in which order stays the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

import tasks
from firedoor import catalogue, lease, unit
from firedoor.vendors.aws.waf import Waf
from firedoor.vendors.jira.client import JiraClient

SHORT: Final = {
    "firedoor.step.FIRST_POLL": 0.01,
    "firedoor.step.LONGEST_POLL": 0.05,
    "firedoor.step.WATCH_POLL": 0.02,
    "firedoor.step.OVERDUE": 60.0,  # nobody takes anything back here, however slow the machine
    "firedoor.vendors.retry._BACKOFF": lambda _: 0.0,
    "firedoor.lease.RETRY_SECONDS": 0.02,
    "firedoor.channels.slack.channel.EDIT_SECONDS": 0.1,
    "firedoor.channels.slack.channel.RETRY_SECONDS": 0.05,
    "firedoor.channels.slack.posts.AGAIN_SECONDS": 0.05,
}
SETTLES, HOLDS, INDEX_LAG, PAUSE = 5.0, 0.05, 0.4, 0.001
BUDGET: Final = 20.0  # not short: the slower this machine is, the less would be shown in Prefect, and the less of it be killed
SINCE_THE_LAST_LIFE: Final = 2 * lease.TTL_SECONDS


def hurry() -> None:
    """For the rest of this process's life."""
    for name, value in SHORT.items():
        patch(name, value).start()
    patch.dict(JiraClient.__init__.__kwdefaults__, index_lag=INDEX_LAG).start()
    patch.dict(Waf.__init__.__kwdefaults__, pause=PAUSE).start()
    patch("firedoor.orchestrating.BUDGET", BUDGET).start()
    for action in catalogue.load(tasks).actions.values():
        one: Any = action
        one.spec = replace(one.spec, settle_within=min(one.spec.settle_within, SETTLES), hold=min(one.spec.hold, HOLDS))


def later(lives: int) -> None:
    """The leases of those who died before have run out by their own clock, which only leases are timed by."""
    clock = unit.clock

    def shifted(connection: Any) -> float:
        return clock(connection) + lives * SINCE_THE_LAST_LIFE

    patch("firedoor.unit.clock", shifted).start()
