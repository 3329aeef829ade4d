"""A vendor that fails, or says nothing, as Firedoor sets out: what it holds is named, and nothing else waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from firedoor import running
from firedoor.errors import Unreachable
from firedoor.vendors.faults import Fault
from tests import fakes
from tests.company import Company, company
from tests.line import Line


@pytest.fixture
async def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


async def previewed(acme: Company) -> Any:
    given = [f"users={','.join(acme.estate.victims)}", f"access_keys={acme.estate.stolen_key}"]
    return await running.preview("identity-breach", given)


def reached(report: Any) -> set[str]:
    return {one["action"].partition(".")[0] for one in report["steps"] if not one["telling"] and one["outcome"] == "PREVIEWED"}


async def test_a_vendor_that_fails_by_its_own_account_is_no_different_from_one_that_is_not_there(acme: Company) -> None:
    """Okta answers with 500 for minutes, from the first greeting on."""
    acme.okta.faults.plan(Fault(operation="getUser", status=500, body="no"), times=500)
    report = await previewed(acme)
    assert reached(report) == {"aws"}
    assert {one["id"] for one in report["open"]} >= {"suspend/?", "revoke_sessions/?"}
    assert all("Okta" in one["reason"] for one in report["open"] if one["id"].startswith("suspend"))


async def test_a_vendor_that_says_nothing_is_not_waited_for(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.clients.GREETING_SECONDS", 1.5)
    line = Line(port=int(acme.okta.url.rpartition(":")[2]), url=f"{acme.okta.url}/", silent=True)
    await line.open()
    monkeypatch.setenv("FIREDOOR_OKTA_ORG_URL", line.address.rstrip("/"))
    try:
        report = await previewed(acme)
    finally:
        await line.shut()
    assert reached(report) == {"aws"}
    assert any("okta did not answer within 1.5 s" in one["reason"] for one in report["open"])


class Mute(fakes.Shut):
    """A door of another vendor, which says nothing when it is read for the plan, and is gone by the time that it is to be shut."""

    spec = fakes.spec("shut", id="mute.shut")
    reads = 0

    async def read(self, target: fakes.Door) -> fakes.Seen:
        del target
        Mute.reads += 1
        if Mute.reads == 1:
            await asyncio.Event().wait()
        raise Unreachable("it could not be reached", vendor="mute", operation="read", advice="Resume the run")


async def test_a_vendor_that_falls_silent_while_it_is_read_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.hasten(monkeypatch)
    monkeypatch.setattr("firedoor.planning.SILENT_SECONDS", 0.2)
    steps = [fakes.SHUT, {"id": "mute", "action": "mute.shut", "for_each": "${queries.doors}"}]
    async with fakes.lab(tmp_path, {"front": {"k1": "open"}}, actions=(fakes.Shut, Mute)) as it:
        report = await it.contain(fakes.book(steps=steps))
        assert report["outcome"] == "partial"
        assert fakes.outcomes(report) == ["CHANGED", "FAILED"]
        assert dict(it.vendor.effects) == {"shut front/k1": 1}
