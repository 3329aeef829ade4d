"""What a person can ask for, against a whole simulated company: good orders, and every kind of bad one."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import auditing, incidents, running
from firedoor.errors import BadInput
from firedoor.exercise.estate import CHANNEL
from firedoor.exercise.keys import SecurityKey
from firedoor.terminal import Signer
from firedoor.vendors.slack.people import Person
from tests.company import Company, company
from tests.e2e.prefect import free_port
from tests.gallery import Gallery, gallery

__all__ = ["gallery"]  # a fixture


@pytest.fixture
async def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setattr("firedoor.step.PACE", 0.02)
        yield found


def _given(acme: Company) -> list[str]:
    return [f"users={','.join(acme.estate.victims)}", f"access_keys={acme.estate.stolen_key}"]


def _quiet(text: str) -> None:
    del text


async def test_a_preview_shows_the_changes_and_makes_none(acme: Company) -> None:
    report = await running.preview("identity-breach", _given(acme))
    assert report["outcome"] == "previewed"
    says = [change["says"] for change in report["plan"]["changes"]]
    assert sum("suspend" in text for text in says) == 2
    assert sum("deactivate access key" in text for text in says) == 1
    assert sum("deny" in text for text in says) >= 2
    assert acme.writes() == 0
    assert not [request for request in acme.okta.requests if request.writes]
    assert not [request for request in acme.aws.requests if request.write]


async def test_a_run_is_contained_once_and_a_second_one_finds_it_so(acme: Company) -> None:
    async def contain() -> Any:
        return await running.contain("identity-breach", _given(acme), who=acme.who(), say=_quiet)

    report, _ = await asyncio.gather(contain(), acme.approve())
    assert report["outcome"] == "contained", report["open"]
    assert report["approval"]["by"] == [acme.estate.people[1]["name"]]
    assert {step["outcome"] for step in report["steps"]} == {"CHANGED", "ALREADY"}
    assert [step["action"] for step in report["steps"] if step["outcome"] == "ALREADY"] == ["okta.revoke_grants"], "one of them gave none"
    assert report["ticket"], "it was written up, on paper where there is no Jira"
    suspended = [user for user in acme.okta.world.users.values() if user.status == "SUSPENDED"]
    assert sorted(user.login for user in suspended) == sorted(acme.estate.victims)
    audit = await auditing.verify()
    assert (audit.faults, audit.unchecked) == ((), ())
    assert [run["run"] for run in await running.runs()] == [report["run"]]
    assert (await running.show(report["run"]))["outcome"] == "contained"
    [watched] = (look := await incidents.watch())["runs"]
    assert (incidents.exit_code(look), watched["stands"]) == (0, sum(not step["telling"] for step in report["steps"])), look

    again = await running.preview("session-hijack", [f"users={','.join(acme.estate.victims)}"])
    assert {change["action"] for change in again["plan"]["changes"]} == {"jira.open_ticket", "slack.notify"}, "people are told of each run"
    assert {step["outcome"] for step in again["steps"] if not step["telling"]} == {"ALREADY"}


async def test_who_asks_for_the_same_at_a_terminal_is_told_of_the_run_and_its_thread(acme: Company) -> None:
    first = asyncio.create_task(running.contain("identity-breach", _given(acme), who=acme.who(), say=_quiet))
    try:
        async with Person(acme.slack.url, acme.member(1)) as person:
            post = await person.wait_for_message(CHANNEL, lambda one: bool(one.buttons), 20)
        [run] = [one["run"] for one in await running.runs()]
        with pytest.raises(BadInput) as caught:
            await running.contain("identity-breach", _given(acme), who=acme.who(1), say=_quiet)
        assert f"run {run} does this already: waits for " in str(caught.value)
        assert f"asked for by {acme.asker}" in str(caught.value)
        assert f"/archives/{CHANNEL}/p{post.ts.replace('.', '')}" in str(caught.value)
        assert [one["run"] for one in await running.runs()] == [run]
        assert not [one for one in acme.okta.requests if one.writes]
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_what_prefect_has_missed_is_told_by_the_process_that_listens(
    acme: Company, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firedoor.orchestrating.load", lambda: None)
    gallery.takes = False
    users = [f"users={acme.estate.victims[0]}"]
    report, _ = await asyncio.gather(
        running.contain("session-hijack", users, who=acme.who(), say=_quiet, tell=lambda _: gallery.seen.append(("told",))),
        acme.approve(),
    )
    assert {("told",), ("end", "contained", "")} <= set(gallery.seen)
    gallery.takes, asked = True, len(acme.okta.requests)
    gallery.seen.clear()
    serving = asyncio.create_task(running.serve(say=_quiet))
    async with asyncio.timeout(20):
        while ("end", "contained", "late") not in gallery.seen:  # noqa: ASYNC110 - it is told in another thread
            await asyncio.sleep(0.02)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert {one[2] for one in gallery.seen if one[0] == "step"} == {step["outcome"] for step in report["steps"]}
    assert not [one for one in acme.okta.requests[asked:] if one.writes]


BAD = [
    ("identity-breech", [], "identity-breach"),
    ("identity-breach", ["usres=a@acme.example"], "users"),
    ("identity-breach", [], "missing"),
    ("identity-breach", ["users="], "empty list"),
    ("identity-breach", ["users"], "key=value"),
    ("identity-breach", ["users=../../admin"], "slash"),
    ("identity-breach", ["users=a/b@acme.example"], "SOLIDUS"),
    ("identity-breach", ["users=\u0430da@acme.example"], "CYRILLIC"),
    ("identity-breach", ["users=nobody@acme.example"], "no user"),
    ("identity-breach", ["users=" + ",".join(f"u{n}@acme.example" for n in range(10_000))], "10000"),
    ("leaked-aws-key", ["access_keys=not-a-key"], "not an AWS access key"),
    ("leaked-aws-key", ["access_keys=AKIAAAAAAAAAAAAAAAAA"], "AKIAAAAAAAAAAAAAAAAA"),
]


@pytest.mark.parametrize(("name", "given", "words"), BAD, ids=[f"{name}-{words}" for name, _, words in BAD])
async def test_bad_input_is_named_and_touches_nothing(acme: Company, name: str, given: list[str], words: str) -> None:
    with pytest.raises(BadInput) as caught:
        await running.preview(name, given)
    assert caught.value.exit_code == 2
    said = str(caught.value)
    assert words in said or words == "slash"
    assert "Nothing was changed." in said
    assert acme.writes() == 0


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("FIREDOOR_OKTA_ORG_URL", "http://okta.example.com/", "https"),
        ("FIREDOOR_OKTA_ORG_URL", "", "FIREDOOR_OKTA_ORG_URL"),
        ("FIREDOOR_SLACK_BOT_TOKEN", "xoxb-wrong", "FIREDOOR_SLACK_BOT_TOKEN"),
        ("FIREDOOR_SLACK_APP_TOKEN", "xapp-wrong", "FIREDOOR_SLACK_APP_TOKEN"),
        ("FIREDOOR_SLACK_BASE_URL", "http://127.0.0.1:9/api/", "Slack"),
        ("FIREDOOR_DATABASE_URL", "mongodb://somewhere", "FIREDOOR_DATABASE_URL"),
    ],
)
async def test_a_vendor_that_does_not_answer_or_know_us_is_named(
    acme: Company, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    toml = acme.folder / "firedoor.toml"  # with keys of approvers on the roster, a run could go on without Slack
    asker, *others = toml.read_text().split("keys = ")
    without = [other.partition("\n")[2] for other in others[1:]]
    toml.write_text("".join([asker, "keys = ", others[0], *without]))
    if value:
        monkeypatch.setenv(variable, value)
    else:
        monkeypatch.delenv(variable)
    with pytest.raises(BadInput) as caught:
        await running.contain("identity-breach", _given(acme), who=acme.who(), say=_quiet)
    assert caught.value.exit_code == 2
    assert words in str(caught.value)
    assert "wrong" not in str(caught.value).replace("the settings are wrong", "")
    assert acme.writes() == 0


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("FIREDOOR_OKTA_API_TOKEN", "00wrong", "FIREDOOR_OKTA_API_TOKEN"),
        ("FIREDOOR_OKTA_ORG_URL", "http://127.0.0.1:9/", "Okta"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "AWS"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/", "AWS"),
    ],
)
async def test_a_vendor_taken_from_us_is_named_and_does_not_keep_the_others_open(
    acme: Company, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    lost = "okta" if "OKTA" in variable else "aws"
    for name in (variable, variable.replace("OKTA_API", "OKTA_PREVIEW_API")):
        monkeypatch.setenv(name, value)
    report = await running.preview("identity-breach", _given(acme))
    reached = {one["action"].partition(".")[0] for one in report["steps"] if not one["telling"] and one["outcome"] == "PREVIEWED"}
    assert reached == {"okta", "aws"} - {lost}
    named = [one["reason"] for one in report["open"] if one["id"].endswith("/?") and words in one["reason"]]
    assert named
    assert not any("wrong" in reason for reason in named)
    assert acme.writes() == 0
    if lost == "okta":
        with pytest.raises(BadInput, match="Okta"):
            await running.contain("session-hijack", _given(acme)[:1], who=acme.who(), say=_quiet)


async def test_firedoors_own_user_and_a_responder_are_refused_and_the_others_are_not(acme: Company) -> None:
    victim, responder = acme.estate.victims[0], acme.estate.people[1]["accounts"][0].rpartition(":")[2]
    report = await running.preview("session-hijack", [f"users={victim},{responder},firedoor@acme.example"])
    suspended = {one["target"]: one for one in report["steps"] if one["action"] == "okta.suspend_user"}
    assert {name: one["outcome"] for name, one in suspended.items()} == {
        victim: "PREVIEWED",
        responder: "REFUSED",
        "firedoor@acme.example": "REFUSED",
    }
    assert "on Firedoor's roster" in suspended[responder]["reason"]
    assert "Firedoor's own Okta token" in suspended["firedoor@acme.example"]["reason"]
    others = [one for one in report["steps"] if one["target"] == victim]
    assert {one["outcome"] for one in others} == {"PREVIEWED"}


async def test_more_users_than_the_limit_are_refused_and_the_key_goes_on(acme: Company) -> None:
    users = [str(user["login"]) for user in acme.estate.okta["users"] if user["login"] != "firedoor@acme.example"][5:56]
    given = [f"users={','.join(users)}", f"access_keys={acme.estate.stolen_key}"]
    report = await running.preview("identity-breach", given)
    ends = {(one["action"].partition(".")[0], one["outcome"]) for one in report["steps"] if not one["telling"]}
    assert ("okta", "PREVIEWED") not in ends
    assert {("okta", "REFUSED"), ("aws", "PREVIEWED")} <= ends
    assert any("would touch 51 targets; the limit is 50" in one["reason"] for one in report["open"])


async def test_what_would_shut_ourselves_out_is_not_blocked_and_the_rest_is(acme: Company) -> None:
    given = "addresses=10.0.0.0/8,0.0.0.0/0,203.0.113.66/32"
    report = await running.preview("block-addresses", [given])
    ends = [(one["outcome"], one["target"], one["reason"]) for one in report["steps"] if one["action"] == "okta.block_addresses"]
    assert [end for end, _, _ in ends] == ["PREVIEWED", "REFUSED"]
    assert "203.0.113.66/32" in ends[0][2]
    assert "10.0.0.0/8 is " in ends[1][2]
    assert "0.0.0.0/0 " in ends[1][2]
    assert acme.writes() == 0


async def test_an_empty_roster_and_a_stranger_are_refused(acme: Company) -> None:
    stranger = SecurityKey()
    with pytest.raises(BadInput, match="that key is nobody's on the roster"):
        await running.contain("identity-breach", _given(acme), who=lambda: Signer(public=stranger.public, sign=stranger.sign), say=_quiet)
    (acme.folder / "firedoor.toml").write_text('slack_channel = "C0INCIDENT"\n')
    with pytest.raises(BadInput, match="roster is empty"):
        await running.contain("identity-breach", _given(acme), who=acme.who(), say=_quiet)
    assert acme.writes() == 0


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_off_by_an_hour_is_noticed(acme: Company, hours: int) -> None:
    acme.okta.world.clock = lambda: datetime.now(UTC) + timedelta(hours=hours)
    with pytest.raises(BadInput, match="clock"):
        await running.preview("session-hijack", [f"users={acme.estate.victims[0]}"])


async def test_aws_clock_off_by_an_hour_is_noticed(acme: Company) -> None:
    acme.aws.clock.shift(timedelta(hours=1))
    with pytest.raises(BadInput, match="clock"):
        await running.preview("leaked-aws-key", [f"access_keys={acme.estate.stolen_key}"])


async def test_a_playbook_is_started_from_slack_where_firedoor_listens(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    address, listening = f"127.0.0.1:{free_port()}", asyncio.Event()
    monkeypatch.setenv("FIREDOOR_METRICS_LISTEN", address)
    serving = asyncio.create_task(running.serve(say=lambda _: listening.set()))
    await asyncio.wait({serving, asyncio.create_task(listening.wait())}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    try:
        async with Person(acme.slack.url, acme.member(0)) as person:
            await person.command(CHANNEL, f"/firedoor contain identity-breach {' '.join(_given(acme))}")
            answer = await person.wait_for_message(CHANNEL, lambda post: post.ephemeral, 20)
            assert "of identity-breach is planned; the request stands in the channel" in answer.text
        async with asyncio.timeout(20):
            while not (counted := await asyncio.to_thread(_metrics, address))["firedoor_requests_pending"]:  # noqa: ASYNC110 - it is told over HTTP
                await asyncio.sleep(0.05)
    finally:
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, "it would end the tests"
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
    told = ("requests_pending", "slack_connected", "runs_open")
    assert [counted[f"firedoor_{name}"] for name in told] == [1, 1, 1]
    calls = {("okta", "getUser"), ("aws", "sts:GetCallerIdentity"), ("aws", "iam:GetUser"), ("slack", "bots.info")}
    missing = [one for one in calls if not counted[f'firedoor_vendor_calls_total{{operation="{one[1]}",status="200",vendor="{one[0]}"}}']]
    assert not missing
    assert not [request for request in acme.okta.requests if request.writes]
    assert not [request for request in acme.aws.requests if request.write]


def _metrics(address: str) -> Counter[str]:
    """What Prometheus is answered, by name and labels."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return Counter({name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if not name.startswith("#")})


async def test_a_vendor_that_is_lost_is_noticed_when_firedoor_begins_to_listen(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREDOOR_OKTA_API_TOKEN", "00wrong")
    with pytest.raises(BadInput, match="Okta"):
        await running.serve(say=_quiet)
    assert acme.writes() == 0


async def test_looks_at_unknown_runs_say_so(acme: Company) -> None:
    for look in (running.show, lambda run: running.resume(run, who=acme.who(), say=_quiet)):
        with pytest.raises(BadInput, match="there is no run"):
            await look("261123-nothing")
    assert acme.writes() == 0
