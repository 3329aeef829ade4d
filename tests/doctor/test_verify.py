"""`firedoor doctor --verify` at a simulated company, which is the sandbox: what it lists, the walk, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from firedoor import auditing, cli, running, signing
from firedoor.canonical import canonical
from firedoor.doctor import facts, facts_told, probes, verifying
from firedoor.doctor.checkup import examine
from firedoor.doctor.verifying import Ground, Standing, Verification
from firedoor.doctor.walking import Reply, walk
from firedoor.errors import BadInput
from firedoor.facts import stream_of
from firedoor.journal import Journal, Kind
from firedoor.measured import Measured
from firedoor.settings import ROOT, Settings, load
from firedoor.store import Store
from firedoor.terminal import Signer
from tests.company import Company
from tests.doctor.estates import diagnosed, found, secrets
from tests.permissions.shelves import ON

pytestmark = pytest.mark.identities

CLEARING: Final = "that clearing a user's sessions is logged as user.session.clear with the user among its targets"
SUSPENSION: Final = "whether suspension by itself ends sessions that are open; it is taken not to"


def signer(acme: Company, number: int = 1) -> Signer:
    key = acme.estate.keys[acme.member(number)]
    return Signer(public=key.public, sign=key.sign)


async def seen(vendor: str = "okta") -> Verification:
    return await verifying.look(load(), ON, vendor=vendor)


def stand(verification: Verification, says: str) -> verifying.Stand:
    (one,) = [one for one in verification.stands if one.fact.says == says]
    return one


async def answer(acme: Company, says: str, *, holds: bool, note: str = "seen with our own eyes") -> None:
    await verifying.put_on_record(load(), stand(await seen(), says), signer(acme), holds=holds, note=note)


async def test_everything_is_to_be_established_first_and_a_look_changes_nothing(acme: Company, tmp_path: Path) -> None:
    data = facts_told.told(await verifying.look(load(), ON))
    assert acme.writes() == 0
    assert not (tmp_path / "state").exists(), "nor makes a journal"
    assert {one["vendor"] for one in data["facts"]} == {"aws", "jira", "okta", "slack"}
    assert data["counts"] == {"does not hold": 0, "to be established": len(data["facts"]), "holds": 0}
    looks = {(one["vendor"], one["fact"]): one["shown"] for one in data["facts"] if one["shown"]}
    assert looks.keys() == set(probes.PROBES), "where there is nothing to see it by, that is said"
    assert {one["holds"] for one in looks.values()} == {None}
    assert not any("could not be looked at" in one["says"] for one in looks.values())
    assert (data["established"], facts_told.exit_code(data)) == (False, 1)
    text = facts_told.markdown(data)
    assert [secret for secret in secrets(acme) if secret in f"{data}{text}"] == []
    assert all(one["fact"] in text for one in data["facts"])
    assert "firedoor contain session-hijack -i users=ada@example.com" in text


async def test_what_is_said_is_on_record_and_counts_for_its_tenant_alone(acme: Company) -> None:
    await answer(acme, SUSPENSION, holds=True)
    await answer(acme, CLEARING, holds=False, note="the log has another\ntype")
    now = await seen()
    assert (stand(now, SUSPENSION).standing, stand(now, CLEARING).standing) == (Standing.HOLDS, Standing.FAILS)
    data = facts_told.told(now)
    assert data["facts"][0]["fact"] == CLEARING
    assert data["facts"][0]["said"]["note"] == "the log has another type"
    assert facts_told.markdown(data).startswith(f"# Of {len(now.stands)} facts, 1 does not hold and ")
    elsewhere = load().model_copy(update={"okta_org_url": "https://another.okta.example"})
    moved = stand(await verifying.look(elsewhere, ON, vendor="okta"), SUSPENSION)
    assert moved.standing is Standing.OPEN
    assert moved.elsewhere is not None
    assert moved.elsewhere.tenants == stand(now, SUSPENSION).tenants


async def test_the_doctor_warns_of_what_does_not_hold_and_names_what_rests_on_it(acme: Company) -> None:
    await answer(acme, SUSPENSION, holds=True)
    assert await examine([facts.check(load(), ON)]) == ()
    await answer(acme, CLEARING, holds=False)
    data = await diagnosed()
    (one,) = found(data, "warning")
    assert (one["area"], one["at"]) == ("facts", f"okta, {CLEARING}")
    assert f"says {acme.estate.people[1]['name']}" in one["says"]
    assert one["says"].endswith("on it rest okta.revoke_sessions")
    assert data["well"], "it works, and will not always"
    elsewhere = load().model_copy(update={"okta_org_url": "https://another.okta.example"})
    assert len(await examine([facts.check(elsewhere, ON)])) == 1, "the vendor is the same"
    await answer(acme, CLEARING, holds=True, note="it was our own filter")
    assert await examine([facts.check(load(), ON)]) == ()


async def test_who_has_left_the_roster_is_asked_no_more_and_their_word_does_not_count(acme: Company, tmp_path: Path) -> None:
    await answer(acme, SUSPENSION, holds=True)
    toml = tmp_path / "firedoor.toml"
    name = str(acme.estate.people[1]["name"])
    toml.write_text(toml.read_text().replace(f'name = "{name}"', 'name = "Somebody Else"'))
    one = stand(await seen(), SUSPENSION)
    assert (one.standing, one.said) == (Standing.OPEN, None)
    assert one.uncounted is not None
    assert "so it does not count" in "\n".join(facts_told.words_on(facts_told.told(Verification(stands=(one,)))["facts"][0]))


async def test_nothing_is_recorded_for_a_key_of_nobody_or_a_signature_of_another(acme: Company, tmp_path: Path) -> None:
    one, (ours, theirs) = stand(await seen(), SUSPENSION), (signer(acme, number) for number in (1, 2))
    strange = Signer(public="ssh-ed25519 AAAA", sign=ours.sign)
    crossed = Signer(public=ours.public, sign=theirs.sign)
    for wrong, words in ((strange, "nobody's on the roster"), (crossed, "not one by a key of yours")):
        with pytest.raises(BadInput, match=words):
            await verifying.put_on_record(load(), one, wrong, holds=True, note="")
    assert not (tmp_path / "state" / "journal.db").exists()


def _forged(body: dict[str, Any]) -> None:
    body["holds"] = True


def _reworded(body: dict[str, Any]) -> None:
    body["says"] = SUSPENSION


@pytest.mark.parametrize(
    ("change", "stream", "words"),
    [
        (None, stream_of("okta"), ""),
        (_forged, stream_of("okta"), "its signature does not hold"),
        (_reworded, stream_of("okta"), "names another fact than its words say"),
        (None, stream_of("aws"), "stands where others are kept"),
        (dict.clear, stream_of("okta"), "cannot be read as what it says it is"),
    ],
)
async def test_the_audit_checks_it(acme: Company, change: Callable[[dict[str, Any]], None] | None, stream: str, words: str) -> None:
    await answer(acme, CLEARING, holds=False)
    async with Store(load().journal_url) as store:
        journal = Journal(store)
        (event,) = await journal.events(stream_of("okta"))
        body: dict[str, Any] = json.loads(canonical(event.body))
        if change is not None:
            change(body)
        await journal.append(stream, Kind.ESTABLISHED, body)
    audited = await auditing.verify()
    assert audited.unchecked == ()
    if not words:
        assert audited.faults == ()
    else:
        assert any(words in fault.what for fault in audited.faults), audited.faults


@pytest.mark.usefixtures("acme")
async def test_the_walk_asks_until_one_quits_and_what_was_answered_stays() -> None:
    first = await seen()
    lines: list[str] = []
    replies = iter([Reply.SKIP, Reply.HOLDS, Reply.FAILS, Reply.QUIT])
    recorded: list[tuple[str, Reply, str]] = []
    walk(
        first,
        ask=lambda _: next(replies),
        note=lambda: f"note {len(recorded)}",
        say=lines.append,
        record=lambda one, reply, note: recorded.append((one.fact.says, reply, note)),
    )
    due = [one.fact.says for one in first.stands if one.standing is Standing.OPEN]
    assert recorded == [(due[1], Reply.HOLDS, "note 0"), (due[2], Reply.FAILS, "note 1")]
    assert all(any(says in line for line in lines) for says in due[:4])
    assert not any(due[4] in line for line in lines)
    assert any(line.startswith("- its work is done by `firedoor ") for line in lines)


async def test_the_journal_and_a_look_tell_what_they_know(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.step.PACE", 0.02)
    who = acme.estate.victims[0]
    contain = running.contain("session-hijack", [f"users={who}"], who=acme.who(), say=lambda _: None)
    report, _ = await asyncio.gather(contain, acme.approve())
    assert report["outcome"] == "contained", report["open"]
    now = await seen()
    (ground,) = stand(now, SUSPENSION).grounds
    assert (ground.measured.changes, len(ground.measured.seconds), ground.settle_within) == (1, 1, 10.0)
    assert now.against == ()
    shown = stand(now, CLEARING)
    assert (shown.standing, shown.said) == (Standing.HOLDS, None), "the log itself shows it by now"
    assert shown.shown is not None
    assert "listLogEvents" in shown.shown.says


@pytest.mark.parametrize(
    ("measured", "against"),
    [
        (Measured(), False),
        (Measured(changes=2, seconds=[1.0, 10.0]), False),
        (Measured(changes=2, seconds=[1.0, 10.1]), True),
        (Measured(changes=1, unverified=["261126-0a1b2c"]), True),
    ],
)
def test_what_took_longer_than_is_given_or_was_not_seen_speaks_against_it(measured: Measured, *, against: bool) -> None:
    ground = Ground(unit="okta.suspend_user", commands=(), by_hand="", measured=measured, settle_within=10.0)
    assert verifying.speaks_against(ground) is against
    text = facts_told.markdown(facts_told.told(Verification(stands=(), against=(ground,))))
    assert "## What the journal says against the time that is given\n\n- okta.suspend_user is given 10 s; " in text
    assert all(run in text for run in measured.unverified)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--verify", "--system", "octa"], "did you mean 'okta'"),
        (["--system", "okta"], "--system is for --verify"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey(["doctor", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


async def test_a_vendor_that_is_not_set_up_has_nothing_to_establish() -> None:
    with pytest.raises(BadInput, match="jira is not set up here"):
        await verifying.look(Settings(), ON, vendor="jira")
    with pytest.raises(BadInput, match="none of aws, jira, okta and slack is set up here") as caught:
        await verifying.look(Settings(), ON)
    assert caught.value.advice == "Set up at least one of them, as README.md says"


async def test_a_person_walks_at_a_terminal(acme: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command itself, in a pseudo-terminal: one fact is put on record, the next skipped, and the third is where they leave."""
    key, toml = tmp_path / "id", tmp_path / "firedoor.toml"
    process = await asyncio.create_subprocess_exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    await process.wait()
    listed = list(acme.estate.people[0]["keys"])
    toml.write_text(toml.read_text().replace(f"keys = {listed}", f"keys = {[*listed, signing.public_half(key)]}"))
    told = await Walker.through(
        "doctor", "--verify", "--system", "slack", "--key", str(key), answers=["x", "h", "it shows at once", "s", "q"]
    )
    assert told.code == 1, told.text
    assert "Say h, d, s or q." in told.text
    assert "1 of 3: slack" in told.text
    assert "On record." in told.text
    assert f"holds, says {acme.asker}" in told.text
    now = await seen("slack")
    assert [(one.said.note if one.said else "") for one in now.stands] == ["it shows at once", "", ""]
    capsys.readouterr()
    assert await asyncio.to_thread(cli.obey, ["doctor", "--verify", "--json", "--system", "slack", "--key", str(key)]) == 1
    assert json.loads(capsys.readouterr().out)["counts"]["holds"] == 1, "without a terminal nobody is asked"


class Walker:
    """A command in a pseudo-terminal, and somebody who types an answer at every prompt."""

    def __init__(self) -> None:
        self.text = ""
        self.code = -1

    @classmethod
    async def through(cls, *words: str, answers: list[str]) -> Walker:
        """Run it to its end."""
        found, (ours, theirs) = cls(), pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "firedoor", *words, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        try:
            await asyncio.to_thread(found._type, ours, answers)
            found.code = await process.wait()
        finally:
            os.close(ours)
        return found

    def _type(self, terminal: int, answers: list[str]) -> None:
        left, from_ = list(answers), 0
        while piece := _read(terminal):
            self.text += piece.decode(errors="replace").replace("\r\n", "\n")
            if left and re.search(r"(\[s\]|for the record): $", self.text[from_:]):
                os.write(terminal, f"{left.pop(0)}\n".encode())
                from_ = len(self.text)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""  # what Linux says once the other end is shut
