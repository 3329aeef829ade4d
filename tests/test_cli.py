"""The command line as a process: what it loads, what it prints where, and what it exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firedoor import cli
from firedoor.shelf import shelf

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("prefect", "okta", "boto3", "botocore", "slack_sdk", "slack_bolt", "aiohttp", "sqlalchemy", "moto", "rich")


def _firedoor(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    environment = {**kept, "FIREDOOR_STATE_DIR": str(folder / "state"), "FIREDOOR_CONFIG": str(folder / "firedoor.toml")}
    command = [sys.executable, "-m", "firedoor", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "firedoor.toml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["playbooks", "list"],
        ["contain", "--help"],
        ["permissions", "aws", "--for", "preview"],
        ["doctor", "--help"],
        ["init", "--help"],
        ["journal", "backup", "--help"],
    ],
)
def test_help_and_lists_load_no_sdk_and_no_prefect(words: list[str]) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['firedoor', *{words!r}]\n"
        "try:\n    runpy.run_module('firedoor', run_name='__main__')\n"
        "except SystemExit as left:\n    assert not left.code, left.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"


def test_every_command_is_in_the_help(folder: Path) -> None:
    done = _firedoor(folder, "--help")
    assert done.returncode == 0
    for command in (
        "drill",
        "plan",
        "contain",
        "resume",
        "runs",
        "show",
        "serve",
        "playbooks",
        "actions",
        "audit",
        "hunt",
        "import",
        "journal",
        "init",
        "doctor",
        "permissions",
    ):
        assert command in done.stdout


def test_playbooks_and_actions_as_json(folder: Path) -> None:
    books = json.loads(_firedoor(folder, "playbooks", "list", "--json").stdout)["playbooks"]
    assert {book["playbook"] for book in books} == set(shelf())
    actions = json.loads(_firedoor(folder, "actions", "list", "--json").stdout)["actions"]
    assert all(action["reads"] and action["writes"] for action in actions)


def test_the_shipped_playbooks_are_sound_and_a_broken_one_is_not(folder: Path) -> None:
    assert _firedoor(folder, "playbooks", "lint").returncode == 0
    broken = folder / "broken.yaml"
    broken.write_text("playbook: broken\ntitle: x\nabout: y\ninputs: {}\nqueries: {}\nsteps:\n  - id: a\n    actoin: okta.suspend_user\n")
    done = _firedoor(folder, "playbooks", "lint", str(broken))
    assert done.returncode == 2
    assert "line 8" in done.stdout
    assert "actoin" in done.stdout


def test_an_empty_journal_is_whole_and_has_no_runs(folder: Path) -> None:
    done = _firedoor(folder, "audit", "verify", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["events"] == 0
    assert json.loads(_firedoor(folder, "runs", "--json").stdout) == {"runs": []}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["contain", "identity-breech"], "did you mean 'identity-breach'"),
        (["contain", "identity-breach", "-i", "users=ada@acme.example"], "FIREDOOR_OKTA_ORG_URL"),
        (["plan", "identity-breach"], "'users' is missing"),
        (["plan", "session-hijack", "-i", "users=ada@acme.example"], "FIREDOOR_OKTA_ORG_URL"),
        (["resume", "nothing"], "no run"),
        (["show", "nothing"], "no run"),
        (["drill", "cloudflare-okta-2032"], "did you mean 'cloudflare-okta-2023'"),
        (["drill", "--approve", "maybe"], "auto, ask or page"),
        (["drill", "--approve", "ask"], "terminal"),
        (["serve"], "FIREDOOR_OKTA_ORG_URL"),
        (["frobnicate"], "frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_exits_with_2_and_one_clear_message(folder: Path, words: list[str], said: str) -> None:
    done = _firedoor(folder, *words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not list((folder / "state").glob("drills/*"))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_who_has_left_is_no_error(stream: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    words = ["show", "nothing"] if stream == "stderr" else ["playbooks", "list"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: theirs}
    done = subprocess.run([sys.executable, "-m", "firedoor", *words], cwd=ROOT, text=True, timeout=60, check=False, **pipes)  # type: ignore[call-overload]
    os.close(theirs)
    assert done.returncode == (2 if stream == "stderr" else 0)
    assert not done.stdout
    assert not done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_what_is_closed_from_the_start_is_no_error(closed: str) -> None:
    command = f"{sys.executable} -m firedoor playbooks list {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (closed == "2>&-")


def test_what_a_full_disk_has_no_room_for_is_told(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "firedoor", "playbooks", "list", "--json"]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("What was to be printed could not be written (No space left on device). ")
    assert done.stderr.count("\n") == 1


STREAMED = [
    ["contain", "session-hijack"],
    ["freeze", "ada"],
    ["resume", "r1"],
    ["undo", "r1"],
    ["sweep", "run", "it"],
    ["sweep", "resume", "r1"],
]


@pytest.mark.parametrize("words", STREAMED, ids=" ".join)
def test_json_and_a_stream_of_it_exclude_each_other(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey([*words, "--json", "--json-stream"]) == 2
    out, err = capsys.readouterr()
    assert "exclude each other" in err
    assert json.loads(out.splitlines()[-1])["event"] == "error"


def test_an_error_is_the_last_line_of_a_stream(folder: Path) -> None:
    done = _firedoor(folder, "resume", "nothing", "--json-stream")
    assert done.returncode == 2
    fault = json.loads(done.stdout)
    assert (fault["event"], fault["error"], fault["changed"]) == ("error", "UnknownRun", False)


def test_an_error_is_json_too_where_json_was_asked_for(folder: Path) -> None:
    done = _firedoor(folder, "show", "nothing", "--json")
    assert done.returncode == 2
    fault = json.loads(done.stdout)
    assert fault["error"] == "UnknownRun"
    assert fault["changed"] is False
    assert fault["advice"]


def test_a_playbook_is_shown_drawn_and_described_for_editors(folder: Path) -> None:
    shown = _firedoor(folder, "playbooks", "show", "identity-breach")
    assert shown.returncode == 0
    assert "- revoke_sessions: End a user's Okta sessions" in shown.stdout
    assert "okta.revoke_sessions, after suspend" in shown.stdout
    drawn = _firedoor(folder, "playbooks", "graph", "identity-breach")
    assert "    step_suspend --> step_revoke_sessions\n" in drawn.stdout
    described = json.loads(_firedoor(folder, "playbooks", "schema").stdout)
    assert described == json.loads((ROOT / "playbooks" / "schema.json").read_text())
    assert "okta.suspend_user" in described["$defs"]["Step"]["properties"]["action"]["enum"]
    unknown = _firedoor(folder, "playbooks", "show", "identity-beach")
    assert unknown.returncode == 2
    assert "did you mean 'identity-breach'" in unknown.stderr


def test_init_writes_two_files_and_never_over_one(folder: Path) -> None:
    done = _firedoor(folder, "init", str(folder / "new"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Written: {folder / 'new' / 'firedoor.toml'}\nWritten: {folder / 'new' / '.env.example'}\n"
    written = (folder / "new" / "firedoor.toml").read_bytes()
    again = _firedoor(folder, "init", str(folder / "new"))
    assert (again.returncode, again.stdout) == (2, "")
    assert len(again.stderr.splitlines()) == 1
    assert "are there already" in again.stderr
    assert (folder / "new" / "firedoor.toml").read_bytes() == written


def test_the_doctor_reads_the_settings_first(folder: Path) -> None:
    done = _firedoor(folder, "doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)["findings"]
    assert [(one["area"], one["at"]) for one in found if one["state"] == "failure"] == [("roster", "[[people]]")]
    assert not (folder / "state").exists()
    (folder / "firedoor.toml").write_text("okta_org_ulr = 1")
    wrong = _firedoor(folder, "doctor")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean 'okta_org_url'" in wrong.stderr
