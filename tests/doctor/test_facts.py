"""The facts about vendors that nobody here could confirm: gathered, and put on record by people. Without a vendor."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from firedoor.action import Spec
from firedoor.approval import Roster
from firedoor.cli_permissions import on_the_shelf
from firedoor.doctor import probes
from firedoor.doctor.sandbox import by_hand, commands, see, seeing
from firedoor.doctor.tenants import tenants
from firedoor.facts import Established, Fact, digest_of, gathered, line_of, newest
from firedoor.settings import Settings
from firedoor.source import SourceSpec
from tests.fakes import KEYS, ROSTER

pytestmark = pytest.mark.identities

ON: Final = on_the_shelf()
CLEARING: Final = "that clearing a user's sessions is logged as user.session.clear with the user among its targets"
SUSPENSION: Final = "whether suspension by itself ends sessions that are open; it is taken not to"
NOW: Final = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def said(says: str = SUSPENSION, **changed: Any) -> Established:
    """A word of Ada's on a fact of Okta's, signed as it stands."""
    plain: dict[str, Any] = {
        "vendor": "okta",
        "fact": digest_of("okta", says),
        "says": says,
        "holds": True,
        "tenants": ("sandbox.okta.example",),
        "note": "two browsers stayed in",
        "by": "Ada",
        "at": NOW,
        "roster": ROSTER.hash,
    }
    made = Established(**{**plain, **changed})
    return made.signed_with(KEYS["Ada"].sign(made.document).proof)


def test_what_several_units_say_is_one_fact_and_every_unit_has_its_own() -> None:
    found = {(fact.vendor, fact.says): fact for fact in gathered(ON.known)}
    specs: list[Spec | SourceSpec] = [unit.spec for unit in ON.known.actions.values()]
    specs += [unit.spec for unit in ON.known.sources.values()]
    assert {(spec.vendor, says) for spec in specs for says in spec.unestablished} == found.keys()
    several = found["aws", "how long IAM takes to apply a policy everywhere; about 4 s were published by researchers"]
    assert several.units == ("aws.quarantine_user", "aws.revoke_role_sessions", "aws.revoke_user_sessions")
    assert len({fact.digest for fact in found.values()}) == len(found)
    assert all(fact.pages for fact in found.values())


def test_of_each_fact_and_of_no_other_it_is_said_what_to_look_at() -> None:
    named = {(vendor, says) for vendor, found in seeing().items() for says in found}
    assert named == {(fact.vendor, fact.says) for fact in gathered(ON.known)}
    assert [fact.says for fact in gathered(ON.known) if not re.search(r"It holds if|Either answer is safe", see(fact))] == []


@pytest.mark.parametrize("fact", gathered(ON.known), ids=lambda fact: f"{fact.units[0]}-{fact.digest[7:13]}")
def test_of_each_unit_it_is_said_how_it_is_seen(fact: Fact) -> None:
    for unit in fact.units:
        for command in commands(unit, ON):
            words = command.split()
            if words[1] == "contain":
                (book,) = [one for one in ON.playbooks if one.playbook == words[2]]
                assert unit in {step.action for step in book.steps}
                assert all(f"{name}=" in command for name, one in book.inputs.items() if one.required)
            elif words[1] == "sweep":
                (sweep,) = [one for one in ON.sweeps if one.sweep == words[3]]
                assert unit in sweep.treat.values()
            else:
                assert words[1:4] == ["inventory", "--system", fact.vendor]
        assert commands(unit, ON) or unit in by_hand(unit, ON)


def test_a_word_counts_while_who_signed_it_is_on_the_roster_and_not_a_letter_has_changed() -> None:
    word = said()
    assert word.counts(ROSTER)
    changed = [
        replace(word, holds=False),
        replace(word, note="none stayed in"),
        replace(word, tenants=("acme.okta.example",)),
        replace(word, at=NOW + timedelta(days=1)),
        replace(word, by="Ben"),
        replace(word, vendor="aws"),
        replace(word, fact=digest_of("okta", CLEARING)),
        replace(word, says=CLEARING, fact=digest_of("okta", CLEARING)),
        said(fact=digest_of("okta", CLEARING)),
        said(note="it holds\nby: Ben"),
    ]
    assert [one for one in changed if one.counts(ROSTER)] == []
    assert not word.counts(Roster(people=ROSTER.people[1:])), "nor once they have left"


def test_the_newest_word_is_by_the_moment_that_was_signed() -> None:
    fact = Fact(vendor="okta", says=SUSPENSION, units=(), pages=())
    words = [said(at=NOW + timedelta(hours=hours), holds=hours == 2) for hours in (0, 2, 1)]
    found = newest(words, fact, ["sandbox.okta.example", "another"])
    assert found is not None
    assert found.holds, "whoever puts an old word on record once more changes nothing"
    assert newest(words, fact, ["another"]) is None
    assert newest(words, replace(fact, says="whether it is so"), ["sandbox.okta.example"]) is None, "other words are another fact"


def test_a_note_is_one_line() -> None:
    assert line_of("  it\n held,\t\x1b[31m twice ") == "it held, [31m twice"
    assert len(line_of("x" * 5000)) == 1000


@pytest.mark.parametrize(("vendor", "says"), probes.PROBES)
def test_what_is_looked_at_is_a_fact_of_a_unit(vendor: str, says: str) -> None:
    assert (vendor, says) in {(fact.vendor, fact.says) for fact in gathered(ON.known)}


@pytest.mark.parametrize(
    ("vendor", "settings", "names"),
    [
        ("okta", {"okta_org_url": "https://acme.okta.com"}, ["acme.okta.com"]),
        ("jira", {"jira_url": "https://acme.atlassian.net"}, ["acme.atlassian.net"]),
        ("slack", {"slack_channel": "C0123456789"}, ["the workspace of channel C0123456789"]),
        ("aws", {"aws_accounts": {"111122223333": "", "444455556666": ""}, "aws_management_account": "999900001111"}, None),
        ("okta", {}, []),
        ("jira", {}, []),
        ("slack", {}, []),
    ],
)
async def test_the_tenant_is_what_the_settings_name(vendor: str, settings: dict[str, Any], names: list[str] | None) -> None:
    wanted = ["111122223333", "444455556666", "999900001111"] if names is None else names
    assert await tenants(Settings(**settings), vendor) == wanted
