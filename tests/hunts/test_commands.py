"""The hunts as commands, each a process of its own: what they print, what they exit with, and that they tell no secret."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor import hunt_words
from firedoor.canonical import plain
from firedoor.hunting import Judge
from firedoor.journal import Journal, Kind
from firedoor.store import Store
from firedoor.vendors.okta.meter import OktaLimits
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.values import LogEntry, LogParty
from tests.hunts.logbook import OPS, ROBOT, SESSION_SECRET, SUPPLIER, TOKEN, written
from tests.hunts.measured import measured
from tests.vendors.aws.test_trail import KEY, SECRET, T, deliver, file_name, minted, record

FOREVER = OktaLimits(logs=10_000)


async def test_okta_is_hunted_over_the_wire(tmp_path: Path) -> None:
    book = written(3_000)
    async with OktaSimulator(book.world, lag=OktaLag(system_log=0.0), limits=FOREVER) as okta:
        setting = {"FIREDOOR_OKTA_ORG_URL": okta.url, "FIREDOOR_OKTA_API_TOKEN": TOKEN}
        words = ("hunt", "okta", "--since", book.since.isoformat(), "--expected", ROBOT.id, "--supplier", SUPPLIER)
        data = await measured(tmp_path, *words, "--json", environment=setting)
        text = await measured(tmp_path, *words, environment=setting)
        quiet = await measured(
            tmp_path, "hunt", "okta", "--since", book.since.isoformat(), "--until", book.since.isoformat(), environment=setting
        )
        assert not [seen for seen in okta.requests if seen.writes]
    assert (data.code, text.code, quiet.code) == (1, 1, 2)
    assert {one["evidence"] for one in data.data["findings"]} == book.uuids(book.planted).keys() | book.uuids(book.honest).keys()
    assert len(data.data["expected"]) == book.robotic
    assert text.out.startswith(f"# {len(data.data['findings'])} findings in Okta's System Log")
    assert "Contain: firedoor contain session-hijack -i users=00ustranger" in text.out
    assert not any(secret in one.out + one.err for one in (data, text, quiet) for secret in (TOKEN, SESSION_SECRET))


async def test_an_act_in_firedoors_own_name_is_found_unless_a_run_wrote_it_and_never_ends_as_nothing_found(tmp_path: Path) -> None:
    book = written(10, planted=0, honest=0)
    log, ada = book.world.log, book.world.users["00uperson1"].party
    log.write("user.mfa.factor.reset_all", at=datetime.now(UTC) - timedelta(seconds=10), actor=book.world.users[OPS].party, targets=[ada])
    words = ("hunt", "okta", "--since", book.since.isoformat())
    robot = ("--expected", ROBOT.id)
    async with OktaSimulator(book.world, lag=OktaLag(system_log=0.0), limits=FOREVER) as okta:
        setting = {"FIREDOOR_OKTA_ORG_URL": okta.url, "FIREDOOR_OKTA_API_TOKEN": TOKEN}
        text = await measured(tmp_path, *words, *robot, environment=setting)
        named = await measured(tmp_path, *words, *robot, "--expected", "ops@acme.example", environment=setting)
        async with Store(f"sqlite:///{tmp_path / 'state' / 'journal.db'}") as store:
            change = {"subject": "okta:user:00uperson1", "at": {}}
            await Journal(store).append("251126-aaaaaa", Kind.INTENT, {"change": change})
        wrote = await measured(tmp_path, *words, *robot, "--json", environment=setting)
    assert text.code == 1, text.err
    assert text.out.startswith("# 1 finding in Okta's System Log")
    assert "in Firedoor's own name, and no run in the journal at hand wrote that" in text.out
    assert named.code == 0
    assert ", and 1 act by known hands" in named.out.splitlines()[0]
    assert (wrote.code, wrote.data["findings"]) == (1, [])
    assert [(one["why"], one["named"]) for one in wrote.data["expected"]] == [("run 251126-aaaaaa wrote to it then", False)]


def test_a_command_to_paste_obeys_no_login() -> None:
    login = "a`id`$x&'b@evil.example"
    (hit,) = Judge(since=T).judge(
        LogEntry(
            uuid="u1",
            event_type="user.lifecycle.create",
            published=T,
            actor=LogParty(id="", type="User", name=login),
            targets=(),
            outcome="SUCCESS",
            ip="",
            session="",
            step=None,
        )
    )
    line = hunt_words.finding(cast(Mapping[str, Any], plain(hit.finding)))
    words = shlex.split(line.partition("Contain: ")[2].rstrip("."))
    given = ["-i", f"users={login}", "-i", "since=2023-11-16T16:00:00Z"]
    assert words == ["firedoor", "contain", "session-hijack", *given, "--key", "FILE"]


@pytest.mark.parametrize("since", ["yesterday", "2023-10-18", "2023-10-18T16:00:00", "2099-01-01T00:00:00Z"])
async def test_a_moment_that_is_none_is_bad_input(tmp_path: Path, since: str) -> None:
    book = written(10, planted=0, honest=0)
    async with OktaSimulator(book.world) as okta:
        setting = {"FIREDOOR_OKTA_ORG_URL": okta.url, "FIREDOOR_OKTA_API_TOKEN": TOKEN}
        assert (await measured(tmp_path, "hunt", "okta", "--since", since, environment=setting)).code == 2


async def test_okta_that_is_not_set_up_or_not_there_is_said(tmp_path: Path) -> None:
    since = ("hunt", "okta", "--since", "2023-10-18T16:00:00Z")
    bare = await measured(tmp_path, *since)
    assert bare.code == 2
    assert "FIREDOOR_OKTA_ORG_URL" in bare.err
    away = await measured(tmp_path, *since, environment={"FIREDOOR_OKTA_ORG_URL": "http://127.0.0.1:1", "FIREDOOR_OKTA_API_TOKEN": TOKEN})
    assert away.code == 2
    assert TOKEN not in away.err


async def test_a_key_is_looked_up_in_cloudtrails_files(tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    deliver(trail, file_name(0), record(minutes=1), record("AssumeRole", minutes=2, **minted("ASIASESSIONSESSION22")))
    window = ("--since", f"{T:%Y-%m-%dT%H:%M:%SZ}", "--until", "2023-11-16T19:00:00Z")
    data = await measured(tmp_path, "hunt", "aws-key", KEY, "--trail", str(trail), *window, "--json")
    assert data.code == 1
    assert {one["rule"] for one in data.data["findings"]} == {"key_used", "role_taken"}
    assert data.data["whole"]
    assert data.data["coverage"]["records"] == 2
    text = await measured(tmp_path, "hunt", "aws-key", KEY, "--trail", str(trail), *window)
    assert "2 hours without a record" in text.out
    assert f"firedoor contain leaked-aws-key -i access_keys={KEY}" in text.out
    unused = await measured(tmp_path, "hunt", "aws-key", "AKIAUNSEENUNSEEN2222", "--trail", str(trail), "--json")
    assert (unused.code, unused.data["findings"]) == (0, [])
    deliver(trail, "broken.json").write_text('{"Records": [' + json.dumps(record(minutes=1)))
    broken = await measured(tmp_path, "hunt", "aws-key", "AKIAUNSEENUNSEEN2222", "--trail", str(trail))
    assert broken.code == 1
    assert "INCOMPLETE" in broken.out
    wrong = [
        await measured(tmp_path, "hunt", "aws-key", *words)
        for words in ((SECRET, "--trail", str(trail)), (KEY, "--trail", str(tmp_path / "none")))
    ]
    assert [one.code for one in wrong] == [2, 2]
    assert not any(SECRET in one.out + one.err for one in (data, text, unused, broken, *wrong))
