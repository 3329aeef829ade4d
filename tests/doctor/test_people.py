"""The roster, the clocks, and who we are at each vendor."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Person, Roster
from firedoor.cli_permissions import on_the_shelf
from firedoor.doctor import accounts, clocks, look, roster
from firedoor.doctor.checkup import Check, State, examine
from firedoor.doctor.identities import identities
from firedoor.exercise.holdings import ACCOUNTS
from firedoor.settings import ProtectedTable, Settings, load
from firedoor.vendors.access import Access
from firedoor.vendors.aws.operations import permissions
from firedoor.vendors.faults import Fault
from tests.company import Company
from tests.doctor.asking import say

pytestmark = pytest.mark.identities

HARD = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t{}"
SOFT = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA{}"


def person(name: str, key: str = HARD, **given: Any) -> Person:
    keys = (key.format(name),) if key else ()
    return Person(name=name, slack=f"U0{name}", names=(), keys=keys, **{"may_request": True, "may_approve": True, **given})


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ((), ["failure: [[people]]: nobody is on the roster"]),
        ((person("A"), person("B"), person("C")), []),
        ((person("A", may_request=False), person("B", may_request=False), person("C", may_approve=False)), []),
        ((person("A"), person("B")), ["failure: decisions of two, by chat: of 2", "failure: decisions of two, by signatures: of 2"]),
        ((person("A"), person("B"), person("C", SOFT)), ["warning: C: no hardware key", "failure: decisions of two, by signatures: of 2"]),
        (
            (person("A"), person("B"), person("C"), person("D", "")),
            ["failure: D: no signing key"],
        ),
        (tuple(replace(person(name), slack="") for name in "ABC"), []),
        (
            (person("A"), person("B"), replace(person("C"), slack="")),
            ["failure: decisions of two, by chat: of 2"],
        ),
        (
            tuple(person(name, may_request=False) for name in "ABC"),
            ["failure: decisions of two, by chat: nobody may request", "failure: decisions of two, by signatures: nobody may request"],
        ),
    ],
)
async def test_the_people_themselves(people: tuple[Person, ...], said: list[str]) -> None:
    words = await say(Check(area=roster.AREA, at="[[people]]", look=lambda: roster._themselves(Roster(people=people))))
    wrong = [one for one in words if one.startswith(("failure", "warning"))]
    assert len(wrong) == len(said)
    assert all(one.startswith(wanted) for one, wanted in zip(wrong, said, strict=True)), wrong


@pytest.mark.usefixtures("acme")
async def test_people_in_slack() -> None:
    people = list(load().people)
    people[0] = people[0].model_copy(update={"slack": "U0NOBODY"})
    people[1] = people[1].model_copy(update={"slack": "U0FIREDOOR"})
    settings = load().model_copy(update={"people": tuple(people)})
    words = await say(roster.checks(settings)[1])
    assert ["no member of that id" in words[0], "that is a bot" in words[1]] == [True, True]
    (unset,) = await say(roster.checks(settings.model_copy(update={"slack_bot_token": None}))[1])
    assert unset.startswith("not checked: [[people]] in Slack")


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, State.OK), (-14, State.OK), (16, State.WARNING), (-119, State.WARNING), (121, State.FAILURE), (-900, State.FAILURE)],
)
def test_clocks(seconds: int, state: State) -> None:
    assert clocks.compared("Okta", timedelta(seconds=seconds)).state is state


async def test_the_clock_of_each_vendor_is_compared(acme: Company) -> None:
    acme.aws.clock.shift(timedelta(minutes=-4))
    acme.jira.world.clock = lambda: datetime.now(UTC) + timedelta(minutes=4, seconds=5)
    found = await examine(look.checks(load(), on_the_shelf()))
    off = {one.at: one.state for one in found if one.area == "clock"}
    assert off == {
        "this machine and Okta": State.OK,
        "this machine and AWS": State.FAILURE,
        "this machine and Slack": State.OK,
        "this machine and Jira": State.FAILURE,
    }


async def test_what_is_not_set_up_is_said_and_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "PREFECT_", "FIREDOOR_"))]:
        monkeypatch.delenv(name)
    found = await examine(look.checks(Settings(state_dir=tmp_path), on_the_shelf()))
    states = {one.area: one.state for one in found if one.area != "journal"}
    nothing = dict.fromkeys(("okta", "aws", "slack", "jira"), State.NOT_CHECKED)
    assert states == {**nothing, "roster": State.FAILURE}
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    assert [one.area for one in look.checks(Settings(state_dir=tmp_path), on_the_shelf())][-1] == "prefect"


def test_each_identity_goes_by_its_own_credential_and_needs_what_its_work_declares() -> None:
    from pydantic import SecretStr  # noqa: PLC0415

    known = on_the_shelf()
    tokens = {name: SecretStr(name) for name in ("okta_api_token", "okta_preview_api_token", "okta_sweep_api_token")}
    contains, previews, sweeps = identities("okta", Settings(**tokens), known)
    for one in (contains, previews, sweeps):
        used = one.settings.okta_preview_api_token or one.settings.okta_api_token
        assert used == SecretStr(one.setting)
    assert "okta.users.manage" in contains.writes
    assert previews.writes == frozenset()
    assert previews.never == contains.writes | sweeps.writes
    assert "okta.apiTokens.manage" in sweeps.writes
    assert "okta.networkZones.manage" in contains.writes - sweeps.writes, "a sweep blocks no address"
    (alone,) = identities("okta", Settings(okta_api_token=SecretStr("x")), known)
    assert alone.reads >= contains.reads | sweeps.reads, "who does it all needs it all"


def test_the_units_of_aws_declare_no_more_than_the_client_may_call() -> None:
    for identity in identities("aws", Settings(aws_accounts={ACCOUNTS[0]: ""}), on_the_shelf()):
        assert identity.needs <= {*permissions(Access.WRITE)}


async def test_accounts_that_are_nobodys_protect_nobody(acme: Company) -> None:
    people = list(load().people)
    people[0] = people[0].model_copy(update={"accounts": ("okta:user:nobody@acme.example", "aws:user:111122223333/ada")})
    people[1] = people[1].model_copy(update={"accounts": ()})
    short = people[2].accounts[0].partition("@")[0]
    people[2] = people[2].model_copy(update={"accounts": (short,)})
    protected = (ProtectedTable(name="okta:user:breakglass@acme.example", why="the last way in"),)
    settings = load().model_copy(update={"people": tuple(people), "protected": protected})
    unnamed, gone, *others, unprotected = await say(accounts.check(settings))
    assert unnamed.startswith(f"warning: {people[1].name}: no account of theirs is named")
    assert gone.startswith(
        f"failure: {people[0].name}: okta:user:nobody@acme.example: Okta knows no such user, so it protects nobody. Correct it"
    )
    assert [short in one and one.startswith("failure") for one in others] == [True]
    assert unprotected.startswith("failure: [[protected]]: okta:user:breakglass@acme.example: Okta knows no such user")
    acme.okta.faults.plan(Fault(operation="getUser", status=403, body='{"errorCode": "E0000006"}'), times=9)
    (untold,) = await say(accounts.check(settings.model_copy(update={"people": (load().people[0],), "protected": ()})))
    assert untold.startswith("not checked: ")


async def test_what_several_identities_find_is_said_once(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    found = await look.diagnose(load(), on_the_shelf())
    assert acme.writes() == 0
    assert [one.at for one in found if one.area == "aws" and one.state is State.FAILURE] == ["the base credentials"]
