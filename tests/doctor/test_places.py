"""The journal and Prefect: what may be wrong with each, one thing at a time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from firedoor.doctor import journal, prefect
from firedoor.doctor.checkup import State, examine
from firedoor.journal import Journal, Kind
from firedoor.run import LEFT
from firedoor.settings import Settings
from firedoor.store import Store
from tests.conftest import Postgres
from tests.doctor.asking import say

pytestmark = pytest.mark.identities


async def test_a_journal_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    async with Store(settings.journal_url):
        pass
    before = (tmp_path / "journal.db").read_bytes()
    words = await say(journal.check(settings))
    assert words[1:] == [
        "it answers, and its tables are those of this Firedoor",
        "what is committed is kept (WAL; Firedoor writes with synchronous=FULL)",
    ]
    assert (tmp_path / "journal.db").read_bytes() == before
    assert _made_in(tmp_path) == {"journal.db"}
    async with Store(settings.journal_url):
        at_work = _made_in(tmp_path)
        assert await say(journal.check(settings)) == words
        assert _made_in(tmp_path) == at_work, "nor is anything taken from whoever is at it"


def _made_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_of_a_newer_firedoor_the_file_is_told_and_no_setting_that_nobody_made(tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415

    settings = Settings(state_dir=tmp_path)
    async with Store(settings.journal_url):
        pass
    with sqlite3.connect(tmp_path / "journal.db") as made:
        made.execute("UPDATE firedoor_version SET version_num = '9999'")
    *_, newer = await examine([journal.check(settings)])
    assert (newer.state, newer.at) == (State.FAILURE, f"the file {tmp_path / 'journal.db'}")
    assert "written by a newer Firedoor" in newer.says


async def test_a_file_that_is_yet_to_be_brought_up_to_date(tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(tmp_path / "journal.db") as made:
        made.execute("CREATE TABLE nothing_of_ours (x)")
    before = (tmp_path / "journal.db").read_bytes()
    words = await say(journal.check(Settings(state_dir=tmp_path)))
    assert [one.partition(":")[0] for one in words] == ["warning", "warning"]
    assert "yet to be brought up to date" in words[0]
    assert "not in WAL mode, which is due" in words[1]
    assert (tmp_path / "journal.db").read_bytes() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:a-password@h/d", "neither SQLite nor PostgreSQL"),
        ("sqlite:///{folder}", "is no file"),
        ("not a url with a-password", "cannot be used"),
    ],
)
async def test_a_database_that_cannot_be_one(tmp_path: Path, url: str, said: str) -> None:
    (words,) = [
        one for one in await say(journal.check(Settings(state_dir=tmp_path, database_url=url.format(folder=tmp_path)))) if "failure" in one
    ]
    assert said in words
    assert "a-password" not in words


async def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    words = await say(journal.check(Settings(state_dir=tmp_path / "state")))
    assert words[0].startswith(f"failure: the folder {tmp_path / 'state'}: this user may not write to {tmp_path}. Give the user")


async def test_a_server_that_does_not_keep_what_is_committed(tmp_path: Path, postgres: Postgres) -> None:
    settings = Settings(state_dir=tmp_path, database_url=postgres.database())
    words = await say(journal.check(settings))
    assert ["yet to be brought up to date" in words[0], "fsync is off: a power cut may take" in words[1]] == [True, True]
    async with Store(settings.journal_url):
        pass
    assert [one.partition(":")[0] for one in await say(journal.check(settings))] == ["failure"]


def test_what_a_server_says_of_itself() -> None:
    on = {"fsync": "on", "full_page_writes": "on", "transaction_read_only": "off"}
    assert [one.state for one in journal.judged(on, "there")] == [State.OK]
    assert [one.state for one in journal.judged({**on, "full_page_writes": "off"}, "there")] == [State.FAILURE]
    assert [one.state for one in journal.judged({**on, "transaction_read_only": "on"}, "there")] == [State.OK, State.FAILURE]


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A server that answers as it is told, and wants what it is told for credentials."""
    told: dict[str, Any] = {"body": '"3.4.1"', "status": 200, "wants": ""}

    async def answer(request: web.Request) -> web.Response:
        told["sent"] = request.headers.get("Authorization")
        if told["wants"] and request.headers.get("Authorization") != told["wants"]:
            return web.Response(status=401)
        return web.Response(status=told["status"], text=told["body"])

    app = web.Application()
    app.router.add_get("/api/admin/version", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api", told
    finally:
        await runner.cleanup()


async def test_prefect(server: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    url, answers = server
    monkeypatch.setattr(prefect, "version", lambda _: "3.4.9")
    monkeypatch.setenv("PREFECT_API_URL", url)
    for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    assert await say(prefect.check()) == ["it answers, and is 3.4.1"]
    assert answers["sent"] is None
    answers["body"] = '"3.7.0"'
    assert (await say(prefect.check()))[0].startswith("warning: PREFECT_API_URL: it is 3.7.0, and ours is 3.4.9. Run a server of 3.4")
    answers["body"] = "<html>a page of somebody else's</html>"
    assert "is no API of Prefect (HTTP 200)" in (await say(prefect.check()))[0]
    answers |= {"body": '"3.4.1"', "wants": "Basic YWRtaW46cGFzcw=="}
    (shut,) = await say(prefect.check())
    assert shut.startswith("failure: PREFECT_API_URL: it does not let us in (HTTP 401). Set PREFECT_API_AUTH_STRING")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:pass")
    assert await say(prefect.check()) == ["it answers, and is 3.4.1"]
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_key")
    answers["wants"] = "Bearer pnu_key"
    assert await say(prefect.check()) == ["it answers, and is 3.4.1"]


async def test_prefect_away_or_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    (away,) = await say(prefect.check())
    assert away.startswith("failure: PREFECT_API_URL: Prefect could not be reached")
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.internal:4200/api")
    (clear,) = await say(prefect.check())
    assert clear.startswith("warning: PREFECT_API_URL: PREFECT_API_URL is plain http")


async def test_what_a_restore_has_left_to_people_is_told_until_somebody_goes_on_with_it(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    async with Store(settings.journal_url) as store:
        record = Journal(store)
        for run in ("r1", "r2"):
            await record.append(run, Kind.OPENED, {})
            await record.append(run, Kind.NOTED, LEFT)
        await record.append("r1", Kind.RESUMED, {"from": 0})
        [said] = [one for one in await say(journal.check(settings)) if "put back" in one]
        assert said.startswith("warning")
        assert "left to people: r2" in said
        await record.append("r2", Kind.FINISHED, {})
        assert not [one for one in await say(journal.check(settings)) if "put back" in one]
