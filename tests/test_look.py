"""What a look says beside the one before it: what is news, since when it is so, and whether it was closed before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firedoor.approval import Person, Roster
from firedoor.exercise.keys import SecurityKey
from firedoor.look import Closing, Found, Look, State, after
from firedoor.model import Change, Plan
from firedoor.watching import judged

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ADA, BEN = SecurityKey(), SecurityKey()
ROSTER = Roster(people=(Person(name="Ada", slack="U1", keys=(ADA.public,)), Person(name="Ben", slack="U2", keys=(BEN.public,))))


def found(state: State, says: str = "so it is", *, at: datetime = NOON, again: bool = True) -> Found:
    return Found(item="shut/door:a", state=state, says=says, since=at, again=again)


CHANGE = Change(key="shut", subject="a", says="shut a", after={"status": "shut"})
PLANS: Mapping[str, tuple[Plan, State]] = {
    "nothing is left to do": (Plan(reason="a is shut"), State.STANDS),
    "a change is due": (Plan(changes=(CHANGE,)), State.OPEN),
    "it waits for its time": (Plan(waits="a is shut tomorrow", until=LATER), State.WAITS),
    "it waits for another step": (Plan(waits="only once b is shut"), State.UNREAD),
    "it could not be read": (Plan(impossible="it could not be read: no reply"), State.UNREAD),
}


@pytest.mark.parametrize(("plan", "state"), PLANS.values(), ids=PLANS.keys())
def test_only_an_empty_plan_stands(plan: Plan, state: State) -> None:
    assert judged(plan)[0] is state
    assert judged(plan)[1]


@pytest.mark.parametrize("state", State)
def test_a_first_look_is_news_only_where_something_does_not_stand(state: State) -> None:
    look = after(None, [found(state)])
    assert bool(look.changed) is (state in (State.OPEN, State.UNREAD))
    assert look.fine is not (state in (State.OPEN, State.UNREAD))


def test_what_is_found_so_again_is_no_news_and_is_so_since_the_first_look() -> None:
    first = after(None, [found(State.OPEN)])
    second = after(first, [found(State.OPEN, at=LATER)])
    assert second == Look(found=first.found, changed=())


def test_an_unreadable_thing_in_other_words_is_no_news_and_an_open_one_is() -> None:
    for state, news in ((State.UNREAD, False), (State.OPEN, True)):
        look = after(after(None, [found(state)]), [found(state, "so it is by now", at=LATER)])
        assert bool(look.changed) is news
        assert look.found[0].since == NOON
        assert look.found[0].says == "so it is by now"


@pytest.mark.parametrize("was", State)
@pytest.mark.parametrize("now", State)
def test_every_change_is_news_and_begins_with_the_look_that_saw_it(was: State, now: State) -> None:
    look = after(after(None, [found(was)]), [found(now, at=LATER)])
    assert bool(look.changed) is (was is not now)
    assert look.found[0].since == (NOON if was is now else LATER)


def test_what_the_run_never_closed_is_open_again_only_after_a_look_saw_it_shut() -> None:
    first = after(None, [found(State.OPEN, again=False)])
    assert not first.found[0].again
    shut = after(first, [found(State.STANDS, again=False)])
    assert after(shut, [found(State.OPEN, again=False)]).found[0].again


def closing(**changed: object) -> Closing:
    whole = Closing(
        run="r1",
        incident="i",
        playbook="fire",
        by="Ada",
        at=NOON,
        reason="it is over",
        look="sha256:0",
        left=("shut/door:a: open: shut a",),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def test_a_closing_holds_for_its_run_by_a_key_of_whoever_it_names() -> None:
    mine = closing(proof=ADA.sign(closing().document).proof)
    assert mine.holds("r1", ROSTER)
    assert not mine.holds("r2", ROSTER)
    assert not mine.holds("r1", Roster(people=ROSTER.people[1:])), "whoever has left the roster has closed nothing that is still left alone"
    assert not closing().holds("r1", ROSTER)
    assert not closing(proof=BEN.sign(closing().document).proof).holds("r1", ROSTER)


@pytest.mark.parametrize(
    "field", [{"reason": "another"}, {"left": ()}, {"look": "sha256:1"}, {"incident": "j"}, {"at": LATER}, {"playbook": "water"}]
)
def test_not_a_word_of_a_closing_can_be_changed(field: Mapping[str, object]) -> None:
    assert not closing(proof=ADA.sign(closing().document).proof, **field).holds("r1", ROSTER)


def test_a_reason_cannot_pass_for_another_line_of_what_is_signed() -> None:
    text = closing(reason="over\nby: Ben").document
    assert text.count("\n") == len(closing().document.splitlines())
    assert "reason: over[U+000A]by: Ben" in text
