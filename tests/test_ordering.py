"""Who gives an order: what is signed at a terminal, what is refused, and what a journal of before may still hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firedoor import elsewhere, ordering, resuming, signing
from firedoor.approval import Answer, Roster, Way
from firedoor.audit import audit
from firedoor.canonical import instant, plain
from firedoor.channel import Ask, Silent
from firedoor.errors import BadInput, Misconfigured
from firedoor.evidence import papers
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.run import ITSELF, Order, Record, Resumption, Via, revive
from firedoor.stage import Plainly
from firedoor.standing import draw_up
from firedoor.terminal import Signer, give, go_on
from firedoor.wiring import follow_up, name_run
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
    "expires": NOON + timedelta(days=1),
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


def signer(public: str = "", name: str = "") -> Signer:
    return Signer(public=public, name=name, sign=lambda _: pytest.fail("it is to be signed"))


def test_who_gives_an_order_is_found_by_their_key() -> None:
    assert signer(KEYS["Ben"].public).giver(ROSTER) == YES
    with pytest.raises(BadInput, match="that key is nobody's on the roster"):
        signer(DAN.keys[0]).giver(ROSTER)
    with pytest.raises(BadInput, match="you would sign as Ben, who may approve runs and not request them"):
        signer(YES.keys[0]).giver(Roster(people=(ASKER, replace(YES, may_request=False))))
    with pytest.raises(Misconfigured, match="the roster is empty"):
        signer(YES.keys[0]).giver(Roster(people=()))


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
        replace(by, expires=None),
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


def there(text: str, by: str = "Ada") -> Signer:
    """What that person signed on another machine, as it is handed in."""
    return Signer.elsewhere(text, signing.armor(KEYS[by].sign(text).blob))


def printed(order: Order, by: str = "Ada") -> str:
    """What a command prints for somebody who is to sign it."""
    pages: list[str] = []
    with suppress(EOFError):
        give(order, Signer(name=by, sign=lambda text: _kept(pages, text)), ROSTER, say=lambda _: None)
    return pages[0]


def _kept(pages: list[str], text: str) -> signing.Signature:
    pages.append(text)
    raise EOFError


def typed(**changed: Any) -> Order:
    """The order as it is typed: in a run of a name of its own, now."""
    run = name_run()
    fresh = replace(ORDER, run=run, incident=f"inc-{run}", asked=datetime.now(UTC))
    return replace(fresh, **changed)


@pytest.mark.parametrize("name", SHAPES)
def test_what_was_signed_elsewhere_is_the_order_that_is_typed_again(name: str) -> None:
    first = printed(shaped := replace(SHAPES[name], run="261126-abcdef", incident="inc-261126-abcdef", asked=datetime.now(UTC)))
    order = give(
        typed(**{one: getattr(shaped, one) for one in ("protected", "undoes", "way", "standing", "sweep")}),
        there(first),
        ROSTER,
        say=lambda _: None,
    )
    assert ordering.document(order) == first
    assert (order.run, order.incident, order.requester) == ("261126-abcdef", "inc-261126-abcdef", "Ada")
    ordering.check(order, ROSTER, fresh=True)


PAPER = f"Firedoor decision, version 1\nrun: 261126-abcdef\nat: {instant(datetime.now(UTC))}\n"
LATE = elsewhere.LIVES + timedelta(seconds=1)
UNFIT: Mapping[str, tuple[Callable[[str], Signer], Mapping[str, Any], str]] = {
    "a stranger's signature": (lambda text: there(text, "Dan"), {}, "that key is nobody's on the roster"),
    "another's signature": (lambda text: there(text, "Ben"), {}, "the document says 'by: Ada', and by what was typed it is 'by: Ben'"),
    "a signature of something else": (
        lambda text: Signer.elsewhere(text, signing.armor(KEYS["Ada"].sign(f"{text} ").blob)),
        {},
        "the signature is not one by a key of yours",
    ),
    "other inputs": (there, {"inputs": {"doors": ("z",)}}, "the document says '- also: c.*, and by what was typed it is '- doors: z'"),
    "more inputs": (there, {"inputs": {**ORDER.inputs, "z": ("d",)}}, "the document says 'undoes: ', and by what was typed it is '- z: d'"),
    "another playbook": (there, {"playbook": "flood"}, "the document says 'playbook: fire', and by what was typed it is 'playbook: flood'"),
    "the protected too": (there, {"protected": True}, "'what is protected: spared'"),
    "another way": (there, {"way": Way.BREAK_GLASS}, "the document says 'way: ordinary'"),
    "another expiry": (lambda text: there(text.replace("expires: 2", "expires: 3")), {}, "the document says 'expires: 3"),
    "a line more": (lambda text: there(f"{text}by: Ben\n"), {}, "the document says 'by: Ben'"),
    "a run of no name": (lambda text: there(re.sub("run: .*", "run: standing", text)), {}, "that document names no run"),
    "no moment": (lambda text: there(re.sub("at: .*", "at: noon", text)), {}, "that is no document that this command has printed"),
    "no zone": (
        lambda text: there(re.sub("at: .*", "at: 2026-01-01T12:00:00", text)),
        {},
        "that is no document that this command has printed",
    ),
    "a decision": (lambda _: there(PAPER), {}, "the document says 'Firedoor decision, version 1'"),
    "of tomorrow": (lambda text: there(re.sub("at: 20", "at: 21", text)), {}, "by this machine's clock that document is of the future"),
    "nothing": (lambda _: there(""), {}, "that is no document that this command has printed"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_was_signed_elsewhere_orders_nothing_else(name: str) -> None:
    signer, changed, words = UNFIT[name]
    text = printed(typed())
    with pytest.raises(BadInput, match=words) as told:
        give(typed(**changed), signer(text), ROSTER, say=lambda _: None)
    assert told.value.changed is False


def test_what_was_signed_elsewhere_is_good_for_a_while() -> None:
    old = printed(typed(asked=datetime.now(UTC) - LATE))
    with pytest.raises(BadInput, match=r"it expired at .* Print it anew with --as NAME --print"):
        give(typed(), there(old), ROSTER, say=lambda _: None)


@pytest.mark.parametrize(
    ("name", "words"),
    [("Dan", "'Dan' is not on the roster"), ("Eve", "Eve has no SSH key"), ("Cem", "you would sign as Cem, who may approve")],
)
def test_nothing_is_printed_for_whoever_could_not_order_it(name: str, words: str) -> None:
    roster = Roster(people=(ASKER, replace(NO, may_request=False), replace(YES, name="Eve", keys=())))
    with pytest.raises(BadInput, match=words):
        signer(name=name).giver(roster)


def test_who_goes_on_with_a_run_may_sign_elsewhere_once() -> None:
    record, pages = Record(order=ordered(ORDER)), list[str]()
    with suppress(EOFError):
        go_on(record, Signer(name="Ben", sign=lambda text: _kept(pages, text)), ROSTER, say=lambda _: None)
    by = go_on(record, there(pages[0], "Ben"), ROSTER, say=lambda _: None)
    assert ordering.resumption_document(ORDER, by) == pages[0]
    with pytest.raises(BadInput, match="the document says 'run: r1', and by what was typed it is 'run: r2'"):
        go_on(Record(order=ordered(replace(ORDER, run="r2"))), there(pages[0], "Ben"), ROSTER, say=lambda _: None)
    record.moments[Kind.RESUMED] = datetime.now(UTC)
    with pytest.raises(BadInput, match="run r1 has been resumed since that was signed"):
        go_on(record, there(pages[0], "Ben"), ROSTER, say=lambda _: None)
    record.moments[Kind.RESUMED] = ahead = datetime.now(UTC) + timedelta(hours=1)
    again = go_on(record, Signer(public=YES.keys[0], sign=KEYS["Ben"].sign), ROSTER, say=lambda _: None)
    assert again.at is not None
    assert again.at > ahead, "whose clock is behind can go on with it all the same"


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


async def test_the_engine_begins_nothing_twice_or_too_late(tmp_path: Path) -> None:
    async with lab(tmp_path, OPEN) as it:
        old = replace(it.order(), asked=datetime.now(UTC) - LATE)
        await refused(it, ordered(old), "what was signed is not used: it expired at")
        await refused(it, replace(ordered(it.order()), expires=None), "not one that Ada signed")
        await refused(it, ordered(replace(old, asked=datetime.now(UTC) + LATE)), "ordered in the future")
        order = ordered(it.order())
        await signed_run(it, order)
        await refused(it, order, "run r1 was begun with that order already")


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
            (resumption(it.order(), "Ben", at=datetime.now(UTC) - LATE), "what was signed is not used: it expired at"),
        ):
            with pytest.raises(BadInput, match=words):
                await it.resume(by=by)
        assert Kind.RESUMED not in await it.kinds()
        assert not it.vendor.effects
        assert (await it.resume(by=resumption(it.order(), "Ben")))["outcome"] == "contained"
        found = await audit(it.journal, known(it))
        assert (found.faults, found.unchecked) == ((), ())


async def test_what_was_signed_before_a_stop_does_not_undo_it(tmp_path: Path) -> None:
    async with lab(tmp_path, OPEN) as it:
        early = resumption(it.order(), "Ben")

        async def stop() -> None:
            await it.desk().stop("r1", NO, via="test")

        it.vendor.on_clock.append(stop)
        await it.contain()
        with pytest.raises(BadInput, match="Cem has stopped run r1 since that was signed"):
            await it.resume(by=early)
        assert (Kind.RESUMED in await it.kinds(), it.vendor.effects) == (False, {})
        record = await it.desk().record("r1")
        record.moments[Kind.STOP] = ahead = datetime.now(UTC) + timedelta(hours=1)
        again = go_on(replace(record, order=ordered(ORDER)), Signer(public=YES.keys[0], sign=KEYS["Ben"].sign), ROSTER, say=lambda _: None)
        assert again.at is not None
        assert again.at > ahead, "whose clock is behind can go on with it all the same"


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
        await resuming.check(it.desk(), follows, ITSELF)
        with pytest.raises(BadInput, match="the order of run r1 does not say where it comes from"):
            await resuming.check(it.desk(), old, ITSELF)
        await resuming.check(it.desk(), old, resumption(old.order, "Ben"))
        await rewritten(it, edited("r1", Kind.OPENED, setting(via="")))
        with pytest.raises(BadInput, match="the order of run r2 does not say where it comes from"):
            await resuming.check(it.desk(), follows, ITSELF)
