"""Heads of the journal that are told outside: found again in what people kept, and in what Firedoor said itself."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from firedoor import auditing, heads, running
from firedoor.canonical import digest
from firedoor.vendors.slack.people import Person
from tests.company import company

ONE, OTHER = digest(1), digest(2)


@pytest.mark.parametrize(
    "text",
    [
        f"Run 1, incident 2, journal head {ONE}\n",
        f"Run 1, incident 2, journal head\n{ONE}",
        f'{{"journal_head": "{ONE}"}}',
        json.dumps({"report": {"journal_head": ONE, "plan": {"fingerprint": OTHER}}}),
        json.dumps([{"blocks": [{"elements": [{"text": f"Run 1, journal head {ONE}"}]}]}]),
        json.dumps({"text": f"a\nJournal head\n{ONE}"}),
        f"**Journal head:** `{ONE}`",
        f"fingerprint {OTHER}\nJOURNAL HEAD {ONE.upper()} {OTHER}",
        f"journal head {ONE} and again journal head {ONE}",
    ],
)
def test_a_head_is_found_in_what_people_keep(text: str) -> None:
    assert heads.in_file(text) == (ONE,)


NONE = ["", "{", f"fingerprint {ONE}", f"journal {ONE}", f"journal head {ONE}0", "[" * 100_000, f"journal head {ONE[:-1]}"]


@pytest.mark.parametrize("text", NONE)
def test_other_hashes_are_no_heads(text: str) -> None:
    assert heads.in_file(text) == ()


async def test_each_place_tells_a_head_and_the_audit_finds_it_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request and the report in Slack, the ticket, the report that is printed; and no secret is in the run's pack."""
    async with company(tmp_path) as acme:
        for name, value in acme.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setattr("firedoor.step.PACE", 0.02)
        job = running.contain("session-hijack", [f"users={acme.estate.victims[0]}"], who=acme.who(), say=lambda _: None)
        report, _ = await asyncio.gather(job, acme.approve())
        run, printed = str(report["run"]), str(report["journal_head"])
        assert (await running.show(run))["journal_head"] == printed
        (tmp_path / "report.json").write_text(json.dumps(report))

        async with Person(acme.slack.url, acme.member(0)) as mallory:
            await mallory.say("C0INCIDENT", f"journal head {OTHER}")
        found = await auditing.verify(files=[tmp_path / "report.json"], from_slack=True)
        assert (found.faults, found.unchecked) == ((), ())
        assert len([one for one in found.heads if "in Slack" in one.where]) >= 2, "of the request and of the report; not what others say"
        assert printed in {one.head for one in found.heads}

        path = await auditing.export(run, tmp_path / "pack.zip")
        told = json.loads(_read(path)["heads.json"])["told"]
        places = " ".join(one["where"] for one in told)
        assert "in Slack, in the request" in places
        assert "in Slack, in the report" in places
        assert f"in the ticket {report['ticket']}" in places
        assert {one["head"] for one in told} <= {event["hash"] for event in map(json.loads, _read(path)["events.jsonl"].splitlines())}
        kept = b"\n".join(_read(path).values())
        key = (tmp_path / "state" / "approval.key").read_bytes()
        secrets = [value for name, value in acme.environment.items() if "TOKEN" in name or "SECRET" in name]
        keyrings = [one.keeping for one in acme.estate.keys.values()]
        assert len(secrets) >= 6
        for secret in (*secrets, *keyrings, key.hex(), base64.b64encode(key).decode()):
            assert secret.encode() not in kept
        assert key not in kept

        with sqlite3.connect(tmp_path / "state" / "journal.db") as sql:
            sql.execute("DELETE FROM events WHERE seq > 6")
        sql.close()
        cut = await auditing.verify(from_slack=True)
        assert any(fault.what.startswith(f"the head {printed} was told outside (in Slack, message ") for fault in cut.faults)


def _read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}
