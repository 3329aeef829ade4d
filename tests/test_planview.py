"""A plan at a terminal: what it says, what its signs mean, and that nobody who is named in it can add a line of their own."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from firedoor.canonical import JSON
from firedoor.model import Change, Cover, Mode, Plan, Residual, Reversal
from firedoor.planview import Line, Sign, console, draw, lines, show, sign, text
from firedoor.run import Item
from tests.channels.slack import samples

ORDER = samples.order(mode=Mode.PREVIEW)
SGR = re.compile(r"\x1b\[[0-9;]*m")


def item(step: str, action: str, label: str, **more: object) -> Item:
    return Item(id=f"{step}/{label}", step=step, action=action, label=label, target={"name": label}, **more)  # type: ignore[arg-type]


def change(says: str, before: Mapping[str, JSON], after: Mapping[str, JSON], cover: str = "") -> Change:
    return Change(key=says, subject="s", says=says, before=before, after=after, cover=cover)


KEYS = Cover(name="keys", says="every key of ci", at_most=4)
WHOLE = (
    item(
        "suspend",
        "okta.suspend_user",
        "ada@acme.example",
        plan=Plan(changes=(change("suspend ada@acme.example in Okta", {"status": "ACTIVE"}, {"status": "SUSPENDED"}),)),
        reversal=Reversal.EXACT,
    ),
    item(
        "factors",
        "okta.reset_factors",
        "ada@acme.example",
        needs=("suspend/ada@acme.example",),
        plan=Plan(changes=(change("take the sms factor off", {"factors": ["sms"]}, {"factor": "unenrolled"}),), also_hit=("her phone",)),
        reversal=Reversal.NEVER,
        residual=(Residual(what="SAML sessions of ada", until="they expire", closes_by="the application"),),
    ),
    item(
        "keys",
        "aws.deactivate_access_keys",
        "ci in 111122223333",
        plan=Plan(changes=(change("deactivate AKIA1", {"on": True}, {"on": False}, "keys"),), covers=(KEYS,)),
        reversal=Reversal.PARTIAL,
    ),
    item("deny", "aws.deny_principal", "ci in 111122223333", plan=Plan(waits="only once the keys are off", covers=(KEYS,))),
    item("suspend", "okta.suspend_user", "bob@acme.example", refused="bob@acme.example is on Firedoor's roster"),
    item("factors", "okta.reset_factors", "bob@acme.example", refused="bob@acme.example is on Firedoor's roster"),
    item("suspend", "okta.suspend_user", "eve@acme.example", plan=Plan(impossible="Okta said nothing for 15 s")),
    item("grants", "okta.revoke_grants", "ada@acme.example", plan=Plan(reason="ada@acme.example has no consent in force")),
    item("ticket", "jira.open_ticket", "SEC", telling=True, plan=Plan(changes=(change("open a ticket in SEC", {}, {"text": "t"}),))),
)


def test_a_plan_says_what_will_change_and_what_will_not() -> None:
    assert text(lines(ORDER, WHOLE, required=2, why="ada administers Okta")) == (
        "Shut the doors (fire): run r1, preview, asked for by Ada\n"
        "\n"
        "ada@acme.example (okta)\n"
        "  okta.suspend_user\n"
        "    ~ suspend ada@acme.example in Okta\n"
        "        status: ACTIVE -> SUSPENDED\n"
        "  okta.reset_factors, after suspend\n"
        "    - take the sms factor off\n"
        "        factors: sms\n"
        "        -> factor: unenrolled\n"
        "\n"
        "ci in 111122223333 (aws)\n"
        "  aws.deactivate_access_keys\n"
        "    - deactivate AKIA1\n"
        "        on: yes -> no\n"
        "    ? every key of ci, at most 4\n"
        "  aws.deny_principal\n"
        "    ? every key of ci, at most 4: only once the keys are off\n"
        "\n"
        "Then people are told\n"
        "  jira.open_ticket: open a ticket in SEC\n"
        "\n"
        "Who else is hit\n"
        "  ! her phone\n"
        "\n"
        "What cannot be undone\n"
        "  ! okta.reset_factors can never be undone: ada@acme.example\n"
        "  ! aws.deactivate_access_keys can be undone only in part: ci in 111122223333\n"
        "\n"
        "Refused by the guard\n"
        "  ! okta.suspend_user, okta.reset_factors on bob@acme.example: bob@acme.example is on Firedoor's roster\n"
        "\n"
        "Not possible\n"
        "  ! okta.suspend_user on eve@acme.example: Okta said nothing for 15 s\n"
        "\n"
        "Already so\n"
        "  = ada@acme.example has no consent in force\n"
        "\n"
        "What may still live afterwards\n"
        "  * SAML sessions of ada: until they expire\n"
        "\n"
        "! Only signatures count, not chat: ada administers Okta.\n"
        "Plan: 3 changes to 2 targets, at most 7 more, 2 refused, 1 not possible, 1 already so. 2 approvers.\n"
    )


def test_a_plan_that_changes_nothing_says_so() -> None:
    last = lines(ORDER, WHOLE[7:8], required=0)[-1].text
    assert last == "Plan: nothing to change, 1 already so. Nobody has to approve it."
    assert lines(ORDER, WHOLE[:1], required=1)[-1].text == "Plan: 1 change to 1 target. 1 approver."
    undoing = lines(replace(ORDER, undoes="r0"), WHOLE[:1], required=1)
    assert undoing[0].text.startswith("Undoes run r0. ")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"status": "ACTIVE"}, {"status": "SUSPENDED"}, Sign.CHANGED),
        ({"listed": False}, {"listed": True}, Sign.MADE),
        ({}, {"secret": "a new one"}, Sign.MADE),
        ({"policy": None}, {"policy": {"Effect": "Deny"}}, Sign.MADE),
        ({"password": True}, {"password": False}, Sign.TAKEN),
        ({"grants": ["g1"]}, {"grants": "none"}, Sign.TAKEN),
        ({}, {"sessions": "none from before T"}, Sign.TAKEN),
        ({"factors": ["sms"]}, {"factor": "unenrolled"}, Sign.TAKEN),
        ({"open": ["203.0.113.7/32"]}, {"shut_out": ["203.0.113.7/32"]}, Sign.CHANGED),
    ],
)
def test_a_sign_tells_made_from_taken_from_changed(before: Mapping[str, JSON], after: Mapping[str, JSON], expected: Sign) -> None:
    assert sign(change("c", before, after)) is expected


def test_values_are_brief_and_documents_are_not_shown() -> None:
    addresses = [f"203.0.113.{n}/32" for n in range(9)]
    plan = Plan(changes=(change("block", {"there": addresses, "zone": "", "policy": {"a": 1}}, {"policy": {"a": 2}, "note": "x" * 500}),))
    shown = text(lines(ORDER, [item("b", "aws.block", "set", plan=plan)], required=1))
    assert "        there: 203.0.113.0/32, 203.0.113.1/32, 203.0.113.2/32, 203.0.113.3/32 and 5 more\n" in shown
    assert "        zone: none\n" in shown
    assert "        policy: set -> set\n" in shown
    assert f"        -> note: {'x' * 80}…\n" in shown


def hostile(name: str) -> tuple[list[Line], list[Line]]:
    """A plan in which everybody is called by something hostile, and the same one in which nobody is."""

    def plan(label: str) -> list[Line]:
        order = replace(samples.order(label), mode=Mode.LIVE)
        return lines(order, samples.items(4, label), required=2, why=f"why{label}")

    return plan(samples.HOSTILE[name]), plan("")


@pytest.mark.parametrize("name", samples.HOSTILE)
def test_nobody_can_add_a_line_or_an_escape_by_what_they_are_called(name: str) -> None:
    theirs, ours = hostile(name)
    shown = text(theirs)
    assert shown.count("\n") == text(ours).count("\n")
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown.split("\n")[-2] == text(ours).split("\n")[-2], "the sums are what they are"


@pytest.mark.parametrize("name", samples.HOSTILE)
@pytest.mark.parametrize("width", [40])
def test_what_is_too_long_for_the_terminal_goes_on_below_itself(name: str, width: int) -> None:
    theirs, _ = hostile(name)
    for line in theirs:
        page = io.StringIO()
        shorter = replace(line, text=line.text[:600])
        draw([shorter], Console(file=page, width=width, force_terminal=True, color_system="standard"))
        first, *rest = SGR.sub("", page.getvalue()).splitlines()
        assert "\x1b" not in first + "".join(rest)
        assert text([line]).startswith(first.rstrip())
        assert all(row.startswith(f"{' ' * line.indent}  | ") for row in rest), rest
        assert max(map(cell_len, [first, *rest])) <= width or width < 40


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_colour_on_a_terminal_and_the_same_text_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    shown = lines(ORDER, WHOLE, required=2)
    pages = {}
    for name, page, environment in (("pipe", io.StringIO(), {}), ("grey", Tty(), {"NO_COLOR": "1"}), ("colour", Tty(), {})):
        show(shown, page, environment)
        pages[name] = page.getvalue()
    assert pages["pipe"] == text(shown)
    assert "\x1b[" in pages["colour"]
    assert "\x1b" not in pages["pipe"] + pages["grey"]
    bare = [[row.rstrip() for row in SGR.sub("", page).splitlines()] for page in pages.values()]
    assert bare[0] == bare[1] == bare[2]
    assert console(Tty(), {}).color_system
