"""Of each vendor one write with each fault once, those that take their time at one of them.

And the judge is judged: what is broken on purpose is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor import step
from firedoor.model import Outcome, Plan
from firedoor.run import StepResult
from firedoor.store import Store
from firedoor.undo import Undo
from firedoor.vendors import retry
from firedoor.vendors.okta import problems
from firedoor.vendors.slack import client as slack
from tasks.okta import block_addresses, suspend_user
from tests.chaos import meanwhile
from tests.chaos.faults import Blow, blows, ordinarily, struck
from tests.chaos.figures import Figures
from tests.chaos.others import EVENTS
from tests.chaos.scenes import Scene, scenes
from tests.chaos.troubles import DROPPED, DROPPED_AFTER, FAILED, FORBIDDEN, HIDDEN, PASSING, Fault
from tests.chaos.verdicts import Between, Finding, Judge, Told, Wrong, figures
from tests.tasks.harness import CATALOGUE
from tests.tasks.rooms import ROOMS

SUSPEND, NOTIFY = (Scene(action=name, case="ordinary", back=False) for name in ("okta.suspend_user", "slack.notify"))
SOME = (
    SUSPEND,
    NOTIFY,
    *(Scene(action=name, case="ordinary", back=False) for name in ("aws.deactivate_access_keys", "jira.open_ticket")),
)
ONE_OF_EACH = [SUSPEND, *(pytest.param(scene, marks=pytest.mark.chaos) for scene in SOME[1:])]  # the quick run has one


async def found(scene: Scene, folder: Path, *faults: Fault, lasting: bool = False, most: int = 1) -> list[Finding]:
    """What is wrong once each of ``faults`` has struck the first ``most`` writes of the scene."""
    seen: list[Finding] = []
    async with Store(f"sqlite:///{folder}/journal.db") as store:
        wanted = await ordinarily(scene, store)
        for name in list(wanted.writes)[:most]:
            for number, fault in enumerate(faults):
                blow = Blow(operation=name, fault=fault, lasting=lasting)
                wrong, played = await struck(scene, blow, wanted, store, run=f"{name}{number}")
                assert played, f"{blow.says}: it never came to that"
                seen += [replace(one, says=f"{blow.says}: {one.says}") for one in wrong]
    return seen


@pytest.mark.parametrize("scene", ONE_OF_EACH, ids=lambda scene: scene.says)
async def test_no_fault_doubles_loses_or_hides_anything(scene: Scene, tmp_path: Path) -> None:
    assert await found(scene, tmp_path, *(fault for fault in PASSING if scene == SUSPEND or not fault.waits)) == []


@pytest.mark.parametrize("fault", [DROPPED, DROPPED_AFTER], ids=lambda fault: fault.name)
async def test_what_lasts_is_told_and_made_good_once_it_is_over(fault: Fault, tmp_path: Path) -> None:
    assert await found(NOTIFY, tmp_path, fault, lasting=True) == []


async def test_an_undo_that_is_refused_is_not_called_done(tmp_path: Path) -> None:
    assert await found(replace(NOTIFY, back=True), tmp_path, FORBIDDEN, lasting=True) == []


def test_between_them_the_scenes_make_every_write_there_is() -> None:
    every = {one.name for room in ROOMS.values() for one in room.operations if one.writes}
    made = {name for scene in scenes() for name in scene.data.data.get("writes", ())}
    # The ones of an undo, of a key that could not be delivered, and a file that goes over no wire.
    rest = {"unsuspendUser", "activateApplication", "chat.delete", "DeleteUserPolicy", "DeleteRolePolicy", "DetachUserPolicy"}
    rest |= {"activateOAuth2ClientSecret", "activateOAuth2ClientJsonWebKey"}
    assert {name.rpartition(":")[2] for name in every} == made | rest | {"DeleteAccessKey", "writeLocalTicket"}
    assert {scene.action for scene in scenes()} == set(CATALOGUE.actions)


def test_each_write_gets_each_fault() -> None:
    wanted: Any = type("Ended", (), {"writes": {"one": 2, "iam:CreateAccessKey": 1}})()
    every = blows(wanted)
    assert len(every) == len(set(every)), "which one it was could not be told"
    for name, past in (("one", 0), ("one", 1), ("iam:CreateAccessKey", 0), ("iam:DeleteAccessKey", 0)):
        assert {blow.fault for blow in every if (blow.operation, blow.past, blow.lasting) == (name, past, False)} == set(PASSING)


async def _believed(work: Any, plan: Plan, extras: Sequence[Any], now: Any, *, late: bool) -> StepResult | None:
    """Who wrote is done: the vendor said so."""
    del plan, extras, late
    return step._result(work, Outcome.CHANGED, "the vendor said so", now) if work.done else None


async def _not_settled(*_: Any) -> None:
    """A write without a reply is left as it is."""


def _at_once(write: Callable[..., Any]) -> Callable[..., Any]:
    async def written(work: Any, change: Any, effect: str, now: object, bench: Any) -> None:
        await write(work, change, effect, now, bench)
        if error := work.errors.get(effect):
            raise error

    return written


async def _blindly(operation: Any, attempt: Callable[[], Any]) -> Any:
    return await retry.send(replace(operation, idempotent=True), attempt)


async def test_who_believes_a_reply_is_seen_to_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "_code", lambda _: "")
    monkeypatch.setattr(step, "_judge", _believed)
    assert {one.wrong for one in await found(SUSPEND, tmp_path, HIDDEN)} == {Wrong.FALSE_SUCCESS}


async def test_who_does_not_settle_a_write_is_seen_to_lose_the_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "_settle", _not_settled)
    assert {one.wrong for one in await found(SUSPEND, tmp_path, DROPPED_AFTER)} == {Wrong.LOST}


async def test_who_takes_a_failed_write_for_the_end_is_seen_to_fail_falsely_and_to_give_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "_write", _at_once(step._write))
    wrong = await found(SUSPEND, tmp_path, DROPPED_AFTER, FAILED)
    assert [one.wrong for one in wrong] == [Wrong.FALSE_FAILURE, Wrong.LOST]


async def test_who_repeats_a_post_blindly_is_seen_to_double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack, "send", _blindly)
    assert Wrong.DOUBLED in {one.wrong for one in await found(NOTIFY, tmp_path, DROPPED_AFTER)}


async def test_who_never_tries_again_is_seen_to_lose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "ATTEMPTS", 1)
    monkeypatch.setattr(slack, "send", lambda _, attempt: attempt())
    assert {one.wrong for one in await found(NOTIFY, tmp_path, FAILED)} == {Wrong.LOST}


def after(action: str, says: str) -> Figures:
    (number,) = (number for number, one in enumerate(EVENTS) if (one.scene.action, one.says) == (action, says))
    return meanwhile.play(range(number, number + 1))


def test_what_others_did_meanwhile_stays() -> None:
    anew = after("okta.suspend_user", "somebody suspends them anew")
    added = after("okta.block_addresses", "somebody adds an address")
    assert (anew.found, added.found, added.faults) == ((), (), 4)


async def test_who_looks_for_what_a_run_made_as_of_the_undo_is_seen_to_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Undo, "_as_of_the_run", lambda _, target: target)
    assert {one.wrong for one in await found(replace(NOTIFY, back=True), tmp_path, FORBIDDEN)} == {Wrong.FALSE_SUCCESS}


def test_who_lets_in_whom_somebody_else_shut_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspend_user, "_ours_until", lambda _: datetime.max.replace(tzinfo=UTC))
    assert after("okta.suspend_user", "somebody suspends them anew").false_success


def test_who_takes_back_more_than_the_run_did_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_addresses, "entries_of", lambda zone, _: zone.gateways[1:])
    assert after("okta.block_addresses", "somebody adds an address").lost


def told(outcome: Outcome, world: Any, *, seen_done: bool = True) -> Told:
    return Told(outcome=outcome, reason="why", world=world, seen_done=seen_done)


def test_the_judge_tells_more_from_less_and_well_from_said() -> None:
    before, wanted, twice = (
        {"notes": [], "user": "ACTIVE"},
        {"notes": ["n"], "user": "SUSPENDED"},
        {"notes": ["n", "n"], "user": "SUSPENDED"},
    )
    judge = Judge(given=before, before=before, wanted=wanted)

    def wrong(one: Told, *, fair: bool = True) -> list[Wrong]:
        return [finding.wrong for finding in judge.ended(one, fair=fair)]

    assert wrong(told(Outcome.CHANGED, wanted)) == wrong(told(Outcome.FAILED, before, seen_done=False)) == []
    assert wrong(told(Outcome.CHANGED, before)) == wrong(told(Outcome.ALREADY, {**before, "user": "SUSPENDED"})) == [Wrong.FALSE_SUCCESS]
    assert wrong(told(Outcome.CHANGED, twice)) == wrong(told(Outcome.FAILED, twice)) == [Wrong.DOUBLED]
    assert wrong(told(Outcome.CHANGED, twice), fair=False) == []
    assert wrong(told(Outcome.UNVERIFIED, wanted)) == [Wrong.FALSE_FAILURE]
    assert wrong(told(Outcome.UNVERIFIED, wanted, seen_done=False)) == [], "nobody could have seen it"


def test_the_judge_of_an_undo_keeps_what_others_did() -> None:
    done, undone, meanwhile_ = {"list": ["a", "ours"]}, {"list": ["a"]}, {"list": ["a", "ours", "theirs"]}
    judge = Between(given=undone, done=done, undone=undone, meanwhile=meanwhile_, stops=False)
    barred = replace(judge, stops=True)

    def wrong(by: Between, outcome: Outcome, entries: list[str]) -> list[Wrong]:
        return [finding.wrong for finding in by.ended(told(outcome, {"list": entries}))]

    assert wrong(judge, Outcome.CHANGED, ["a", "theirs"]) == []
    assert wrong(judge, Outcome.CHANGED, ["a"]) == [Wrong.LOST]
    assert wrong(judge, Outcome.CHANGED, ["a", "ours", "theirs"]) == [Wrong.FALSE_SUCCESS]
    assert wrong(judge, Outcome.FAILED, ["a", "theirs"]) == [Wrong.FALSE_FAILURE]
    assert wrong(judge, Outcome.FAILED, ["a", "ours", "theirs"]) == [Wrong.LOST]
    assert wrong(judge, Outcome.CHANGED, ["a", "ours", "theirs", "theirs"]) == [Wrong.DOUBLED]
    assert wrong(barred, Outcome.FAILED, ["a", "ours", "theirs"]) == []
    assert wrong(barred, Outcome.CHANGED, ["a", "ours", "theirs"]) == [Wrong.FALSE_SUCCESS]
    assert wrong(barred, Outcome.FAILED, ["a", "theirs"]) == [Wrong.LOST]


def test_the_figures_count_each_finding_and_say_where() -> None:
    both = figures([Finding(wrong=Wrong.LOST, says="x"), Finding(wrong=Wrong.DOUBLED, says="y")], "here") + figures([], "there")
    assert both == Figures(faults=2, lost=1, doubled=1, found=("lost: here: x", "doubled: here: y"))
