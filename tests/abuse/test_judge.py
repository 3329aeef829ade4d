"""The judge sees what gets through: each defence is taken away in turn, and attempts that it stopped are found accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from firedoor import approval, ordering, requesting, signing
from firedoor.approval import Person
from firedoor.channels.slack import deciding, door, home
from firedoor.channels.slack.audience import Audience
from firedoor.desk import Desk
from firedoor.seal import Seal
from firedoor.seen import Seen
from firedoor.standing import Standing
from tests.abuse import alone, crowds, journals, messages, signatures, strangers, tainted, views, wire
from tests.abuse.acts import ACTS
from tests.abuse.attempt import Attempt, Theme
from tests.abuse.ground import Ground
from tests.abuse.running import verdicts
from tests.channels.slack.scene import SlackMode

pytestmark = pytest.mark.abuse

Disarm = Callable[[pytest.MonkeyPatch], None]


def _setting(place: object, name: str, value: object) -> Disarm:
    return lambda patch: patch.setattr(place, name, value)


def _everybody_is_ben(patch: pytest.MonkeyPatch) -> None:
    async def person(self: Audience, *_: Any) -> Person | None:
        return self.roster.by_name("Ben")

    patch.setattr(Audience, "person", person)


def _slack_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    async def person(self: Audience, _: Any, member: str, __: str, **___: Any) -> Person | None:
        return self.roster.by_slack(member)

    patch.setattr(Audience, "person", person)


def _nothing_was_seen(patch: pytest.MonkeyPatch) -> None:
    async def first(*_: Any) -> bool:
        return True

    patch.setattr(Seen, "first", first)


def _stops_count_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ordering, "lifted", lambda *_: ordering.NEVER)


def _buttons_are_believed(patch: pytest.MonkeyPatch) -> None:
    for room in (deciding, home):
        patch.setattr(room, "_run", lambda pressed: str(pressed.get("value", "")))


def _views_are_believed(patch: pytest.MonkeyPatch) -> None:
    """As if what was shown did not matter."""

    def said(view: Mapping[str, Any]) -> tuple[str, approval.Answer, str, str]:
        run, answer, *_ = str(view["private_metadata"]).split(" ")
        return run, approval.Answer(answer), "", ""

    patch.setattr(deciding, "_said", said)


BROKEN: Mapping[str, tuple[Theme, SlackMode, str, Disarm]] = {
    "who is on the roster": (strangers.THEME, "socket", "not on the roster", _everybody_is_ben),
    "who is in a crowd": (crowds.THEME, "socket", "twenty at once", _everybody_is_ben),
    "who they are by now": (strangers.THEME, "socket", "no longer who they were", _slack_is_not_asked),
    "the user groups": (strangers.THEME, "http", "not in the user group", _slack_is_not_asked),
    "whose it is": (strangers.THEME, "http", "another workspace or app", _setting(door, "foreign", lambda *_: "")),
    "who may approve": (
        strangers.THEME,
        "socket",
        "may not approve",
        _setting(Desk, "_open", lambda _, record, *__, **___: record.request),
    ),
    "the signature of Slack": (wire.THEME, "http", "forged signature", _setting(SignatureVerifier, "is_valid", lambda *_: True)),
    "its time": (wire.THEME, "http", "stale, or of the future", _setting(SignatureVerifier, "is_valid", lambda *_: True)),
    "what was seen before": (wire.THEME, "http", "replayed", _nothing_was_seen),
    "where a button stands": (messages.THEME, "http", "edited button", _buttons_are_believed),
    "what was shown": (views.THEME, "socket", "edited view", _views_are_believed),
    "the mark on a request": (journals.THEME, "socket", "request rewritten", _setting(Seal, "marked", lambda *_: True)),
    "the same, where chat only advises": (signatures.THEME, "socket", "chat made to count", _setting(Seal, "marked", lambda *_: True)),
    "the proof of a decision": (journals.THEME, "socket", "decision by hand", _setting(approval, "proven", lambda *_: True)),
    "that a resumed run goes on": (journals.THEME, "socket", "stop of before", _stops_count_for_ever),
    "signatures handed in": (signatures.THEME, "socket", "signature handed in", _setting(signing, "holds", lambda *_, **__: True)),
    "signatures by hand": (signatures.THEME, "socket", "signature by hand", _setting(signing, "holds", lambda *_, **__: True)),
    "standing approvals": (alone.THEME, "socket", "forged standing approval", _setting(Standing, "lacks", lambda *_: "")),
    "what one may do alone": (alone.THEME, "socket", "too much alone", _setting(requesting, "_check_way", lambda *_: None)),
    "where chat only advises": (
        tainted.THEME,
        "http",
        "chat where signatures count",
        _setting(requesting, "out_of_band", lambda *_, **__: ""),
    ),
}


@pytest.mark.parametrize("defence", BROKEN)
async def test_without_a_defence_something_gets_through(defence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theme, way, kind, disarm = BROKEN[defence]
    disarm(monkeypatch)
    async with aclosing(verdicts(theme, way, kinds={kind}, controls=False)) as found:
        async for one in found:
            if one.accepted:
                return
    pytest.fail(f"without {defence}, nothing got through: the judge is blind to it, or something else stops it")


@pytest.mark.parametrize("name", ACTS)
async def test_what_is_forged_would_count_as_it_is(name: str) -> None:
    """By whoever may do it, each act has its force, or opens a view."""
    act = ACTS[name]

    async def make(ground: Ground) -> None:
        await ground.send(act.way, await act.payload(ground, act.by))

    theme = Theme(
        name="genuine",
        attempts=lambda _: iter([Attempt(kind="genuine", variation=name, make=make)]),
        prepare=Ground.prepare,
        control=Ground.control,
    )
    [one] = [one async for one in verdicts(theme, "http", controls=False)]
    assert one.accepted
    assert one.crashes == ()
