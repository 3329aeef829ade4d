"""Views that are not as Firedoor made them, or no longer stand for anything, or are submitted by somebody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, cast

from firedoor.approval import Answer, Roster
from firedoor.channels.slack import forms
from firedoor.channels.slack.blocks import DECIDE
from firedoor.vendors.slack.raw import Raw
from tests.abuse.acts import Where, doing, put
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground
from tests.channels.slack.scene import SlackMode

METADATA: Final[Where] = ("view", "private_metadata")
CALLBACK: Final[Where] = ("view", "callback_id")
VALUES: Final[Where] = ("view", "state", "values")
ANSWERS: Final = {"approve": True, "deny": False}

# What the hidden part of a decision's view says, out of: the run, what is said, the digest of the request, the place of its message.
EDITED: Final[Mapping[str, str]] = {
    "the digest of another run": "{run} {said} {other} {at}",
    "a digest of zeros": "{run} {said} sha256:" + "0" * 64 + " {at}",
    "half a digest": "{run} {said} {half} {at}",
    "a digest in capitals": "{run} {said} {capitals} {at}",
    "no digest": "{run} {said}",
    "an empty digest": "{run} {said}  {at}",
    "an empty digest and nothing else": "{run} {said} ",
    "an empty digest in 50 parts": "{run} {said} " + " x" * 48,
    "another run": "r0 {said} {digest} {at}",
    "a run that does not exist": "r404 {said} {digest} {at}",
    "no run": " {said} {digest} {at}",
    "a run and a NUL": "{run}\x00 {said} {digest} {at}",
    "half of a pair": "{run}\ud800 {said} {digest} {at}",
    "stop": "{run} stop {digest} {at}",
    "a plain stop": "{run} stop x",
    "capitals": "{run} APPROVE {digest} {at}",
    "a look-alike": "{run} \u0430pprove {digest} {at}",
    "a line end": "{run} approve\n {digest} {at}",
    "a space in between": "{run}  {said} {digest} {at}",
    "nothing said": "{run}  {digest} {at}",
    "a ruling": "{run} granted {digest} {at}",
    "50 parts": "{run} perhaps " + "x " * 50,
    "3,000 characters": "x" * 3000,
    "nothing": "",
    "JSON": '{"run": "{run}", "answer": "approve"}',
    "brackets without end": "[" * 3000,
    "a line without spaces": "{run}|{said}|{digest}",
}
HALTED: Final[Mapping[str, object]] = {
    "a run that is over": "r0",
    "a run that does not exist": "r404",
    "nothing": "",
    "none": None,
    "a list": ["r1"],
    "an object": {"run": "r1"},
    "3,000 characters": "r" * 3000,
    "a decision": "r1 stop sha256:0",
    "half of a pair": "r\ud800",
    "a NUL": "r1\x00",
    "a path": "../r1",
}
SHAPES: Final[Mapping[str, object]] = {"none": None, "a list": ["r1", "approve"], "an object": {"run": "r1"}, "a number": 7}
CALLBACKS: Final = ("deploy", "firedoor", "firedoor_Decide", "firedoor_decide ", "", "x" * 255, None, ["firedoor_decide"])


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """What is hidden in the view, what it calls itself, and when it is submitted, by whom."""
    del way
    for name, approve in ANSWERS.items():
        for what, metadata in EDITED.items():
            yield Attempt(kind="edited view", variation=f"{name}: {what}", make=_edited(metadata, approve=approve))
        for what, value in SHAPES.items():
            yield Attempt(kind="edited view", variation=f"{name}: {what}", make=doing(name, "U0BEN", put(value, METADATA)))
    for name, approve in ANSWERS.items():
        for who in ("U0ADA", "U0EVE", "U0GUS", "U0FAR", "U0BOT"):
            yield Attempt(kind="somebody else submits", variation=f"{name}: {who}", make=_taken_over(who, approve=approve))
    for name in (*ANSWERS, "form"):
        for callback in (*CALLBACKS, DECIDE if name == "form" else forms.CONTAIN):
            make = doing(name, "U0ADA" if name == "form" else "U0BEN", put(callback, CALLBACK))
            yield Attempt(kind="view of another app", variation=f"{name}: {str(callback)[:40]!r}", make=make)
    for how, written in HALTED.items():
        yield Attempt(kind="edited view of a stop", variation=how, make=doing("stop", "U0BEN", put(written, METADATA)))
    for name, approve in ANSWERS.items():
        for end in (*ENDS, "the roster was changed"):
            yield Attempt(kind="old view", variation=f"{name}: {end}", make=_too_late(end, approve=approve))
    for what, values in STATES.items():
        for who, name in (("U0EVE", "approve"), ("U0ADA", "deny")):
            yield Attempt(
                kind="oversize or misshapen state", variation=f"{name} by {who}: {what}", make=doing(name, who, put(values, VALUES))
            )
        zeros = put("r1 approve sha256:0 C0INC 1.1", METADATA)
        yield Attempt(
            kind="oversize or misshapen state", variation=f"decide: {what}", make=doing("approve", "U0BEN", put(values, VALUES), zeros)
        )
        yield Attempt(kind="oversize or misshapen state", variation=f"form: {what}", make=doing("form", "U0ADA", put(values, VALUES)))


def _edited(metadata: str, *, approve: bool) -> Make:
    async def make(ground: Ground) -> None:
        payload = await ground.decision("U0BEN", approve=approve)
        view = cast("Raw", payload["view"])
        run, said, digest, at = str(view["private_metadata"]).split(" ", 3)
        other = (await ground.record(ground.over)).request
        assert other is not None
        parts = {"run": run, "said": said, "digest": digest, "at": at, "other": other.digest}
        parts |= {"half": digest[:40], "capitals": digest.upper()}
        written = metadata
        for part, value in parts.items():
            written = written.replace(f"{{{part}}}", value)
        view["private_metadata"] = written
        await ground.send("interactive", payload)

    return make


def _taken_over(member: str, *, approve: bool) -> Make:
    """A view that was opened for Ben."""

    async def make(ground: Ground) -> None:
        payload = await ground.decision("U0BEN", approve=approve)
        await ground.send("interactive", {**payload, "user": {**cast("Raw", payload["user"]), "id": member}})

    return make


async def _ask_and_end(ground: Ground) -> None:
    """A run for each end that one can come to, with the views that were open before it."""
    await ground.prepare()
    for end, how in ENDS.items():
        run = f"old-{len(ground.kept)}"
        more = {"at_least": 2} if end == "decided by them before" else {"minutes": 0.02} if end == "expired" else {}
        ground.restore()
        await ground.stage.ask(run, **more)
        ground.kept[end] = {approve: await ground.decision("U0BEN", approve=approve, run=run) for approve in ANSWERS.values()}
        if how is not None:
            by, answer = how
            await ground.stage.desk.decide(run, ground.person(by), answer, via="test")
        if end != "decided by them before":
            await ground.stage.runs[-1]
    ground.restore()


def _too_late(end: str, *, approve: bool) -> Make:
    async def make(ground: Ground) -> None:
        desk = ground.stage.desk
        if end in ground.kept:
            old = ground.kept[end][approve]
            fresh = await ground.press("U0BEN", "")  # Slack gives each submission a trigger of its own
            await ground.send("interactive", {**old, "trigger_id": fresh["trigger_id"]})
            return
        payload = await ground.decision("U0BEN", approve=approve)
        kept, desk.roster = desk.roster, Roster(people=tuple(replace(one, keys=()) for one in desk.roster.people))
        try:
            await ground.send("interactive", payload)
        finally:
            desk.roster = kept

    return make


def _text(value: object) -> Raw:
    return {"reason": {"text": {"type": "plain_text_input", "value": value}}}


def _field(value: object, *, field: str = "access_keys") -> Raw:
    return {**_chosen("leaked-aws-key"), forms.FIELD + field: {"value": {"type": "plain_text_input", "value": value}}}


def _chosen(playbook: object) -> Raw:
    return {forms.PLAYBOOK: {forms.CHOOSE: {"type": "static_select", "selected_option": {"value": playbook}}}}


def _deep(levels: int) -> Raw:
    found: Raw = {}
    for _ in range(levels):
        found = {"value": found}
    return found


STATES: Final[Mapping[str, object]] = {
    "no values": {},
    "values are none": None,
    "values are a list": [1, 2],
    "values are text": "approve",
    "1,000 unknown blocks": {f"b{number}": {"text": {"type": "plain_text_input", "value": "x"}} for number in range(1000)},
    "a block without parts": {**_chosen("leaked-aws-key"), "reason": None, "in:access_keys": None},
    "a block that is a list": {**_chosen("leaked-aws-key"), "reason": [], "in:access_keys": []},
    "an entry that is text": {**_chosen("leaked-aws-key"), "reason": {"text": "x"}, "in:access_keys": {"value": "x"}},
    "an entry that is none": {**_chosen("leaked-aws-key"), "reason": {"text": None}, "in:access_keys": {"value": None}},
    "an entry without a value": {**_chosen("leaked-aws-key"), "reason": {"text": {}}, "in:access_keys": {"value": {}}},
    "a value that is a list": {**_text(["x"]), **_field(["x"])},
    "a value that is an object": {**_text({"x": 1}), **_field({"x": 1})},
    "a value that is a number": {**_text(7), **_field(7)},
    "a value of 4 kB": {**_text("x" * 4096), **_field("x" * 4096)},
    "a value of 100 kB": {**_text("x" * 100_000), **_field("x" * 100_000)},
    "a value of 100 kB of commas": {**_text("," * 100_000), **_field(", " * 50_000)},
    "a value of 20,000 keys": {**_text("x"), **_field("AKIAIOSFODNN7EXAMPLE," * 5_000)},
    "a value with half of a pair": {**_text("\ud800"), **_field("\ud800")},
    "a value with a NUL": {**_text("\x00"), **_field("\x00")},
    "a rich text": {"reason": {"text": {"type": "rich_text_input", "rich_text_value": {"elements": []}}}, **_field("")},
    "100 levels": {**_deep(100), "reason": _deep(100), **_chosen(_deep(100))},
    "a field of another playbook": _field("ada@example.com", field="users"),
    "a field that is a path": _field("x", field="../../etc/passwd"),
    "1,000 fields": {**_field("x"), **{f"in:f{number}": {"value": {"value": "x"}} for number in range(1000)}},
    "no playbook": _chosen(None),
    "a playbook that is a list": _chosen(["leaked-aws-key"]),
    "an option that is text": {forms.PLAYBOOK: {forms.CHOOSE: {"selected_option": "leaked-aws-key"}}},
}
# What the journal says of the runs that old views were opened for: who ended them, and how.
ENDS: Final[Mapping[str, tuple[str, Answer] | None]] = {
    "approved": ("Cyd", Answer.APPROVE),
    "denied": ("Cyd", Answer.DENY),
    "stopped": ("Ada", Answer.STOP),
    "decided by them before": ("Ben", Answer.APPROVE),
    "expired": None,
}
THEME: Final = Theme(name="views", attempts=attempts, prepare=_ask_and_end, control=Ground.control)
