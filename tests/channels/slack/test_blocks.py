"""What people see: within Slack's limits whatever the size, and nothing from outside that Slack would act on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Answer, Decision, Ruling, Way
from firedoor.channels.slack import blocks
from firedoor.model import Change, Mode, Plan, Tier
from firedoor.vendors.slack.blocks import Surface, check_blocks, check_view
from firedoor.vendors.slack.people import words
from firedoor.vendors.slack.text import SECTION, clear, header, pack, shorten
from tests.channels.slack import samples
from tests.channels.slack.samples import HOSTILE, MARKER, NOW

MENTION = " ".join(f"<@U0PERSON{number}>" for number in range(10))
GOLDEN = Path(__file__).parent / "golden"
CASES = [
    *[pytest.param(count, "", id=f"tame-{count}") for count in (0, 1, 10, 200, 1000)],
    *[pytest.param(40, label, id=name) for name, label in HOSTILE.items()],
    pytest.param(1, HOSTILE["long"], id="long-1"),
    pytest.param(1000, HOSTILE["ampersands"], id="ampersands-1000"),
]


def messages(count: int, label: str) -> Iterator[tuple[str, list[Any]]]:
    """Every message of a run, with its notification."""
    record = samples.ended(count, label)
    ask = samples.ask(count, label, approved=True)
    yield blocks.notice(f"Ada{label}"), blocks.request(ask, asker=ask.order.requester)
    signed = samples.ask(count, label, approved=True, why=f"an administrator of Okta is in the plan{label}")
    yield "", blocks.request(signed, asker=ask.order.requester, mention=MENTION)
    yield "", blocks.request(replace(ask, order=replace(ask.order, follows=f"r0{label}")), asker="Ada")
    yield "", blocks.reminder(ask, mention=MENTION, left=5)
    for way in Way:
        yield "", blocks.warning(replace(ask, request=replace(ask.request, way=way)))
    for ruling in (None, *Ruling):
        record.ruling = ruling
        assert record.request is not None
        yield blocks.standing(record, record.request)
    yield "", blocks.progress("r1", list(record.results.values()), count)
    assert record.report is not None
    yield "", blocks.report({**record.report, "residual": [dict.fromkeys(("what", "until", "closes_by"), label or "x")] * count})
    answer = blocks.answer(f"no{label}")
    yield answer["text"], answer["blocks"]


def modals(count: int, label: str) -> Iterator[Any]:
    ask = samples.ask(count, label, approved=True)
    yield blocks.decide(ask, approve=True, at="C0INC 1.2")
    yield blocks.decide(ask, approve=False)
    signed = samples.ask(count, label, why=f"an administrator of Okta is in the plan{label}")
    yield blocks.decide(signed, approve=True, at="C0INC 1.2")
    yield blocks.outcome("Recorded", f"x{label}")


def texts(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object inside."""
    if isinstance(value, dict):
        if value.get("type") in ("mrkdwn", "plain_text"):
            yield value
        for inner in value.values():
            yield from texts(inner)
    if isinstance(value, list):
        for inner in value:
            yield from texts(inner)


@pytest.mark.parametrize(("count", "label"), CASES)
def test_every_size_of_every_text_is_within_slacks_limits_and_is_inert(count: int, label: str) -> None:
    shown: list[Any] = []
    for text, found in messages(count, label):
        check_blocks(list(found))
        assert len(text) < 4000
        assert "<" not in text
        shown += found
    for view in modals(count, label):
        check_view(view, Surface.MODAL)
        shown.append(view)
    found = list(texts(shown))
    assert found
    for one in found:
        if one["type"] == "mrkdwn":
            assert one["verbatim"] is True
            assert MARKER not in one["text"]  # nothing from outside where Slack parses
        elif not one.get("emoji", True):
            assert "<" not in one["text"]
        assert one.get("emoji", False) is False
    everything = json.dumps(shown, ensure_ascii=False)
    for hidden in "\u202e\u2066\u2069\u200b\u200d\ufeff\u00ad\u3164\u2800\u2028\x00\ud800":
        assert hidden not in everything


def test_nothing_is_dropped_in_silence() -> None:
    shown = words(blocks.decide(samples.ask(1000), approve=True)["blocks"])
    will = shown.split("*It will*")[1].split("*It may also change*")[0]
    listed = [line for line in will.splitlines() if line.startswith("• ")]
    [more] = [line for line in will.splitlines() if line.startswith("… and")]
    total = sum(bool(item.plan and item.plan.changes) for item in samples.items(1000))
    assert len(listed) >= 250
    assert more == f"… and {total - len(listed)} more"
    assert "more" not in words(blocks.decide(samples.ask(50), approve=True)["blocks"])


def test_a_person_sees_all_they_need_to_judge() -> None:
    shown = words(blocks.decide(samples.ask(8, approved=True, mode=Mode.DRILL), approve=True)["blocks"])
    for expected in (
        "DRILL: Ada asks to run Shut the doors. It needs 2 approvals; given so far by Ben.",
        "• shut door 0 (status: open → shut)",
        "*It may also change*\n• every key of door 0, at most 4",
        "*Who else is hit*\n• the people of room 0",
        "• fake.shut on door 3 can never be undone",
        "• fake.shut on door 2 can be undone only in part",
        "*Refused by the guard*\n• door 7 is protected",
        "*Not possible*\n• door 6: it is stuck",
        "*Already so*\n• door 5 is shut",
        "Expires <!date^1772595300^",
        "fingerprint sha256:" + "f" * 64,
    ):
        assert expected in shown
    assert "door 0 can" not in shown  # exactly undone: nothing to warn of
    assert "door 1 can" not in shown


def test_what_a_change_goes_by_and_leaves_as_it_is_is_not_shown_as_taken_away() -> None:
    """A value that is wanted nowhere is what the change rests on; none that is only wanted is left out."""
    change = Change(
        key="SEC",
        subject="SEC",
        says="open a ticket",
        before={"level": "10001", "ticket": None, "zones": ["a", "b"]},
        after={"ticket": "SEC-1", "labels": ["x"]},
    )
    planned = replace(samples.item(0), plan=Plan(changes=(change,)))
    shown = words(blocks.decide(replace(samples.ask(1), items=(planned,)), approve=True)["blocks"])
    assert "• open a ticket (ticket: none → SEC-1; level: 10001; zones: a, b; → labels: x)" in shown


def test_what_looks_like_another_character_is_named() -> None:
    assert clear("\u0430dmin@acme.example") == "\u0430[U+0430]dmin@acme.example"
    assert clear("user\u202egnp.exe") == "user[U+202E]gnp.exe"
    assert clear("one\ntwo\u2028three") == "one two three"
    for tame in ("José Łukasz", "svc_backup*prod`x`", "\u05d3\u05e0\u05d4", "\u041f\u0440\u0438\u0432\u0435\u0442", "\u674e \U0001f525"):
        assert clear(tame) == tame  # what a person copies out of Slack is what the vendor has


def test_what_is_cut_off_is_counted() -> None:
    assert shorten("x" * 301) == "x" * 300 + "… (1 more characters)"
    assert shorten("x" * 300) == "x" * 300
    assert shorten("&" * 4096).startswith("&amp;" * 300)
    assert len(header("<&>" * 100)["text"]["text"]) <= 150
    packed = pack(["y" * 300] * 100, most=1000, sections=3)
    assert len(packed) == 3
    shown = sum(text.count("y" * 300) for text in packed)
    assert packed[-1].endswith(f"… and {100 - shown} more")
    assert all(SECTION - 302 < len(text) < 3000 for text in packed)


@pytest.mark.parametrize(
    ("ruling", "words_"),
    [
        (Ruling.GRANTED, "Approved by Ben, Cyd (seen)"),
        (Ruling.DENIED, "Denied by Dan (no); nothing was changed"),
        (Ruling.EXPIRED, "Expired"),
        (Ruling.STOPPED, "Stopped by Eve"),
        (None, "Waiting"),
    ],
)
def test_how_a_request_ended(ruling: Ruling | None, words_: str) -> None:
    record = samples.record(1)
    given = [("Ben", Answer.APPROVE, ""), ("Cyd", Answer.APPROVE, "seen"), ("Dan", Answer.DENY, "no")]
    record.decisions = [Decision(request="", answer=answer, by=by, via="", at=NOW, reason=why) for by, answer, why in given]
    record.ruling, record.stopped_by = ruling, "Eve"
    assert blocks.ruled(record).startswith(words_)


SHOWN = ("request", "request-nothing", "request-many", "request-signed", "approve", "approve-signed", "deny", "reminder", "warning")
EXERCISE = ("request-exercise", "approve-exercise", "reminder-exercise")


@pytest.mark.parametrize("name", [*SHOWN, *EXERCISE, "settled", "progress", "report", "hostile"])
def test_golden(name: str) -> None:
    """Look at a change in what people see before you accept it: FIREDOOR_GOLDEN=write pytest writes the files anew."""
    record = samples.ended(8)
    report: Any = record.report
    request: Any = record.request
    made: Mapping[str, Callable[[], Any]] = {
        "request": lambda: blocks.request(samples.ask(8, required=Tier.ONE), asker="Ada"),
        "request-nothing": lambda: blocks.request(samples.ask(0), asker="Ada"),
        "approve": lambda: blocks.decide(samples.ask(8, approved=True), approve=True, at="C0INC 1.2"),
        "deny": lambda: blocks.decide(samples.ask(1), approve=False, at="C0INC 1.2"),
        "request-many": lambda: blocks.request(samples.ask(1000), asker="Ada", mention=MENTION),
        "request-signed": lambda: blocks.request(samples.ask(3, why="an administrator of Okta is in the plan"), asker="Ada"),
        "approve-signed": lambda: blocks.decide(samples.ask(3, why="an administrator of Okta is in the plan"), approve=True),
        "reminder": lambda: blocks.reminder(samples.ask(3, approved=True), mention=MENTION, left=5),
        "warning": lambda: blocks.warning(samples.ask(3)),
        "request-exercise": lambda: blocks.request(samples.ask(2, mode=Mode.EXERCISE), asker="Ada"),
        "approve-exercise": lambda: blocks.decide(samples.ask(2, mode=Mode.EXERCISE), approve=True),
        "reminder-exercise": lambda: blocks.reminder(samples.ask(2, mode=Mode.EXERCISE), mention=MENTION, left=5),
        "settled": lambda: blocks.standing(record, request)[1],
        "progress": lambda: blocks.progress("r1", list(record.results.values())[:6], 8),
        "report": lambda: blocks.report(report),
        "hostile": lambda: blocks.decide(samples.ask(1, HOSTILE["broadcast"] + HOSTILE["alike"]), approve=True),
    }
    text = json.dumps(made[name](), indent=2, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("FIREDOOR_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_all_that_is_said_of_an_exercise_says_so() -> None:
    record = samples.record(2, mode=Mode.EXERCISE)
    assert record.request is not None
    ask = blocks.ask_of(record, record.request)
    standing: list[tuple[str, list[Any]]] = []
    for record.ruling in (None, *Ruling):
        standing.append(blocks.standing(record, record.request))
    assert all(text.startswith("EXERCISE: ") for text, _ in standing)
    shown = [found for _, found in standing]
    shown += [blocks.warning(ask), blocks.reminder(ask, mention="", left=1), blocks.progress("r1", [], 2, Mode.EXERCISE)]
    shown += [blocks.decide(ask, approve=answer)["blocks"] for answer in (True, False)]
    shown.append(blocks.halt(ask.order)["blocks"])
    for found in shown:
        assert "EXERCISE: " in words(found)
    live = samples.record(2)
    assert "EXERCISE" not in words(blocks.decide(blocks.ask_of(replace(live, order=record.order), live.request), approve=True)["blocks"]), (  # type: ignore[arg-type]
        "what the request says counts, which has the serving process's mark, and not the order beside it"
    )
