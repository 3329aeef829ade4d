"""Who gives an order: what is signed at a terminal, what is refused, and what a journal of before may still hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firedoor import ordering
from firedoor.approval import Answer, Roster, Way
from firedoor.audit import audit
from firedoor.canonical import plain
from firedoor.channel import Ask, Silent
from firedoor.errors import BadInput, Misconfigured
from firedoor.evidence import papers
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.run import ITSELF, Order, Record, Resumption, Via, revive
from firedoor.stage import Plainly
from firedoor.standing import draw_up
from firedoor.wiring import follow_up
from tests.fakes import ASKER, DAN, KEYS, NO, ROSTER, YES, Lab, book, hasten, lab, ordered, resumption
from tests.recorded import known
from tests.test_proofs import edited, rewritten, setting

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STANDING = draw_up(roster="sha256:0", now=NOON, days=9)
ORDER = Order(
    run="r1",
    incident="i",
    playbook="fire",
    mode=Mode.LIVE,
    requester="Ada",
    asked=NOON,
    inputs={"doors": ("a", "b"), "also": ("c\nby: Ben",)},
    title="Shut the doors",
)
OTHERWISE: Mapping[str, Any] = {
    "run": "r2",
    "incident": "j",
    "playbook": "flood",
    "mode": Mode.DRILL,
    "requester": "Ben",
    "asked": NOON + timedelta(seconds=1),
    "inputs": {"doors": ("a",)},
    "title": "Open the doors",
    "undoes": "r0",
    "follows": "r0",
    "protected": True,
    "way": Way.BREAK_GLASS,
    "standing": STANDING,
    "sweep": True,
    "via": Via.BEFORE,
    "roster": "sha256:0",
    "nonce": "again",
    "proof": KEYS["Ada"].sign("something else").proof,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


def test_a_signed_order_may_be_carried_out() -> None:
    ordering.check(ordered(ORDER), ROSTER, fresh=True)


@pytest.mark.parametrize("name", [one.name for one in fields(Order)])
def test_every_word_of_an_order_is_signed(name: str) -> None:
    with pytest.raises(BadInput, match="run r"):
        ordering.check(replace(ordered(ORDER), **{name: OTHERWISE[name]}), ROSTER, fresh=True)


def test_a_value_cannot_pass_for_a_line() -> None:
    assert "- also: c[U+000A]by: Ben\n" in ordering.document(ORDER)


@pytest.mark.parametrize(
    ("order", "roster"),
    [
        (ordered(ORDER, "Ada"), Roster(people=(replace(ASKER, keys=YES.keys), NO))),
        (ordered(ORDER, "Ada"), Roster(people=(replace(ASKER, may_request=False), YES))),
        (ordered(ORDER, "Ada"), Roster(people=(YES, NO))),
        (ordered(ORDER, "Dan"), ROSTER),
        (replace(ordered(ORDER), roster=""), ROSTER),
        (replace(ORDER, via=Via.TERMINAL), ROSTER),
    ],
    ids=["another key", "who may not request", "off the roster", "a stranger", "on no roster", "unsigned"],
)
def test_an_order_that_is_not_its_givers_is_refused(order: Order, roster: Roster) -> None:
    order = replace(order, roster=roster.hash if order.roster else "")
    with pytest.raises(BadInput, match=f"not one that {order.requester} signed with a key on the roster"):
        ordering.check(order, roster, fresh=True)


MISPLACED = {
    "a drill's that is live": (replace(ORDER, via=Via.DRILL), "says that it is a drill's, and it is live"),
    "a schedule's that is no sweep": (replace(ORDER, via=Via.SCHEDULE), "only sweeps and exercises have one"),
    "a drill's that is a sweep": (replace(ORDER, via=Via.DRILL, mode=Mode.DRILL, sweep=True), "it is a sweep, which no drill has"),
    "one that follows and breaks the glass": (
        replace(ORDER, via=Via.FIREDOOR, follows="r0", way=Way.BREAK_GLASS),
        "takes another way than the ordinary",
    ),
    "one that follows on a standing approval": (
        replace(ORDER, via=Via.FIREDOOR, follows="r0", standing=STANDING),
        "takes another way than the ordinary",
    ),
    "one that follows nothing": (replace(ORDER, via=Via.FIREDOOR), "follows from another run, and names none"),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_an_order_that_is_not_from_where_it_says_is_refused(name: str) -> None:
    order, words = MISPLACED[name]
    with pytest.raises(BadInput, match=words):
        ordering.check(order, ROSTER, fresh=False)


def test_an_order_of_before_is_read_and_gone_on_with_and_never_begun() -> None:
    body = cast("dict[str, Any]", plain(ORDER))
    old = revive(Order, {name: value for name, value in body.items() if name not in {"via", "roster", "nonce", "proof"}})
    assert old.via is Via.BEFORE
    ordering.check(old, ROSTER, fresh=False)
    with pytest.raises(BadInput, match="does not say where it comes from"):
        ordering.check(old, ROSTER, fresh=True)
    assert revive(Resumption, {"from": 3}) == Resumption()


def test_who_gives_an_order_is_found_by_their_key() -> None:
    assert ordering.giver(ROSTER, KEYS["Ben"].public) == YES
    with pytest.raises(BadInput, match="that key is nobody's on the roster"):
        ordering.giver(ROSTER, DAN.keys[0])
    with pytest.raises(BadInput, match="Ben's, who may approve runs and not request them"):
        ordering.giver(Roster(people=(ASKER, replace(YES, may_request=False))), YES.keys[0])
    with pytest.raises(Misconfigured, match="the roster is empty"):
        ordering.giver(Roster(people=()), YES.keys[0])


SHAPES: Mapping[str, Order] = {
    "contain": replace(ORDER, protected=True),
    "undo": replace(ORDER, undoes="r0"),
    "freeze": replace(ORDER, way=Way.FREEZE, standing=STANDING),
    "sweep": replace(ORDER, sweep=True),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_verifier_writes_the_very_words(name: str) -> None:
    order = ordered(SHAPES[name])
    body, by = cast("dict[str, Any]", plain(order)), resumption(order)
    assert ordering.document(order) == papers.order_text(body)
    assert f"\norder: {name}\n" in ordering.document(order)
    assert ordering.resumption_document(order, by) == papers.resumption_text(body, cast("dict[str, Any]", plain(by)))


def test_an_order_is_told_in_one_line() -> None:
    many = replace(ORDER, inputs={"users": tuple(f"u{n}@acme.example" for n in range(999))}, protected=True)
    assert ordering.brief(SHAPES["undo"]) == "undo run r0"
    assert ordering.brief(replace(ORDER, inputs={"doors": ("a", "b"), "roles": ()})) == "contain fire (doors: a, b)"
    assert len(ordering.brief(many)) <= ordering.LONGEST_LINE


def test_who_goes_on_with_a_run_signs_for_it() -> None:
    record, by = Record(order=ORDER), resumption(ORDER, "Ben")
    ordering.check_resumption(record, by, ROSTER)
    ordering.check_resumption(record, ITSELF, ROSTER)
    for other in (
        replace(by, by="Ada"),
        replace(by, at=NOON),
        replace(by, nonce="again"),
        replace(by, roster="sha256:0"),
        replace(by, proof=""),
        resumption(replace(ORDER, run="r2"), "Ben"),
        resumption(ORDER, "Dan"),
        Resumption(via=Via.DRILL),
        Resumption(via=Via.SLACK),
        Resumption(),
    ):
        with pytest.raises(BadInput, match="r1"):
            ordering.check_resumption(record, other, ROSTER)


def test_who_is_in_the_plan_does_not_go_on_with_it() -> None:
    record = Record(order=ORDER, request=cast("Any", SimpleNamespace(barred=("Ben",))))
    ordering.check_resumption(record, resumption(ORDER, "Ada"), ROSTER)
    with pytest.raises(BadInput, match="an account of yours is in this plan"):
        ordering.check_resumption(record, resumption(ORDER, "Ben"), ROSTER)


OPEN = {"a": {"k": "open"}}


async def refused(it: Lab, order: Order, words: str) -> None:
    """The engine does not begin it: nothing is read of the vendor, nothing recorded."""
    runs, calls = await it.journal.runs(), len(it.vendor.calls)
    with pytest.raises(BadInput, match=words):
        await it.engine().contain(order, book(), Plainly())
    assert (await it.journal.runs(), len(it.vendor.calls)) == (runs, calls)


async def test_the_engine_begins_nothing_that_nobody_signed(tmp_path: Path) -> None:
    async with lab(tmp_path, OPEN) as it:
        await refused(it, replace(it.order(), via=Via.TERMINAL), "not one that Ada signed")
        await refused(it, replace(ordered(it.order()), protected=True), "not one that Ada signed")
        await refused(it, replace(it.order(), via=Via.BEFORE), "does not say where it comes from")
        await refused(it, ordered(it.order(), roster=Roster(people=(ASKER, NO))), "the roster has changed since run r1 was ordered")


async def test_what_follows_from_a_run_is_what_that_was_ordered_for(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "open"}, "b": {"k": "open"}}) as it:
        first = ordered(it.order(doors=["a"]))
        await signed_run(it, first)
        following = follow_up(first, {"steps": []}, anew=True)
        assert following is not None
        assert (following.via, following.proof) == (Via.FIREDOOR, "")
        for changed in ({"inputs": {"doors": ("b",)}}, {"requester": "Ben"}, {"protected": True}, {"asked": NOON}):
            await refused(it, replace(following, **cast("Any", changed)), "asks for something else than run r1")
        for other in (replace(following, way=Way.BREAK_GLASS), replace(following, way=Way.FREEZE, standing=STANDING)):
            assert not ordering.same(other, first)
            await refused(it, other, "takes another way than the ordinary")
        await refused(it, replace(following, follows="r0"), "there is no run")
        await it.engine().contain(following, book(), Plainly())
        assert (await audit(it.journal, known(it))).faults == ()


async def signed_run(it: Lab, order: Order) -> None:
    class Approving(Silent):
        async def asked(self, ask: Ask) -> None:
            await it.decide(ask.order.run, YES, Answer.APPROVE)

    assert (await it.engine(channel=Approving()).contain(order, book(), Plainly()))["outcome"] == "contained"


async def test_what_a_person_stopped_goes_on_by_a_persons_order(tmp_path: Path) -> None:
    async with lab(tmp_path, OPEN) as it:

        async def stop() -> None:
            await it.desk().stop("r1", NO, via="test")

        it.vendor.on_clock.append(stop)
        await it.contain()
        for by, words in (
            (ITSELF, "Cem has stopped run r1"),
            (replace(resumption(it.order()), by="Ben"), "not an order to resume run r1 that Ben signed"),
            (resumption(it.order(), "Dan"), "not an order to resume run r1 that Dan signed"),
        ):
            with pytest.raises(BadInput, match=words):
                await it.resume(by=by)
        assert Kind.RESUMED not in await it.kinds()
        assert not it.vendor.effects
        assert (await it.resume(by=resumption(it.order(), "Ben")))["outcome"] == "contained"
        found = await audit(it.journal, known(it))
        assert (found.faults, found.unchecked) == ((), ())


async def test_a_frozen_run_is_followed_the_ordinary_way(tmp_path: Path) -> None:
    async with lab(tmp_path, OPEN) as it:
        frozen = ordered(replace(it.order(), way=Way.FREEZE, standing=STANDING))
        following = follow_up(frozen, {"steps": []}, anew=True)
        assert following is not None
        assert ordering.same(following, frozen)
        ordering.check(following, ROSTER, fresh=True)


@pytest.mark.parametrize("changed", [{"via": Via.DRILL}, {"via": Via.SLACK}], ids=["by way of a drill", "in a drill's mode"])
async def test_what_says_that_it_is_a_drills_counts_in_a_drill_only(changed: Mapping[str, Any], tmp_path: Path) -> None:
    """Nobody signs a drill's orders: one on record, forged, must reach no real vendor, begun or gone on with."""
    async with lab(tmp_path, OPEN) as it:
        order = replace(it.order(mode=Mode.DRILL), **changed)
        await signed_run(it, order)
        it.drills, it.vendor.doors = False, {"a": {"k": "open"}}
        it.vendor.calls.clear()
        with pytest.raises(Misconfigured, match="run r2 is a drill's, and this process is not in a drill"):
            await it.engine().contain(replace(order, run="r2"), book(), Plainly())
        with pytest.raises(Misconfigured, match="run r1 is a drill's, and this process is not in a drill"):
            await it.engine().resume("r1", Plainly(), Resumption(via=Via.DRILL))
        with pytest.raises(Misconfigured, match="this process is not in a drill"):
            await it.engine().undo(replace(order, run="u1", undoes="r1"), Plainly())
        assert (it.vendor.calls, await it.journal.runs()) == ([], ["r1"])


async def test_no_process_goes_on_by_itself_with_an_order_that_nobody_can_have_given(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "open"}, "b": {"k": "open"}}) as it:
        first = it.order(doors=["a"])
        await signed_run(it, first)
        old = Record(order=replace(first, via=Via.BEFORE))
        follows = Record(order=replace(first, run="r2", via=Via.FIREDOOR, follows="r1", asked=first.asked + timedelta(seconds=1)))
        await it.desk().check_resumption(follows, ITSELF)
        with pytest.raises(BadInput, match="the order of run r1 does not say where it comes from"):
            await it.desk().check_resumption(old, ITSELF)
        await it.desk().check_resumption(old, resumption(old.order, "Ben"))
        await rewritten(it, edited("r1", Kind.OPENED, setting(via="")))
        with pytest.raises(BadInput, match="the order of run r2 does not say where it comes from"):
            await it.desk().check_resumption(follows, ITSELF)
