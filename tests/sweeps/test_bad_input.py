"""Sweeps and inventories at the command line, on everything that is no sound order: one clear message, exit code 2, nothing touched."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firedoor import cli, planning, sweepbook, sweephtml, sweepplan, wiring
from firedoor.canonical import digest
from firedoor.errors import Unreachable
from firedoor.journal import Journal, Kind
from firedoor.settings import load
from firedoor.store import Store
from tests.company import write_key
from tests.sweeps.records import GRANTED, once
from tests.sweeps.vault import Hall, hall
from tests.vendors.aws.test_trail import ACCOUNT, KEY, ROLE, SECRET, SESSION, deliver, file_name, minted, record

Obey = Callable[..., tuple[int, str, str]]
SOUND: Mapping[str, str] = {
    "sweep": "mine",
    "title": "Mine",
    "about": "A test",
    "aim": "containment",
    "scope": "{types: [aws.access_key], everything: true}",
    "treat": "{aws.access_key: aws.deactivate_access_key}",
    "at_most": "10",
}
FAR = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31", "2200-01-01T00:00:00Z")
EXCEPTED = "{credential: 'aws:access_key:111122223333/AKIA1', owner: Dan, reason: x, expires: 2099-01-01, approved_by: Eve}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "state").mkdir()
    ada = '[[people]]\nname = "Ada"\nslack = "U0AA"\naccounts = ["okta:login:ada@acme.example"]\n'
    others = '[[people]]\nname = "Ben"\nslack = "U1AA"\n[[people]]\nname = "Cem"\nslack = "U2AA"\nmay_approve = false\n'
    (tmp_path / "firedoor.toml").write_text(ada + others)
    monkeypatch.setenv("FIREDOOR_CONFIG", str(tmp_path / "firedoor.toml"))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def obey(place: Path, capsys: pytest.CaptureFixture[str]) -> Obey:
    """The command line: its exit code, and what was said."""
    del place

    def told(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.obey(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return told


def refused(obey: Obey, *words: str) -> str:
    code, out, err = obey(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), (code, out, err)
    assert "Nothing was changed. " in err or err.endswith(".\n")
    assert "Traceback" not in err
    return err


def written(place: Path, **changed: str) -> str:
    """A sweep playbook like the sound one, but for a few keys."""
    path = place / "mine.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in {**SOUND, **changed}.items() if value))
    return str(path)


BROKEN: Mapping[str, tuple[Mapping[str, str], str]] = {
    "a bracket is open": ({"treat": "{aws.access_key"}, "mine.yaml, line"),
    "an unknown key": ({"at_mots": "3"}, "line 8, column 1 (at_mots): a sweep has no such key here; did you mean 'at_most'?"),
    "nothing narrows it": ({"scope": "{types: [aws.access_key]}"}, "nothing narrows this scope"),
    "an unknown type": (
        {"scope": "{types: [aws.nonsense], everything: true}", "treat": "{aws.nonsense: aws.deactivate_access_key}"},
        "aws.nonsense",
    ),
    "an unknown treatment": ({"treat": "{aws.access_key: aws.deactivate_acess_key}"}, "did you mean 'aws.deactivate_access_key"),
    "of another type": (
        {"treat": "{aws.access_key: okta.revoke_api_token}"},
        "okta.revoke_api_token treats okta.api_token, not aws",
    ),
    "no treatment at all": ({"treat": "{aws.access_key: okta.suspend_user}"}, "okta.suspend_user treats no credentials"),
    "a type too few": ({"treat": "{}"}, "each type in the scope has its treatment"),
    "excepted twice": ({"exceptions": f"[{EXCEPTED}, {EXCEPTED}]"}, "excepted twice: aws:access_key:111122223333/AKIA1"),
    "by its owner": ({"exceptions": f"[{EXCEPTED.replace('Eve', 'dan')}]"}, "approved by somebody else than its owner"),
    "an order of what is not treated": ({"order": "[okta.api_token]"}, "the order names what is not treated: okta.api_token"),
    "twice in the order": ({"order": "[aws.access_key, aws.access_key]"}, "the order names a type twice"),
    "listed together, in an order apart": (
        {
            "scope": "{types: [aws.access_key, okta.client_secret, okta.client_key], everything: true}",
            "treat": "{aws.access_key: aws.deactivate_access_key, okta.client_secret: okta.replace_client_secret, "
            "okta.client_key: okta.deactivate_client_key}",
            "order": "[okta.client_secret, aws.access_key, okta.client_key]",
        },
        "okta.client_key and okta.client_secret are listed together",
    ),
    "listed together, and one of them in no order": (
        {
            "scope": "{types: [okta.client_secret, okta.client_key], everything: true}",
            "treat": "{okta.client_secret: okta.replace_client_secret, okta.client_key: okta.deactivate_client_key}",
            "order": "[okta.client_secret]",
        },
        "the order names both or neither",
    ),
    "an exception of another type": (
        {"exceptions": f"[{EXCEPTED.replace('access_key', 'acess_key')}]"},
        "the exception aws:acess_key:111122223333/AKIA1 is of no type that this sweep treats; did you mean 'aws.access_key'?",
    ),
    "approved by a stranger": ({"exceptions": f"[{EXCEPTED}]"}, "is approved by 'Eve', who is nobody on the roster"),
    "approved by who may not": ({"exceptions": f"[{EXCEPTED.replace('Eve', 'cem')}]"}, "is approved by Cem, who may not approve"),
    "by its owner under another name": (
        {"exceptions": f"[{EXCEPTED.replace('Eve', 'ADA').replace('Dan', 'ada@acme.example')}]"},
        "is approved by its owner: 'ada@acme.example' and 'ADA' are both Ada",
    ),
    "an exception of no credential": ({"exceptions": f"[{EXCEPTED.replace('aws:', '')}]"}, "line 8, column"),
    "hygiene without end": ({"aim": "hygiene"}, "a hygiene sweep has a deadline_days"),
    "containment with one": ({"deadline_days": "3"}, "a hygiene sweep has a deadline_days"),
    "what goes on for days, in an incident": (
        {"treat": "{aws.access_key: aws.renew_access_key}"},
        (
            "aws.renew_access_key lets what it replaces work on for days, and containment shuts at once: treat it with "
            "aws.deactivate_access_key or aws.rotate_access_key, or say aim: hygiene"
        ),
    ),
    "what only shuts, by night, over everything": (
        {"aim": "hygiene", "deadline_days": "9"},
        (
            "aws.deactivate_access_key puts nothing in the place of what it shuts, so whoever still uses it would stand still: treat it "
            "with aws.renew_access_key or aws.rotate_access_key, narrow the scope to what nobody uses (unused_for_days), or say "
            "aim: containment"
        ),
    ),
    "no bound": ({"at_most": "0"}, "line 7, column 1 (at_most)"),
    "another name": ({"sweep": "yours"}, "it calls itself 'yours'"),
    "no aim": ({"aim": ""}, "this is missing"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_broken_sweep_is_told_with_its_place(place: Path, obey: Obey, command: str, name: str) -> None:
    changed, words = BROKEN[name]
    said = refused(obey, "sweep", command, written(place, **changed))
    assert words in said, said
    assert not list((place / "state").iterdir()), "no journal was begun"


FIT: Mapping[str, Mapping[str, str]] = {
    "rotated at once, in an incident": {"treat": "{aws.access_key: aws.rotate_access_key}"},
    "rotated by night": {"treat": "{aws.access_key: aws.rotate_access_key}", "aim": "hygiene", "deadline_days": "9"},
    "renewed by night": {"treat": "{aws.access_key: aws.renew_access_key}", "aim": "hygiene", "deadline_days": "9"},
    "shut by night, where nobody uses it": {
        "aim": "hygiene",
        "deadline_days": "9",
        "scope": "{types: [aws.access_key], unused_for_days: 90}",
    },
}


def test_a_playbook_without_an_order_says_nothing_of_it_and_keeps_its_digest(place: Path) -> None:
    plain, known = written(place), wiring.load_catalogue()
    without = sweepbook.find(plain, known)
    assert "order" not in without.model_dump(mode="json")
    assert without.digest == digest(without.model_dump(mode="json"))
    ordered = sweepbook.find(written(place, order="[aws.access_key]"), known)
    assert ordered.model_dump(mode="json")["order"] == ["aws.access_key"]
    assert ordered.digest != without.digest


def test_an_exception_is_approved_by_somebody_who_may(place: Path) -> None:
    book = sweepbook.find(written(place, exceptions=f"[{EXCEPTED.replace('Eve', 'u1aa')}]"), wiring.load_catalogue())
    sweepbook.vouch(book, load().roster)
    (line,) = planning.lines(sweepplan.plan(book, cast("Any", wiring.load_catalogue().actions)).items)
    assert "but for aws:access_key:111122223333/AKIA1 (until 2099-01-01, for Dan, approved by u1aa: x) (at most 10)" in line


@pytest.mark.parametrize("name", FIT)
def test_what_serves_its_aim_is_no_fault(place: Path, name: str) -> None:
    assert sweepbook.find(written(place, **FIT[name]), wiring.load_catalogue()).sweep == "mine"


def test_a_sweep_that_there_is_not_names_the_nearest(obey: Obey) -> None:
    for command in ("plan", "run"):
        assert "did you mean 'incident-credentials'" in refused(obey, "sweep", command, "incident-credentails")
    assert "cannot be read" in refused(obey, "sweep", "plan", "nothing.yaml")


def test_a_moment_is_one(obey: Obey) -> None:
    for text in ("yesterday", "2023-13-01", "1700000000x", *FAR):
        assert "is no moment" in refused(obey, "sweep", "plan", "incident-credentials", "--before", text)


def test_days_are_as_many_as_there_can_be(obey: Obey) -> None:
    for days in ("0", "-3", "36501", "99999999999"):
        code, out, err = obey("inventory", "--unused-for", days)
        assert (code, out) == (2, "")
        assert "Invalid value for '--unused-for': Input should be " in err


def test_who_asks_is_on_the_roster(place: Path, obey: Obey) -> None:
    write_key(place / "id")
    assert "that key is nobody's on the roster" in refused(obey, "sweep", "run", written(place), "--key", str(place / "id"))
    assert "no key is named to sign with" in refused(obey, "sweep", "run", written(place))


def test_a_mandate_is_signed_on_another_machine_too(place: Path, obey: Obey) -> None:
    toml, paper = place / "firedoor.toml", place / "paper"
    toml.write_text(toml.read_text().replace('"Ada"\n', f'"Ada"\nkeys = ["{write_key(place / "id")}"]\n'))
    words = ("sweep", "sign", written(place), "--days", "30")
    code, out, _ = obey(*words, "--print", "--as", "Ada")
    assert code == 0
    assert out.startswith("Firedoor sweep mandate, version 1\nthe sweep mine may run by schedule")
    paper.write_text(out)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "firedoor", "-f", str(place / "id"), str(paper)], check=True)
    back = ("--document", str(paper), "--signature", f"{paper}.sig")
    assert "the document says 'expires: " in refused(obey, *words[:3], *back), "for so many days it was not printed"
    assert obey(*words, *back)[:2] == (0, "It is in force.\n")
    assert "you have signed that very document already" in refused(obey, *words, *back)
    assert json.loads(obey(*words, "--key", str(place / "id"), "--yes", "--json")[1])["in_force"], "a new one"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(once(tmp_path_factory.mktemp("sweeps")))


def test_only_a_sweep_is_resumed_reported_and_helped(place: Path, obey: Obey, recorded_once: Path) -> None:
    shutil.copy(recorded_once, place / "state" / "journal.db")
    assert "run r1 is no sweep. Nothing was changed. Use `firedoor resume r1`." in refused(obey, "sweep", "resume", "r1")
    assert "run r1 is no sweep" in refused(obey, "sweep", "report", "r1")
    assert "there is no run" in refused(obey, "sweep", "resume", "nothing")
    assert "there is no run" in refused(obey, "sweep", "report", "nothing")


def test_the_report_of_a_sweep_that_is_over_is_written_once(place: Path, obey: Obey, recorded: Path) -> None:
    shutil.copy(recorded, place / "state" / "journal.db")
    assert f"run {GRANTED} is over: closed" in refused(obey, "sweep", "resume", GRANTED)
    assert obey("sweep", "report", GRANTED, "--html", "report.html")[0] == 0
    before = (place / "report.html").read_bytes()
    assert '<h1 class="closed">0 left over: Keys, closed</h1>' in before.decode()
    assert "report.html cannot be written (File exists)" in refused(obey, "sweep", "report", GRANTED, "--html", "report.html")
    assert (place / "report.html").read_bytes() == before
    assert "cannot be written" in refused(obey, "sweep", "report", GRANTED, "--markdown", "no/such/folder.md")


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_cuts_a_report_and_says_where_the_rest_is(
    place: Path,
    obey: Obey,
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001 - a table's column
) -> None:
    keys = [f"key-{n}-of-many" for n in range(120)]
    left = [{"id": name, "reason": "it is protected"} for name in keys]
    excepted = [{"label": f"{name}-excepted", "reason": "left alone"} for name in keys]
    report: dict[str, Any] = {
        "run": "r9",
        "left_over": 120,
        "outcome": "partial",
        "title": "Keys",
        "pending": 0,
        "open": left,
        "exceptions": excepted,
        "findings": [],
        "residual": [],
        "types": {},
        "mandate": True,
        "seconds": {"total": 1.0},
        **dict.fromkeys(("in_scope", "changed", "writes", "rounds"), 120),
        **dict.fromkeys(("requester", "incident", "journal_head"), "x"),
    }

    async def shown(run: str) -> dict[str, Any]:
        del run
        return report

    monkeypatch.setattr("firedoor.running.show", shown)
    assert obey("sweep", "report", "r9", "--markdown", "report.md", "--html", "report.html")[0] == 1
    for file in ("report.md", "report.html"):
        text = (place / file).read_text()
        assert not [name for name in keys if name not in text or f"{name}-excepted" not in text]
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    said = obey("sweep", "report", "r9")[1]
    assert (keys[49] in said, keys[50] in said) == (True, not terminal)
    assert ("and 70 more" in said, "sweep report r9 --markdown FILE" in said) == (terminal, terminal)


def test_one_under_way_has_no_report_yet(place: Path, obey: Obey, recorded: Path) -> None:
    shutil.copy(recorded, place / "state" / "journal.db")

    async def resumed() -> None:
        async with Store(f"sqlite:///{place / 'state' / 'journal.db'}") as store:
            await Journal(store).append(GRANTED, Kind.RESUMED, {"from": 0})

    asyncio.run(resumed())
    said = refused(obey, "sweep", "report", GRANTED)
    assert f"run {GRANTED} is under way. Nothing was changed. See `firedoor show {GRANTED}`." in said


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"credentials": 3}', '{"credentials": [{"id": 1}]}', "\udcff", '{"credentials": [3]}']
)
def test_what_is_no_inventory_is_not_compared(place: Path, obey: Obey, content: str) -> None:
    sound = place / "sound.json"
    sound.write_text(json.dumps({"credentials": []}))
    (place / "other.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert "other.json is no inventory" in refused(obey, "inventory", "diff", str(sound), str(place / "other.json"))
    assert "cannot be read" in refused(obey, "inventory", "diff", str(place / "nothing.json"), str(sound))


def test_a_type_that_nothing_lists_and_a_vendor_that_is_not_there(obey: Obey) -> None:
    assert "nothing lists credentials of that type" in refused(obey, "inventory", "--kind", "pasword")
    assert "okta is not set up here" in refused(obey, "inventory", "--system", "okta")
    assert "nothing lists" in refused(obey, "inventory", "--system", "github")


@asynccontextmanager
async def a_house(folder: Path, change: Callable[[Hall], None]) -> AsyncIterator[Any]:
    async with hall(folder, {"north": {"ada": {"k1": "active"}}, "south": {"dan": {"k4": "active"}}}) as here:
        change(here)
        yield SimpleNamespace(sweeping=here.sweeping(), missing={})


def test_what_could_not_be_listed_is_told_first(place: Path, obey: Obey, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(here: Hall) -> None:
        here.vault.shut["south"] = Unreachable("it broke off", vendor="vault", operation="list")

    monkeypatch.setattr("firedoor.wiring.open_house", lambda *_, **__: a_house(place, broken))
    monkeypatch.setattr("firedoor.scope.Scope.concerns", lambda *_: True)
    code, out, _ = obey("inventory")
    assert code == 1
    assert out.startswith("# 1 credentials\n\n## Could NOT be listed\n\n- south, by vault.list_keys: it broke off\n")
    code, out, _ = obey("inventory", "--holder", "a*", "--unused-for", "1", "--json")
    found = json.loads(out)
    assert (code, found["unlisted"]) == (1, ["south, by vault.list_keys: it broke off"])
    assert found["listed"] == {"vault.key": ["north"]}
    assert found["not_listed"] == [{"type": "vault.key", "place": "south", "why": "it broke off"}]
    assert found["filters"] == {"types": [], "places": [], "holders": ["a*"], "owners": [], "given_to": [], "unused_for_days": 1}


def test_sessions_that_cloudtrail_shows_are_listed_with_what_it_covers(place: Path, obey: Obey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.wiring.open_house", lambda *_, **__: a_house(place, lambda _: None))
    code, out, _ = obey("inventory")
    assert code == 0
    assert "\nSessions were not looked at: no CloudTrail is set up here: with its files' folder in the setting aws_trail," in out
    assert "aws.session" not in json.loads(obey("inventory", "--json")[1])["listed"]
    assert "in the setting aws_trail" in refused(obey, "inventory", "--kind", "session")

    deliver(place, file_name(10), record("AssumeRole", minutes=10, **minted(SESSION)), record(key=SESSION, minutes=20))
    monkeypatch.setenv("FIREDOOR_AWS_TRAIL", json.dumps([str(place / "AWSLogs")]))
    code, out, _ = obey("inventory", "--kind", "session")
    assert code == 0
    assert out.startswith("# 1 credentials\n\nSessions are those that CloudTrail's files show: 2 records in 1 files, from 2023-11-16T16:10")
    assert "## What the files do not tell of sessions" in out
    assert f"- aws.session {SESSION} of user/svc in {ACCOUNT}: unknown, made 2023-11-16, last used 2023-11-16 (up to " in out
    assert f"issued by {ROLE}, asked for by arn:aws:iam::{ACCOUNT}:user/svc, with {KEY}, lives until an unknown time\n" in out
    code, out, _ = obey("inventory", "--kind", "session", "--json")
    found = json.loads(out)
    assert (found["listed"], found["sessions"]["files"], found["sessions"]["whole"]) == ({"aws.session": [ACCOUNT]}, 1, True)
    [one] = found["credentials"]
    assert (one["principal"], one["asked_for_with"], one["lives_until"]) == (f"arn:aws:iam::{ACCOUNT}:user/svc", KEY, None)
    assert SECRET not in out


def test_files_of_cloudtrail_that_are_not_there_are_told_first(place: Path, obey: Obey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.wiring.open_house", lambda *_, **__: a_house(place, lambda _: None))
    monkeypatch.setenv("FIREDOOR_AWS_TRAIL", json.dumps([str(place / "none")]))
    code, out, _ = obey("inventory", "--json")
    found = json.loads(out)
    assert (code, found["sessions"]["looked_at"]) == (1, False)
    assert "there is no such file or folder" in found["unlisted"][0]
    assert [(one["type"], one["place"]) for one in found["not_listed"]] == [("aws.session", None)]


def test_a_pattern_that_matches_nothing_is_no_empty_inventory(place: Path, obey: Obey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.wiring.open_house", lambda *_, **__: a_house(place, lambda _: None))
    monkeypatch.setattr("firedoor.scope.Scope.concerns", lambda *_: True)
    assert "no credential matches" in refused(obey, "inventory", "--holder", "nobody*")
    assert obey("inventory", "--holder", "a*")[0] == 0


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "![a](https://evil.example/x.png)",
    "<https://evil.example>",
    "a\n# 0 left over\n",
    "a\x1b[2Jb",
    "</h1></svg></style><b>",
    "`a` **b** | c &lt;",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_in_the_html_report_hostile_names_stay_text(name: str) -> None:
    report: dict[str, Any] = {
        "left_over": 1,
        "outcome": "partial",
        "title": name,
        "pending": 0,
        "open": [{"id": name, "reason": name}],
        "findings": [{"says": name}],
        "types": {"vault.key": {"REVOKED": 3, "FAILED": 1}},
        "exceptions": [{"label": name, "reason": name}],
        "residual": [{"what": name, "until": name, "closes_by": name, "credentials": 3, "type": name}],
        "mandate": False,
        "approval": {"by": [name], "ruling": "granted"},
        "seconds": {"total": 1.0},
        "journal_head": "sha256:0",
    }
    report |= dict.fromkeys(("in_scope", "changed", "writes", "rounds"), 4) | dict.fromkeys(("requester", "run", "incident"), name)
    page = sweephtml.page(report)
    body = page.partition("<body>")[2]
    assert body.startswith('<h1 class="open">1 LEFT OVER: ')
    for live in ("<script", "<img", "<a ", "href=", "src=", "onerror=alert(1)>", "url(", "\x1b"):
        assert live not in page.replace("&lt;script", "").replace("&lt;img src=x onerror=alert(1)&gt;", ""), live
    assert "default-src 'none'" in page
    assert body.count("<h1") == 1
