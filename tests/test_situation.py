"""Where runs stand, in few lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firedoor.approval import Ruling
from firedoor.look import Closing, Found, Look
from firedoor.look import State as Seen
from firedoor.model import Mode, Outcome, Residual, Tier
from firedoor.report import compose
from firedoor.run import Record, StepResult
from firedoor.situation import LINES, Situation, State, brief, living, situation_of, whole
from tests.channels.slack import samples

NOW = samples.NOW


def ended(*outcomes: Outcome, residual: tuple[Residual, ...] = ()) -> Record:
    record = samples.record(len(outcomes), approved=True)
    record.ruling = Ruling.GRANTED
    for one, outcome in zip(record.items, outcomes, strict=True):
        record.results[one.id] = StepResult(item=one.id, outcome=outcome, reason="so it is", residual=residual)
    record.report = compose(record, head="h", finished=NOW)
    record.moments["run.finished"] = NOW
    return record


def test_a_run_waits_is_at_work_or_is_over() -> None:
    waiting = situation_of(samples.record(2))
    assert (waiting.state, waiting.needed, waiting.expires, waiting.left) == (State.WAITING, 2, NOW.replace(minute=35), False)
    assert whole(waiting, now=NOW) == ["Running: 2 steps planned; waits for 2 approvals until 2026-03-04 03:35 UTC, asked for by Ada"]
    assert situation_of(samples.record(2, approved=True)).needed == 1
    assert situation_of(samples.record(2, required=Tier.ONE)).needed == 1

    working = samples.record(2, approved=True)
    working.ruling = Ruling.GRANTED
    assert situation_of(working).state is State.RUNNING
    assert (situation_of(working).needed, situation_of(working).expires) == (0, None)

    done = situation_of(ended(Outcome.CHANGED, Outcome.ALREADY))
    assert (done.state, done.left, done.ended, done.headline) == (State.OVER, False, NOW, "Contained: 2 steps done and verified")


def test_what_the_watch_saw_open_again_is_left_open_until_somebody_closes_or_undoes_it() -> None:
    record = ended(Outcome.CHANGED, Outcome.ALREADY)
    items = [one.id for one in record.items]
    seen = [
        Found(item=one, state=Seen.OPEN, says="suspend ada", since=NOW, again=again)
        for one, again in zip(items, (True, False), strict=True)
    ]
    record.look = Look(found=tuple(seen))
    found = situation_of(record)
    assert (found.left, found.headline) == (True, "1 open again, as the watch saw")
    assert found.open == (f"{items[0]} is open again: suspend ada",)
    record.undone_by = "r9"
    assert not situation_of(record).left
    record.undone_by = ""
    record.closing = Closing(run="r", incident="i", playbook="p", by="Ada", at=NOW, reason="over", look="", left=())
    assert (situation_of(record).left, situation_of(record).open) == (False, ())


def test_what_may_live_for_so_many_hours_has_lapsed_after_them() -> None:
    tokens = Residual(what="tokens", until="they expire", closes_by="nothing", hours=24)
    found = situation_of(ended(Outcome.CHANGED, residual=(tokens,)))
    assert living(found, now=NOW + timedelta(hours=23)) == (tokens,)
    assert living(found, now=NOW + timedelta(hours=25)) == ()


@pytest.mark.parametrize(
    ("outcomes", "left"),
    [
        ((Outcome.CHANGED, Outcome.FAILED), True),
        ((Outcome.REFUSED, Outcome.FAILED), True),
        ((Outcome.CHANGED, Outcome.CHANGED), False),
        ((Outcome.DENIED, Outcome.DENIED), False),
        ((Outcome.EXPIRED, Outcome.EXPIRED), False),
        ((Outcome.CHANGED, Outcome.STOPPED), False),
    ],
)
def test_left_open_is_what_went_wrong_and_not_what_people_decided(outcomes: tuple[Outcome, ...], *, left: bool) -> None:
    record = ended(*outcomes)
    assert situation_of(record).left is left
    record.undone_by = "r9"
    assert not situation_of(record).left
    assert situation_of(record).residual == ()


def test_one_run_in_short() -> None:
    residual = tuple(Residual(what=f"tokens {n}", until=f"an hour {n}", closes_by="nothing") for n in range(5))
    lines = whole(situation_of(ended(*[Outcome.FAILED] * 8, residual=residual)), now=NOW)
    assert lines[0] == "NOT contained: none of 8 steps succeeded"
    assert lines[1:3] == ["Still open:", "✗ shut/door 0 is FAILED: so it is"]
    assert lines[7] == "… and 3 more"
    assert lines[8:10] == ["May still live:", "• tokens 0: until an hour 0"]
    assert lines[-1] == "… and 2 more"
    assert len(lines) == 13


def test_what_had_a_date_that_is_past_lives_no_more() -> None:
    untils = ["2026-03-04T03:06:00Z", "2026-03-04T03:04:00Z", "they expire", "2026-03-04T03:04:00"]
    residual = tuple(Residual(what=until, until=until, closes_by="") for until in untils)
    found = situation_of(ended(Outcome.CHANGED, residual=residual))
    assert [one.until for one in living(found, now=NOW)] == [untils[0], *untils[2:]]
    assert [one.until for one in living(found, now=NOW + timedelta(minutes=2))] == untils[2:]


def test_all_runs_in_ten_lines_at_most() -> None:
    waiting, left = situation_of(samples.record(1)), situation_of(ended(Outcome.FAILED))
    over = situation_of(ended(Outcome.CHANGED))
    assert brief([]) == brief([over]) == ["Nothing is under way, and nothing is open."]
    assert brief([over, waiting, left]) == [
        "Under way:",
        "r1 Shut the doors: waits for 2 approvals until 2026-03-04 03:35 UTC, asked for by Ada",
        "Left open:",
        "r1 Shut the doors: NOT contained: none of 1 step succeeded",
    ]
    assert brief([left]) == brief([over, left, over])
    for count in range(60):
        lines = brief([replace(waiting, run=f"w{n}") for n in range(count)] + [replace(left, run=f"l{n}") for n in range(count // 2)])
        assert len(lines) <= LINES
        shown = sum(line[:1] in "wl" and line[1:2].isdigit() for line in lines)
        more = int(lines[-1].split()[2]) if lines[-1].startswith("…") else 0
        assert shown + more == count + count // 2


def test_a_standing_says_nothing_that_it_does_not_know() -> None:
    bare = Situation(
        run="r",
        title="t",
        mode=Mode.LIVE,
        requester="Ada",
        asked=datetime(2026, 3, 4, tzinfo=UTC),
        state=State.RUNNING,
        headline="Running: 0 steps planned",
    )
    assert whole(bare, now=NOW) == ["Running: 0 steps planned"]
    assert brief([bare]) == ["Under way:", "r t: at work, asked for by Ada"]
