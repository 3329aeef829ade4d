"""People at terminals, with real SSH keys and the real command: deciding without Slack, alone, and in the first minute."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from firedoor import auditing, running, signing, terminal
from firedoor.approval import Answer
from firedoor.cli import app
from firedoor.cli_signing import By
from firedoor.errors import BadInput, BrokenOff, DecisionRefused
from firedoor.exercise.estate import CHANNEL
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Journal, Kind
from firedoor.settings import load
from firedoor.store import Store
from firedoor.terminal import Signer
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.people import Person
from tests.company import Company, company

NOWHERE = "http://127.0.0.1:9/api/"
SECONDS = 30


@dataclass(slots=True)
class Night:
    """A company at night: people with keys in files, and runs under way."""

    acme: Company
    said: list[str] = field(default_factory=list)
    runs: list[asyncio.Task[Any]] = field(default_factory=list)
    silent: list[socket.socket] = field(default_factory=list)

    def name(self, number: int) -> str:
        return str(self.acme.estate.people[number]["name"])

    def key(self, number: int) -> Path:
        return self.acme.key(number)

    def signer(self, number: int) -> Signer:
        return Signer.with_key(self.key(number))

    def stranger(self) -> Signer:
        key = SecurityKey()
        return Signer(public=key.public, sign=key.sign)

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
        return running.contain("session-hijack", [f"users={','.join(users)}"], who=self.acme.who(0), say=self.said.append, **more)

    async def let_back_in(self, run: str) -> None:
        """Two of them sign an undo, with the keys that they touch."""
        for number in (1, 2):
            with suppress(DecisionRefused):  # one was enough
                await terminal.decide(run, Answer.APPROVE, self.acme.who(number)(), confirm=lambda _: True)

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
        for name, value in acme.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        found = Night(acme=acme)
        yield found
        for task in found.runs:
            task.cancel()
        await asyncio.gather(*found.runs, return_exceptions=True)
        for one in found.silent:
            one.close()


def away(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    del night
    monkeypatch.setenv("FIREDOOR_SLACK_BASE_URL", NOWHERE)


def never_set_up(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = night.acme.folder / "firedoor.toml"
    toml.write_text(toml.read_text().replace(f'slack_channel = "{CHANNEL}"\n', ""))
    for name in [name for name in night.acme.environment if "_SLACK_" in name]:
        monkeypatch.delenv(name)


def mute(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections, and never says a word."""
    night.silent.append(socket.create_server(("127.0.0.1", 0)))
    monkeypatch.setenv("FIREDOOR_SLACK_BASE_URL", f"http://127.0.0.1:{night.silent[0].getsockname()[1]}/api/")
    monkeypatch.setattr("firedoor.staffed.PERSON_SECONDS", 0.3)
    monkeypatch.setitem(cast("dict[str, Any]", SlackClient.__init__.__kwdefaults__), "timeout", 0.3)
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)


async def test_a_slack_that_is_mute_is_not_waited_for(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    mute(night, monkeypatch)
    run = await night.begin(night.contain(night.ordinary))
    await terminal.decide(run, Answer.APPROVE, night.signer(1), confirm=lambda _: True)
    await night.runs[0]
    assert night.suspended() == {night.ordinary}
    assert any("Slack did not let us in within" in line and "Going on without Slack" in line for line in night.said)


async def test_without_slack_people_decide_with_their_keys(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    away(night, monkeypatch)
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


async def test_a_night_goes_by_without_slack_from_the_order_to_the_way_back(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each order and each decision is a signature: contain, stop, resume, undo. The audit finds them all sound."""
    never_set_up(night, monkeypatch)
    run = await night.begin(night.contain(night.ordinary))
    assert night.said[0].startswith(f"{night.name(0)} signs run {run}: contain session-hijack (users: {night.ordinary}; ")
    for number, answer in ((2, Answer.STOP), (1, Answer.APPROVE)):
        with suppress(DecisionRefused):  # it was stopped
            await terminal.decide(run, answer, night.signer(number), confirm=lambda _: True)
    assert (await night.runs[0])["outcome"] == "stopped"
    again = await night.begin(night.contain(night.ordinary))
    await terminal.decide(again, Answer.APPROVE, night.signer(1), confirm=lambda _: True)
    assert (await night.runs[1])["outcome"] == "partial", "nobody could be told in Slack"
    assert night.suspended() == {night.ordinary}
    with pytest.raises(BadInput, match="nobody's on the roster"):
        await running.resume(again, who=night.stranger, say=night.said.append)
    resumed = await running.resume(again, who=night.acme.who(1), say=night.said.append)
    assert resumed["outcome"] == "partial"
    back = await night.begin(running.undo(again, who=lambda: night.signer(0), say=night.said.append))
    await night.let_back_in(back)
    await night.runs[2]
    assert night.suspended() == set()
    async with Store(load().journal_url) as store:
        events = {name: await Journal(store).events(name) for name in (run, again, back)}
    assert {one[0].body["via"] for one in events.values()} == {"terminal"}
    assert [event.body["by"] for event in events[again] if event.kind == Kind.RESUMED] == [night.name(1)]
    found = await auditing.verify()
    assert (found.faults, found.unchecked) == ((), ())


async def test_without_slack_and_without_anybody_elses_key_nothing_is_begun(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    away(night, monkeypatch)
    toml = night.acme.folder / "firedoor.toml"
    asker, first, *others = toml.read_text().split("keys = ")
    toml.write_text("".join([asker, "keys = ", first, *(other.partition("\n")[2] for other in others)]))
    with pytest.raises(BadInput, match="nobody on the roster who may decide on this has an SSH key"):
        await night.contain(night.ordinary)
    async with Store(load().journal_url) as store:
        assert await Journal(store).runs() == []


async def test_who_breaks_off_while_they_sign_has_begun_nothing(night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl-C at the prompt reaches ssh-keygen too."""
    (tmp_path / "ssh-keygen").write_text("#!/bin/sh\nkill -INT $$\n")
    (tmp_path / "ssh-keygen").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    asked = len(night.acme.okta.requests) + len(night.acme.slack.requests)
    with pytest.raises(BrokenOff, match="nothing was signed: you broke it off"):
        await running.contain("session-hijack", [f"users={night.ordinary}"], who=lambda: night.signer(0), say=night.said.append)
    assert len(night.acme.okta.requests) + len(night.acme.slack.requests) == asked
    async with Store(load().journal_url) as store:
        assert await Journal(store).runs() == []


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


async def on_paper(night: Night, folder: Path, *words: str, number: int = 0) -> By:
    """What the command prints for one of them, signed by OpenSSH where their key is."""
    told = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--print", "--as", night.name(number)])
    assert told.exit_code == 0, told.output
    paper = folder / f"{words[0]} {words[1]} {number}"
    paper.write_text(told.stdout)
    ssh_keygen("-Y", "sign", "-n", "firedoor", "-f", str(night.key(number)), str(paper))
    return By(document=paper, signature=paper.with_name(f"{paper.name}.sig"))


async def test_orders_are_signed_on_another_machine_too(night: Night, tmp_path: Path) -> None:
    """Alone, and back: each order and each decision printed here, signed there, handed in once."""
    given = [f"users={night.ordinary}"]
    order = await on_paper(night, tmp_path, "contain", "session-hijack", "-i", *given, "--break-glass")
    async with Store(load().journal_url) as store:
        assert await Journal(store).runs() == []
    with pytest.raises(BadInput, match="the document says 'way: break-glass', and by what was typed it is 'way: ordinary'"):
        await running.contain("session-hijack", given, who=order.signer, say=night.said.append)
    run = await night.begin(running.contain("session-hijack", given, who=order.signer, say=night.said.append, alone=True))
    assert f"run: {run}\n" in order.papers()[0]
    assert f"Once the changes are known, sign them too: firedoor approve {run} --as '{night.name(0)}' --print" in night.said
    await terminal.take_in(run, Answer.APPROVE, *(await on_paper(night, tmp_path, "approve", run)).papers())
    assert (await night.runs[0])["approval"]["by"] == [night.name(0)]
    assert night.suspended() == {night.ordinary}
    with pytest.raises(BadInput, match=f"run {run} was begun with that order already"):
        await running.contain("session-hijack", given, who=order.signer, say=night.said.append, alone=True)

    undoing = await on_paper(night, tmp_path, "undo", run)
    back = await night.begin(running.undo(run, who=undoing.signer, say=night.said.append))
    await night.let_back_in(back)
    await night.runs[1]
    assert night.suspended() == set()
    found = await auditing.verify()
    assert (found.faults, found.unchecked) == ((), ())


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


async def test_the_first_minute(night: Night, tmp_path: Path) -> None:
    """Two sign by daylight; at night one freezes, and everybody is told."""
    with pytest.raises(BadInput, match="no standing approval is in force: there is none"):
        await running.freeze([night.ordinary], [], who=lambda: night.signer(0), say=night.said.append)
    one = await terminal.sign_standing(night.signer(1), days=30, confirm=lambda document: "at most 3 targets" in document)
    assert one["lacks"] == "it has 1 valid signature(s) of approvers, and needs 2"
    paper = await on_paper(night, tmp_path, "standing", "sign", number=2)
    two = await terminal.sign_standing(paper.signer(), days=90, confirm=lambda _: True)
    assert (two["in_force"], two["signed"]) == (True, sorted([night.name(1), night.name(2)]))
    assert (await terminal.standing_report())["in_force"]

    report = await running.freeze([night.ordinary], [], who=lambda: night.signer(0), say=night.said.append)
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
    many = await running.freeze(others, [], who=lambda: night.signer(0), say=night.said.append)
    assert {step["outcome"] for step in many["steps"] if not step["telling"]} == {"REFUSED"}
    assert night.suspended() == {night.ordinary}
    paper = await on_paper(night, tmp_path, "standing", "sign")
    with pytest.raises(BadInput, match="the document says 'expires: "):
        await terminal.sign_standing(paper.signer(), days=30, confirm=lambda _: True)
    new = await terminal.sign_standing(paper.signer(), days=90, confirm=lambda _: True)
    assert (new["in_force"], new["signed"], new["document"]) == (False, [night.name(0)], paper.papers()[0])
    with pytest.raises(BadInput, match="you have signed that very document already"):
        await terminal.sign_standing(paper.signer(), days=90, confirm=lambda _: True)


async def test_who_does_not_sign_what_they_would_do_alone_may_try_again(night: Night) -> None:
    own, seen = night.signer(0), list[str]()

    def sign(document: str) -> signing.Signature:
        seen.append(document)
        if len(seen) == 2:
            raise BadInput("nothing was signed: ssh-keygen gave up")
        return own.sign(document)

    users = [f"users={night.ordinary}"]
    hasty = Signer(public=own.public, sign=sign)
    with pytest.raises(BadInput, match="ssh-keygen gave up"):
        await running.contain("session-hijack", users, who=lambda: hasty, say=night.said.append, alone=True)
    assert night.suspended() == set()
    [line] = [one for one in await running.runs() if one["outcome"] != "contained"]
    assert line["outcome"] == "stopped"
    report = await night.contain(night.ordinary, alone=True)
    assert report["outcome"] == "contained", report["open"]


async def test_breaking_the_glass(night: Night) -> None:
    report = await night.contain(night.ordinary, alone=True)
    assert report["outcome"] == "contained", report["open"]
    assert report["approval"]["by"] == [night.name(0)]
    assert night.suspended() == {night.ordinary}
    async with Person(night.acme.slack.url, night.acme.member(3)) as person:
        [direct] = [channel for channel in await person.channels() if channel.startswith("D")]
        assert "breaks the glass" in (await person.messages(direct))[0].shown


async def test_the_protected_are_touched_where_two_sign_with_hardware(night: Night) -> None:
    """Their own account: a responder's. Whoever is in the plan has no say."""
    victim = str(night.acme.estate.people[3]["accounts"][0]).removeprefix("okta:user:")
    spared = await running.preview("session-hijack", [f"users={victim}"])
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
