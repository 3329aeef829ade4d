"""People at terminals, with real SSH keys and the real command: deciding without Slack, alone, and in the first minute."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from firedoor import running, signing, terminal
from firedoor.approval import Answer
from firedoor.cli import app
from firedoor.errors import BadInput, DecisionRefused
from firedoor.journal import Journal, Kind
from firedoor.settings import load
from firedoor.store import Store
from firedoor.terminal import Signer
from firedoor.vendors.slack.people import Person
from tests.company import Company, company

NOWHERE = "http://127.0.0.1:9/api/"
SECONDS = 30


@dataclass(slots=True)
class Night:
    """A company at night: people with keys in files, and runs under way."""

    acme: Company
    keys: Mapping[str, Path]
    said: list[str] = field(default_factory=list)
    runs: list[asyncio.Task[Any]] = field(default_factory=list)

    def name(self, number: int) -> str:
        return str(self.acme.estate.people[number]["name"])

    def key(self, number: int) -> Path:
        return self.keys[self.name(number)]

    def signer(self, number: int) -> Signer:
        return Signer.with_key(self.key(number))

    @property
    def ordinary(self) -> str:
        """Somebody of whom a session was stolen, and who administers nothing."""
        return self.acme.estate.victims[0]

    async def begin(self, job: Any) -> str:
        """Begin a run, and wait until its request stands."""
        task = asyncio.ensure_future(job)
        self.runs.append(task)
        async with asyncio.timeout(SECONDS), Store(load().journal_url) as store:
            journal = Journal(store)
            while True:
                for name in await journal.runs():
                    kinds = [event.kind for event in await journal.events(name)]
                    if Kind.REQUESTED in kinds and Kind.CLOSED not in kinds:
                        return name
                if task.done():
                    await task
                await asyncio.sleep(0.02)

    def contain(self, *users: str, **more: Any) -> Any:
        return running.contain("session-hijack", [f"users={','.join(users)}"], requester=self.name(0), say=self.said.append, **more)

    @property
    def roster(self) -> str:
        return str([*self.acme.estate.people, self.ordinary])

    def suspended(self) -> set[str]:
        return {user.login for user in self.acme.okta.world.users.values() if user.status == "SUSPENDED"}


def command(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "firedoor", *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def invoked(*words: str) -> BaseException | None:
    """What the command says no with, in this process."""
    return CliRunner().invoke(app, words).exception


def ssh_keygen(*words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True)


def make_key(path: Path) -> None:
    ssh_keygen("-t", "ed25519", "-N", "", "-f", str(path))


@pytest.fixture
async def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Night]:
    async with company(tmp_path) as acme:
        toml, keys = (tmp_path / "firedoor.toml"), {}
        text = toml.read_text()
        for number, person in enumerate(acme.estate.people):
            path = tmp_path / f"id{number}"
            make_key(path)
            listed = list(person["keys"])
            text = text.replace(f"keys = {listed}", f"keys = {[*listed, signing.public_half(path)]}")
            keys[str(person["name"])] = path
        toml.write_text(text)
        for name, value in acme.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        found = Night(acme=acme, keys=keys)
        yield found
        for task in found.runs:
            task.cancel()
        await asyncio.gather(*found.runs, return_exceptions=True)


async def test_without_slack_people_decide_with_their_keys(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREDOOR_SLACK_BASE_URL", NOWHERE)
    run = await night.begin(night.contain(night.ordinary))
    assert any("Going on without Slack" in line for line in night.said)
    async with asyncio.timeout(SECONDS):
        while not any(f"firedoor approve|deny|stop {run} --key FILE" in line for line in night.said):  # noqa: ASYNC110 - said, not signalled
            await asyncio.sleep(0.02)
    mine = await asyncio.to_thread(command, "approve", run, "--key", str(night.key(0)), "--yes")
    assert (mine.returncode, mine.stdout) == (1, "")
    assert "you asked for this run yourself" in mine.stderr
    theirs = await asyncio.to_thread(command, "approve", run, "--key", str(night.key(1)), "--yes", "--reason", "seen the alert", "--json")
    assert theirs.returncode == 0, theirs.stderr
    assert json.loads(theirs.stdout) == {"run": run, "decision": "approve", "by": night.name(1), "recorded": True}
    assert f"suspend {night.ordinary} in Okta" in theirs.stderr, "they were shown what they sign"
    report = await night.runs[0]
    assert night.suspended() == {night.ordinary}
    assert report["approval"]["by"] == [night.name(1)]
    again = await asyncio.to_thread(command, "approve", run, "--key", str(night.key(2)), "--yes")
    assert again.returncode == 1
    assert "waits for no decision" in again.stderr


async def test_a_denial_and_a_stop_are_signed_too(night: Night) -> None:
    run = await night.begin(night.contain(night.ordinary))
    await terminal.decide(run, Answer.DENY, night.signer(1), reason="a test of ours", confirm=lambda _: True)
    assert (await night.runs[0])["outcome"] == "denied"
    stopped = await night.begin(night.contain(night.ordinary))
    await terminal.decide(stopped, Answer.STOP, night.signer(2), confirm=lambda document: f"run: {stopped}" in document)
    assert (await night.runs[1])["outcome"] == "stopped"
    assert night.suspended() == set()
    with pytest.raises(BadInput, match="is over"):
        await terminal.decide(stopped, Answer.STOP, night.signer(2), confirm=lambda _: True)


async def test_what_is_signed_on_another_machine_counts(night: Night, tmp_path: Path) -> None:
    run = await night.begin(night.contain(night.ordinary))
    printed = await asyncio.to_thread(command, "approve", run, "--print", "--as", night.name(1))
    paper = tmp_path / "paper"
    paper.write_text(printed.stdout)
    ssh_keygen("-Y", "sign", "-n", "firedoor", "-f", str(night.key(1)), str(paper))
    wrong = await asyncio.to_thread(command, "deny", run, "--document", str(paper), "--signature", f"{paper}.sig")
    assert wrong.returncode == 2
    assert f"that document is to approve run {run}" in wrong.stderr
    half = await asyncio.to_thread(command, "approve", run, "--document", str(paper))
    assert half.returncode == 2
    taken = await asyncio.to_thread(command, "approve", run, "--document", str(paper), "--signature", f"{paper}.sig")
    assert taken.returncode == 0, taken.stderr
    assert (await night.runs[0])["outcome"] in ("contained", "partial")
    assert night.suspended() == {night.ordinary}


async def test_who_may_not_or_will_not_signs_nothing(night: Night, tmp_path: Path) -> None:
    run = await night.begin(night.contain(night.ordinary))
    make_key(tmp_path / "stranger")
    with pytest.raises(BadInput, match="nobody's on the roster"):
        await terminal.decide(run, Answer.APPROVE, Signer.with_key(tmp_path / "stranger"), confirm=lambda _: True)
    with pytest.raises(BadInput, match="you said no"):
        await terminal.decide(run, Answer.APPROVE, night.signer(1), confirm=lambda _: False)
    forged = Signer(public=night.signer(1).public, sign=night.signer(2).sign)
    with pytest.raises(DecisionRefused, match="not one by a key of yours"):
        await terminal.decide(run, Answer.APPROVE, forged, confirm=lambda _: True)
    for words, said in (
        (("approve", "r404", "--key", str(night.key(1)), "--yes"), "there is no run 'r404'"),
        (("approve", run, "--key", str(tmp_path / "none"), "--yes"), "there is no such key file"),
        (("approve", run), "no key is named"),
        (("approve", run, "--key", str(night.key(1))), "no terminal to ask you in"),
        (("approve", run, "--print"), "who is to sign"),
        (("approve", run, "--print", "--as", "Nobody"), "'Nobody' is not on the roster"),
    ):
        told = await asyncio.to_thread(invoked, *words)
        assert isinstance(told, BadInput)
        assert said in str(told)
    async with Store(load().journal_url) as store:
        assert Kind.DECIDED not in [event.kind for event in await Journal(store).events(run)]


async def test_words_beside_another_plan_are_not_signed(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await night.begin(night.contain(night.ordinary))
    monkeypatch.setattr("firedoor.planning.lines", lambda _: ("something else",))
    with pytest.raises(DecisionRefused, match="Sign nothing"):
        await terminal.decide(run, Answer.APPROVE, night.signer(1), confirm=lambda _: True)


async def test_the_first_minute(night: Night) -> None:
    """Two sign by daylight; at night one freezes, and everybody is told."""
    with pytest.raises(BadInput, match="no standing approval is in force: there is none"):
        await running.freeze([night.ordinary], [], signer=night.signer(0), say=night.said.append)
    one = await terminal.sign_standing(night.signer(1), days=30, confirm=lambda document: "at most 3 targets" in document)
    assert one["lacks"] == "it has 1 valid signature(s) of approvers, and needs 2"
    two = await terminal.sign_standing(night.signer(2), days=30, confirm=lambda _: True)
    assert (two["in_force"], two["signed"]) == (True, sorted([night.name(1), night.name(2)]))
    assert (await terminal.standing_report())["in_force"]

    report = await running.freeze([night.ordinary], [], signer=night.signer(0), say=night.said.append)
    assert report["outcome"] == "contained", report["open"]
    assert report["approval"]["by"] == [night.name(0)]
    assert night.suspended() == {night.ordinary}
    for number in range(len(night.acme.estate.people)):
        async with Person(night.acme.slack.url, night.acme.member(number)) as person:
            direct = [channel for channel in await person.channels() if channel.startswith("D")]
            [warning] = await person.messages(direct[0])
            assert "uses the standing approval to freeze accounts" in warning.shown
            assert night.ordinary in warning.shown
    others = [str(user.login) for user in night.acme.okta.world.users.values() if user.login not in night.roster][:4]
    many = await running.freeze(others, [], signer=night.signer(0), say=night.said.append)
    assert {step["outcome"] for step in many["steps"] if not step["telling"]} == {"REFUSED"}
    assert night.suspended() == {night.ordinary}


async def test_breaking_the_glass(night: Night) -> None:
    report = await night.contain(night.ordinary, alone=night.signer(0))
    assert report["outcome"] == "contained", report["open"]
    assert report["approval"]["by"] == [night.name(0)]
    assert night.suspended() == {night.ordinary}
    async with Person(night.acme.slack.url, night.acme.member(3)) as person:
        [direct] = [channel for channel in await person.channels() if channel.startswith("D")]
        assert "breaks the glass" in (await person.messages(direct))[0].shown


async def test_the_protected_are_touched_where_two_sign_with_hardware(night: Night) -> None:
    """Their own account: a responder's. Whoever is in the plan has no say."""
    victim = str(night.acme.estate.people[3]["accounts"][0]).removeprefix("okta:user:")
    spared = await running.preview("session-hijack", [f"users={victim}"], requester="x")
    assert {step["outcome"] for step in spared["steps"] if not step["telling"]} == {"REFUSED"}
    run = await night.begin(night.contain(victim, protected=True))
    with pytest.raises(DecisionRefused, match="a hardware key of yours, touched"):
        await terminal.decide(run, Answer.APPROVE, night.signer(1), confirm=lambda _: True)
    for number in (3, 1, 2):
        key = night.acme.estate.keys[night.acme.member(number)]
        deciding = terminal.decide(run, Answer.APPROVE, Signer(public=key.public, sign=key.sign), confirm=lambda _: True)
        if number == 3:
            with pytest.raises(DecisionRefused, match="an account of yours is in this plan"):
                await deciding
        else:
            await deciding
    report = await night.runs[0]
    assert report["approval"]["by"] == [night.name(1), night.name(2)]
    assert night.suspended() == {victim}
