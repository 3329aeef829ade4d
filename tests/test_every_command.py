"""Every command there is, on bad words and in bad places: one clear message, the exit code that is documented, and nothing touched.

A command that has no cases here fails. Broken playbooks, lists and records have tests of their own: this is about what is asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import typer.main
from typer.testing import CliRunner

from firedoor import cli, signing
from firedoor.approval import Answer
from firedoor.channel import Ask, Silent
from firedoor.desk import Desk
from firedoor.fingerprints import Fingerprints
from firedoor.journal import Event, Journal, Kind
from firedoor.model import Mode
from firedoor.run import Via
from firedoor.seal import Seal
from firedoor.settings import load
from tests.company import write_key
from tests.fakes import Lab, hasten, lab

PEOPLE: Final = {"Ada": True, "Ben": True, "Cem": False}  # and whether they may request
DONE, OPEN, LATE, DRILL = "261126-d0d0d0", "261126-0bebe0", "261126-1a7e00", "261126-d21110"
USERS: Final = "-i users=ada@acme.example"
KEY_ID: Final = "AKIAIOSFODNN7EXAMPLE"  # the order on paper is about it
ANOTHER: Final = "leaked-aws-key -i access_keys=AKIAAAAAAAAAAAAAAAAA"


@dataclass(frozen=True, slots=True)
class Case:
    """The words after the command (files and runs by name), and what of the message says what is wrong."""

    words: str
    says: str
    code: int = 2
    to: str = "state"  # the folder with the journal
    told: bool = False  # as a result, on standard output
    json: bool = False  # told there too, as JSON


def newer(words: str) -> Case:
    return Case(words, "written by a newer Firedoor", to="newer")


UNKNOWN = Case("{unknown}", "there is no run '261126-abcdef'. Nothing was changed. See `firedoor runs`.")
NO_KEY = "no key is named to sign with. Nothing was changed. Add --key"
NO_FILE = "there is no such key file"
NOBODYS = "that key is nobody's on the roster. Nothing was changed. Add it to your keys under [[people]] in firedoor.toml."
FORGED = "nothing was signed: ssh-keygen gave up. Nothing was changed. See what it said above, then try again."
UNTOLD = "there is no terminal to ask you in. Nothing was changed. Add --yes, once you have read it."


def keys(words: str = "") -> dict[str, Case]:
    """What may be wrong with a key."""
    return {
        "no key": Case(words, NO_KEY),
        "no such key": Case(f"{words} --key {{nothing}}", NO_FILE),
        "a key that is none": Case(f"{words} --key {{text}}", "its public half cannot be read"),
        "a stranger's key": Case(f"{words} --key {{stranger}}", NOBODYS),
    }


def signs(words: str = "") -> dict[str, Case]:
    """What may be wrong with a key, for every command that is signed; and with what is signed on another machine."""
    return {
        **keys(words),
        "nobody to print for": Case(f"{words} --print", "--print needs to know who is to sign"),
        "half of what was signed": Case(f"{words} --document {{paper_order}}", "--document and --signature belong together"),
        "a document that is none": Case(f"{words} --document {{text}} --signature {{order_sig}}", "that is no document that this command"),
    }


def orders(words: str) -> dict[str, Case]:
    """The same for every command by which somebody gives an order."""
    return {
        **signs(words),
        "a document of something else": Case(
            f"{words} --document {{paper_order}} --signature {{order_sig}}", "what was signed is something else"
        ),
        "who may not request to print for": Case(f"{words} --print --as Cem", "you would sign as Cem, who may approve runs"),
        "a key in another's name": Case(f"{words} --key {{forged}}", FORGED),
        "somebody who may not request": Case(f"{words} --key {{Cem}}", "you would sign as Cem, who may approve runs and not request them"),
    }


def decides(verb: str) -> dict[str, Case]:
    """A decision on a request that is open."""
    other = "deny" if verb == "approve" else "approve"
    return {
        "an unknown run": Case("{unknown} --key {Ben} --yes", UNKNOWN.says),
        **keys("{open} --yes"),
        "a key in another's name": Case("{open} --yes --key {forged_Ben}", FORGED),
        "nobody to ask": Case("{open} --key {Ben}", UNTOLD),
        "a run that is over": Case("{done} --key {Ben} --yes", "run 261126-d0d0d0", code=2 if verb == "stop" else 1),
        "one's own request": Case("{open} --key {Ada} --yes", "you asked for this run yourself", code=1),
        "one that has expired": Case("{late} --key {Ben} --yes", "the request has expired; nothing was approved", code=1),
        "nobody to print for": Case("{open} --print", "--print needs to know who is to sign"),
        "a stranger to print for": Case("{open} --print --as Dan", "'Dan' is not on the roster"),
        "half of what was signed": Case("{open} --document {paper_" + verb + "}", "--document and --signature belong together"),
        "a document of another decision": Case(
            "{open} --document {paper_" + other + "} --signature {other}", f"that document is to {other}"
        ),
        "a signature of another document": Case(
            "{open} --document {paper_" + verb + "} --signature {other}", "the signature is not one by a key of yours", code=1
        ),
        "a document that is none": Case("{open} --document {text} --signature {other}", "that is no document of a decision"),
        "a signature that is none": Case("{open} --document {paper_" + verb + "} --signature {text}", "that is no SSH signature"),
        "a document that is not there": Case("{open} --document {nothing} --signature {other}", "it cannot be read"),
        "a journal of a newer revision": newer("{open} --key {Ben} --yes"),
    }


CASES: Mapping[str, Mapping[str, Case]] = {
    "contain": {
        "an unknown playbook": Case("identity-breech", "did you mean 'identity-breach'"),
        "an input too few": Case("identity-breach", "'users' is missing"),
        "an unknown input": Case("identity-breach -i usres=a@acme.example", "did you mean 'users'"),
        "no value": Case("identity-breach -i users", "key=value"),
        **orders(ANOTHER),
        "a stranger to print for": Case(f"{ANOTHER} --print --as Dan", "'Dan' is not on the roster"),
        "the other half": Case(f"{ANOTHER} --signature {{order_sig}}", "--document and --signature belong together"),
        "a stranger's signature": Case(f"{ANOTHER} --document {{paper_order}} --signature {{foreign}}", "nobody's on the roster"),
        "a signature that is none": Case(f"{ANOTHER} --document {{paper_order}} --signature {{text}}", "that is no SSH signature"),
        "a document that is not there": Case(f"{ANOTHER} --document {{nothing}} --signature {{order_sig}}", "it cannot be read"),
        "a missing setting": Case(f"session-hijack {USERS} --key {{Ada}}", "FIREDOOR_OKTA_ORG_URL"),
        "a journal of a newer revision": newer("leaked-aws-key -i access_keys=AKIAAAAAAAAAAAAAAAAA --key {Ada}"),
    },
    "plan": {
        "an unknown playbook": Case("identity-breech", "did you mean 'identity-breach'"),
        "an input too few": Case("identity-breach", "'users' is missing"),
        "a missing setting": Case(f"session-hijack {USERS}", "FIREDOOR_OKTA_ORG_URL"),
        "a journal of a newer revision": newer("leaked-aws-key -i access_keys=AKIAAAAAAAAAAAAAAAAA"),
    },
    "freeze": {
        "nobody": Case("--key {Ada}", "nobody is named who is to be frozen"),
        "no login": Case("'a b' --key {Ada}", "a b"),
        "a missing setting": Case("ada@acme.example --key {Ada}", "FIREDOOR_OKTA_ORG_URL"),
        **orders("--access-key AKIAAAAAAAAAAAAAAAAA"),
        "a journal of a newer revision": newer("--access-key AKIAAAAAAAAAAAAAAAAA --key {Ada}"),
    },
    "undo": {
        "an unknown run": UNKNOWN,
        "an unknown run, to look": Case("{unknown} --plan", "there is no run '261126-abcdef'"),
        "one that is not over": Case("{open} --key {Ada}", f"run {OPEN} is not over. Nothing was changed. Stop or resume it first"),
        "nothing to sign": Case("{done} --plan --print --as Ada", "--plan only looks, so there is nothing to sign"),
        **orders("{done}"),
        "a journal of a newer revision": newer("{done} --key {Ada}"),
    },
    "resume": {
        "an unknown run": UNKNOWN,
        "one that is over": Case("{done} --key {Ada}", f"run {DONE} is over: contained. Nothing was changed. See `firedoor show {DONE}`."),
        "a drill's, to sign": Case("{drill} --print --as Ada", f"run {DRILL} is a drill's, and nobody signs for one"),
        **orders("{open}"),
        "a journal of a newer revision": newer("{open} --key {Ada}"),
    },
    "approve": decides("approve"),
    "deny": decides("deny"),
    "stop": {name: case for name, case in decides("stop").items() if name not in {"one's own request", "one that has expired"}},
    "serve": {
        "a missing setting": Case("", "no vendor is set up. Nothing was changed. Set FIREDOOR_OKTA_ORG_URL"),
    },
    "drill": {
        "an unknown scenario": Case("cloudflare-okta-2032", "did you mean 'cloudflare-okta-2023'"),
        "an unknown way": Case("--approve maybe", "--approve takes auto, ask or page, not 'maybe'"),
        **{f"live, {name}": case for name, case in orders(f"--against live {USERS}").items()},
        "nothing to sign": Case("--print --as Ada", "nobody real orders a drill on simulated vendors, so there is nothing to sign"),
        "a stream of events": Case("--json-stream", "a drill on simulated vendors tells no stream of events", json=True),
        "two ways to be told": Case(f"--against live {USERS} --json --json-stream", "exclude each other", json=True),
        "nobody to ask": Case("--approve ask", "--approve ask needs a terminal to ask in. Nothing was changed. Use --approve auto."),
    },
    "runs": {"a journal of a newer revision": newer("")},
    "show": {"an unknown run": UNKNOWN, "a journal of a newer revision": newer("{done}")},
    "watch": {
        "an unknown run": Case("{unknown}", "there is no run '261126-abcdef'"),
        "no span of time": Case("--since yesterday", "'yesterday' is no span of time. Nothing was changed. Write it as 12h, 7d or 4w."),
        "a journal of a newer revision": newer(""),
    },
    "close": {
        "an unknown run": Case("{unknown} --key {Ada} --reason over --yes", UNKNOWN.says),
        **signs("{done} --reason over --yes"),
        "one that is not over": Case("{open} --key {Ada} --reason over --yes", OPEN),
        "no reason": Case("{done} --key {Ada} --yes", "reason"),
        "a journal of a newer revision": newer("{done} --key {Ada} --reason over --yes"),
    },
    "journal backup": {
        "a place that is taken": Case("{text}", "there already"),
        "a journal of a newer revision": newer("{nothing}"),
    },
    "journal restore": {
        "a journal that is there": Case("{text}", "there is a journal already, and it is not written over"),
    },
    "journal restored": {"a journal of a newer revision": newer("")},
    "journal status": {"a journal of a newer revision": newer("")},
    "journal upgrade": {"a journal of a newer revision": newer("")},
    "playbooks list": {},
    "playbooks lint": {"an unknown playbook": Case("identity-breech", "did you mean 'identity-breach'", told=True)},
    "playbooks show": {"an unknown playbook": Case("identity-breech", "did you mean 'identity-breach'")},
    "playbooks graph": {"an unknown playbook": Case("identity-breech", "did you mean 'identity-breach'")},
    "playbooks schema": {},
    "actions list": {},
    "standing sign": {
        **signs("--yes"),
        "a key in another's name": Case("--yes --key {forged}", FORGED),
        "nobody to ask": Case("--key {Ada}", UNTOLD),
        "a journal of a newer revision": newer("--key {Ada} --yes"),
    },
    "standing show": {
        "none": Case("", "there is no standing approval. Nothing was changed. Two approvers sign one"),
        "a journal of a newer revision": newer(""),
    },
    "audit verify": {
        "no head": Case("--head sha256:12", "'sha256:12' is no head of a journal"),
        "no such file": Case("--heads {nothing}", "it cannot be read (No such file or directory)"),
        "a missing setting": Case("--from-slack", "FIREDOOR_SLACK_BOT_TOKEN"),
        "a journal of a newer revision": newer(""),
    },
    "audit export": {
        "an unknown run": UNKNOWN,
        "a place that is taken": Case("{done} --to {text}", "it is there already, and is not written over"),
        "a journal of a newer revision": newer("{done}"),
    },
    "init": {"a file that is there": Case(".", "firedoor.toml is there already. Nothing was changed. Name another folder")},
    "doctor": {
        "facts of an unknown vendor": Case("--verify --system github", "facts are told of aws, jira, okta, slack, and not of 'github'")
    },
    "inventory": {
        "an unknown system": Case("--system github", "nothing lists credentials of that type"),
        "a missing setting": Case("--system okta", "okta is not set up here"),
        "a journal of a newer revision": newer(""),
    },
    "inventory diff": {
        "no such file": Case("{nothing} {nothing}", "cannot be read (No such file or directory)"),
        "no inventory": Case("{text} {text}", "is no inventory"),
    },
    "sweep list": {},
    "sweep plan": {
        "an unknown sweep": Case("incident-credentails", "did you mean 'incident-credentials'"),
        "no moment": Case("incident-credentials --before yesterday", "'yesterday' is no moment"),
        "a missing setting": Case("incident-credentials", "FIREDOOR_OKTA_ORG_URL"),
        "a journal of a newer revision": newer("nightly-keys"),
    },
    "sweep run": {
        "an unknown sweep": Case("incident-credentails", "did you mean 'incident-credentials'"),
        "no moment": Case("incident-credentials --before yesterday", "'yesterday' is no moment"),
        "a missing setting": Case("incident-credentials --key {Ada}", "FIREDOOR_OKTA_ORG_URL"),
        "a list that is not there": Case("nightly-keys --account-for {nothing} --key {Ada}", "cannot be read"),
        **orders("nightly-keys"),
        "a journal of a newer revision": newer("nightly-keys --key {Ada}"),
    },
    "sweep resume": {
        "an unknown run": UNKNOWN,
        "no sweep": Case("{done} --key {Ada}", f"run {DONE} is no sweep. Nothing was changed. Use `firedoor resume {DONE}`."),
        "a journal of a newer revision": newer("{done} --key {Ada}"),
    },
    "sweep report": {
        "an unknown run": UNKNOWN,
        "no sweep": Case("{done}", f"run {DONE} is no sweep"),
        "a journal of a newer revision": newer("{done}"),
    },
    "sweep sign": {
        "an unknown sweep": Case("incident-credentails --key {Ada}", "did you mean 'incident-credentials'"),
        **signs("nightly-keys --yes"),
        "a key in another's name": Case("nightly-keys --yes --key {forged}", FORGED),
        "nobody to ask": Case("nightly-keys --key {Ada}", UNTOLD),
        "a journal of a newer revision": newer("nightly-keys --key {Ada} --yes"),
    },
    "hunt okta": {
        "no moment": Case("--since yesterday", "--since is no moment with a time zone"),
        "a missing setting": Case("--since 2023-10-18T16:00:00Z", "FIREDOOR_OKTA_ORG_URL"),
    },
    "hunt har": {"no such file": Case("{nothing}", "cannot be read")},
    "hunt aws-key": {
        "no key": Case("nonsense --trail {text}", "AWS access key"),
        "no moment": Case("AKIAAAAAAAAAAAAAAAAA --trail {text} --until 9999-12-31T23:59:59Z", "--until is no moment with a time zone"),
        "no such file": Case("AKIAAAAAAAAAAAAAAAAA --trail {nothing}", "there is no such file or folder"),
    },
    "import": {
        "no such file": Case("{nothing}", "cannot be read"),
        "two forms at once": Case("{text} --json --csv", "--json and --csv exclude each other", json=True),
    },
    "permissions": {
        "an unknown vendor": Case("ows --for preview", "did you mean 'aws'"),
        "an unknown purpose": Case("aws --for previw", "did you mean 'preview'"),
        "no purpose": Case("aws", "--for is one of"),
    },
}


def commands(command: Any, name: str = "") -> Iterator[str]:
    """Every command that is registered, by its words."""
    inner = getattr(command, "commands", {})
    for word, one in inner.items():
        yield from commands(one, f"{name} {word}".strip())
    if not inner or getattr(command, "invoke_without_command", False):
        yield name


def test_every_command_has_its_cases() -> None:
    assert set(commands(typer.main.get_command(cli.app))) == set(CASES)


@pytest.mark.parametrize("command", CASES)
def test_a_word_too_many_is_told_and_touches_nothing(
    command: str, names: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = at(names, monkeypatch)
    before = content(folder)
    assert cli.obey([*command.split(), "--no-such-option"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "No such option: --no-such-option" in err
    assert content(folder) == before


class Dying(Journal):
    """The journal of a process that dies once it has asked."""

    async def append(self, run: str, kind: Kind, body: object, **more: Any) -> Event:
        event = await super().append(run, kind, body, **more)
        if kind is Kind.REQUESTED and (task := asyncio.current_task()) is not None:
            task.cancel()
        return event


async def record(folder: Path) -> Mapping[str, str]:
    """A journal with a run that is over, one that asks, and one whose request has expired; papers that were signed."""
    roster, seal = load(folder / "firedoor.toml").roster, Seal.kept_in(folder / "state")
    ben = roster.by_name("Ben")
    async with lab(folder / "state", {name: {"k": "open"} for name in "abc"}, roster=roster, seal=seal) as it:
        desk = Desk(journal=it.journal, roster=roster, seal=seal)

        class Approving(Silent):
            async def asked(self, ask: Ask) -> None:
                await desk.decide(ask.order.run, ben, Answer.APPROVE, via="test")

        await it.contain(run=DONE, doors=["a"], answer=None, engine=it.engine(channel=Approving()))
        await asks(it, OPEN, "b")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("firedoor.engine.datetime", SimpleNamespace(now=lambda zone: datetime.now(zone) - timedelta(hours=1)))
            await asks(it, LATE, "c")
        await it.journal.append(DRILL, Kind.OPENED, replace(it.order(DRILL), mode=Mode.DRILL, via=Via.DRILL))
        papers = {f"paper_{answer}": (await desk.draw_up(OPEN, ben, answer, via="terminal"))[1] for answer in Answer}
    return {**papers, "other": signature("something else", folder / "Ben"), "text": "something\n"}


def signature(text: str, key: Path) -> str:
    return signing.armor(signing.sign(text, key).blob)


async def asks(it: Lab, run: str, door: str) -> None:
    job = asyncio.create_task(it.contain(run=run, doors=[door], answer=None, engine=it.engine(journal=Dying(it.store))))
    await asyncio.gather(job, return_exceptions=True)
    assert (await it.kinds(run))[-1] == Kind.REQUESTED


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A folder with a roster, keys and a journal, and another journal that a newer Firedoor wrote; what is in it by name."""
    folder = tmp_path_factory.mktemp("commands")
    public = {name: write_key(folder / name) for name in (*PEOPLE, "stranger", "forged", "forged_Ben")}
    (folder / "forged.pub").write_text(public["Ada"])
    (folder / "forged_Ben.pub").write_text(public["Ben"])
    (folder / "firedoor.toml").write_text(
        "".join(
            f'[[people]]\nname = "{name}"\nslack = "U{n}AA"\nkeys = ["{public[name]}"]\nmay_request = {str(may).lower()}\n'
            for n, (name, may) in enumerate(PEOPLE.items())
        )
    )
    (folder / "state").mkdir(mode=0o700)
    Fingerprints.kept_in(folder / "state")  # made on first use, as the approval key is
    with pytest.MonkeyPatch.context() as patch:
        hasten(patch)
        for name in unset():
            patch.delenv(name)
        files = dict(asyncio.run(record(folder)))
        patch.setenv("FIREDOOR_CONFIG", str(folder / "firedoor.toml"))
        patch.setenv("FIREDOOR_STATE_DIR", str(folder / "state"))
        ordered = f"contain leaked-aws-key -i access_keys={KEY_ID} --print --as Ada"
        files["paper_order"] = CliRunner().invoke(cli.app, ordered.split()).stdout
    files |= {name: signature(files["paper_order"], folder / key) for name, key in (("order_sig", "Ada"), ("foreign", "stranger"))}
    for name, text in files.items():
        (folder / name).write_text(text)
    shutil.copytree(folder / "state", folder / "newer")
    with closing(sqlite3.connect(folder / "newer" / "journal.db")) as sql, sql:
        assert sql.execute("UPDATE firedoor_version SET version_num = 'from the future'").rowcount
    there = {path.name: str(path) for path in folder.iterdir()}
    return {
        **there,
        "unknown": "261126-abcdef",
        "done": DONE,
        "open": OPEN,
        "late": LATE,
        "drill": DRILL,
        "nothing": str(folder / "nothing"),
        "": str(folder),
    }


def unset() -> list[str]:
    return [name for name in os.environ if name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))]


def at(names: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, state: str = "state") -> Path:
    """The folder, to sit in, with nothing set but where it is, and nobody there to be asked."""
    folder = Path(names[""])
    for name in unset():
        monkeypatch.delenv(name)
    monkeypatch.setenv("FIREDOOR_CONFIG", str(folder / "firedoor.toml"))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(folder / state))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", None)  # it was closed
    return folder


def content(folder: Path) -> Mapping[str, str]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".db-shm" and path.stat().st_size]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


EACH = [pytest.param(command, case, id=f"{command}: {name}") for command, cases in CASES.items() for name, case in cases.items()]


@pytest.mark.parametrize(("command", "case"), EACH)
def test_bad_words_are_told_and_touch_nothing(
    command: str, case: Case, names: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = at(names, monkeypatch, case.to)
    before = content(folder)
    code = cli.obey([*command.split(), *shlex.split(case.words.format_map(names))])
    out, err = capsys.readouterr()
    if case.told:
        assert (code, err) == (case.code, "")
        assert case.says in out
        return
    assert (code, bool(out)) == (case.code, case.json), (code, out, err)
    *before_it, message = err.splitlines()
    assert case.says in message, err
    assert "Nothing was changed." in message
    assert message.endswith(".")
    assert not [line for line in before_it if "was changed" in line], "one message, not two"
    assert content(folder) == before
