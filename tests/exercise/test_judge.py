"""The judge can say no: to an attacker that is in, that was never in, and that stopped trying."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firedoor.exercise.judge import ENOUGH, Attempt, judge, read
from firedoor.exercise.scenario import SCENARIOS
from firedoor.exercise.timeline import timeline
from firedoor.journal import Event, Kind

APPROVED, QUIET = 100.0, 110.0


def _tries(name: str, *, last: float | None, until: float = 115.0) -> list[Attempt]:
    """An attempt every 0.2 s from 95 on, succeeding until ``last``."""
    moments = [95 + number * 0.2 for number in range(int((until - 95) * 5) + 1)]
    return [Attempt(at=at, foothold=name, ok=last is not None and at <= last, how="key") for at in moments]


def test_a_foothold_that_went_dark_is_shut() -> None:
    found = judge(_tries("key", last=101.0), approved=APPROVED, quiet_since=QUIET)
    assert found.locked_out
    assert found.footholds[0].last_success_seconds == 1.0


def test_one_success_in_the_quiet_time_and_it_is_in() -> None:
    found = judge(_tries("key", last=101.0) + _tries("session", last=112.0), approved=APPROVED, quiet_since=QUIET)
    assert not found.locked_out
    assert [one.locked_out for one in found.footholds] == [True, False]


def test_an_attacker_that_never_got_in_proves_nothing() -> None:
    assert not judge(_tries("key", last=None), approved=APPROVED, quiet_since=QUIET).locked_out
    assert not judge([], approved=APPROVED, quiet_since=QUIET).locked_out


def test_an_attacker_that_stopped_trying_proves_nothing() -> None:
    tries = _tries("key", last=101.0, until=QUIET + 0.2 * (ENOUGH - 2))
    assert not judge(tries, approved=APPROVED, quiet_since=QUIET).locked_out


def test_a_foothold_shut_before_the_approval_has_no_seconds() -> None:
    found = judge(_tries("key", last=99.0), approved=APPROVED, quiet_since=QUIET)
    assert found.footholds[0].last_success_seconds is None
    assert found.locked_out


def test_a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "attempts.jsonl"
    log.write_text('{"at": 1.0, "foothold": "key", "ok": true, "how": "key"}\n{"at": 2.0, "footh')
    assert [attempt.at for attempt in read(log)] == [1.0]
    assert read(tmp_path / "none") == ()


def test_a_clock_runs_until_the_last_of_its_footholds_is_dead() -> None:
    scenario = SCENARIOS["cloudflare-okta-2023"]
    shut = [*_tries("aws key of x", last=101.0), *_tries("sts session of x", last=103.0), *_tries("okta session of y", last=102.0)]
    clocks = scenario.clocks(judge(shut, approved=APPROVED, quiet_since=QUIET), alerted=99.0)
    assert [(clock["minutes"], clock["seconds"]) for clock in clocks] == [(35, 4.0), (83, 3.0), (331, None)], "no address was tried"
    still_in = judge([*shut, *_tries("oauth token of y", last=114.0)], approved=APPROVED, quiet_since=QUIET)
    assert [clock["seconds"] for clock in scenario.clocks(still_in, alerted=99.0)] == [4.0, None, None]


def _event(at: float, kind: Kind, body: Mapping[str, Any]) -> Event:
    return Event(seq=1, run="r1", n=1, at=datetime.fromtimestamp(at, UTC), kind=kind, body=body, claim=None, hash="")


def test_what_happened_is_told_in_words_and_in_order() -> None:
    item = {"id": "suspend/user:00u1", "action": "okta.suspend_user", "label": "ada@acme.example"}
    events = [
        _event(98.0, Kind.PLANNED, {"items": [item]}),
        _event(102.0, Kind.ENDED, {"item": item["id"], "outcome": "CHANGED"}),
        _event(103.0, Kind.NOTED, {}),
    ]
    found = judge(_tries("key", last=101.0), approved=APPROVED, quiet_since=QUIET)
    assert timeline(events, found, alerted=97.0) == [
        {"seconds": 0.0, "says": "the alert"},
        {"seconds": 1.0, "says": "the plan is made"},
        {"seconds": 4.0, "says": "the attacker's last success: key"},
        {"seconds": 5.0, "says": "okta.suspend_user on ada@acme.example: done"},
    ]
