"""The watch and the closing of an incident as people use them: the real commands, at a company of simulated vendors."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firedoor import auditing, incidents, running
from firedoor.cli import app
from firedoor.errors import BadInput, DecisionRefused
from firedoor.terminal import Signer
from firedoor.vendors.okta.systemlog import Party
from tests.test_terminal import Night, make_key, night, on_paper

__all__ = ["night"]  # a fixture


async def said(*words: str) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, words))


async def contained(night: Night) -> str:
    """The name of a run that has suspended somebody."""
    task = asyncio.ensure_future(night.contain(night.ordinary))
    night.runs.append(task)
    report, _ = await asyncio.gather(task, night.acme.approve())
    assert report["outcome"] == "contained"
    return str(report["run"])


def let_in(night: Night) -> None:
    """Somebody lifts the suspension by hand."""
    [user] = [one for one in night.acme.okta.world.users.values() if one.login == night.ordinary]
    night.acme.okta.world.unsuspend(user, by=Party(id="00uadmin", type="User", name="somebody@acme.example"))


async def test_an_incident_from_its_containment_to_its_closing(night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = await contained(night)
    asked, writes = len(night.acme.okta.requests), night.acme.writes()
    with monkeypatch.context() as patch:
        patch.delenv("FIREDOOR_OKTA_API_TOKEN")  # nothing but the credentials that only read
        first = await said("watch")
        assert first.exit_code == 0, first.stdout + str(first.exception)
        assert first.stdout.startswith("# 0 open again; ")
        let_in(night)
        second = await said("watch", run, "--json")
        assert second.exit_code == 1
        [row] = json.loads(second.stdout)["runs"]
        assert ("okta.suspend_user", True) in {(one["action"], one["again"]) for one in row["open"]}
        assert row["contain"] == f"firedoor contain session-hijack -i since=1970-01-01T00:00:00Z -i users={night.ordinary} --key FILE"
        assert re.match("# [1-9] open again", (await said("watch", "--since", "7d")).stdout)
        assert (await incidents.watch(since=timedelta(0)))["runs"] == [], "it was asked for earlier"
    assert night.acme.writes() == writes
    assert not [one for one in night.acme.okta.requests[asked:] if one.writes]
    shown = await said("show", run)
    assert "## The watch, last at" in shown.stdout
    assert "OPEN AGAIN since the look of" in shown.stdout

    words = ("close", run, "--key", str(night.key(1)), "--reason", "they left us", "--yes")
    refused = await said(*words)
    assert isinstance(refused.exception, BadInput)
    assert "is open, or was not seen to stand" in str(refused.exception)
    paper = await on_paper(night, tmp_path, "close", run, "--reason", "they left us", "--with-open", number=1)
    back = ("--document", str(paper.document), "--signature", str(paper.signature))
    other = await said("close", run, "--reason", "they stay", "--with-open", *back)
    assert "the document says 'reason: they left us'" in str(other.exception)
    done = await said("close", run, "--reason", "they left us", "--with-open", "--json", *back)
    assert done.exit_code == 0, str(done.exception)
    found = json.loads(done.stdout)
    assert found["by"] == night.name(1)
    assert [one for one in found["left"] if f"suspend {night.ordinary} in Okta" in one]
    again = await said("watch")
    assert (again.exit_code, again.stdout) == (0, "# 0 open again; nothing is watched\n")
    named = await said("watch", run)
    assert f"is not watched: {night.name(1)} has closed it" in str(named.exception)
    assert f"by {night.name(1)}: they left us" in (await said("show", run)).stdout
    assert (await auditing.verify()).faults == ()


async def test_who_may_not_or_will_not_closes_nothing(night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    run = await contained(night)

    async def close(**changed: Any) -> Mapping[str, Any]:
        given = {"signer": night.signer(1), "reason": "over", "with_open": False, "confirm": lambda _: True, **changed}
        return await incidents.close(given.pop("name", run), given.pop("signer"), **given)

    with pytest.raises(BadInput, match="nobody has looked yet"):
        await close()
    await incidents.watch()
    make_key(tmp_path / "stranger")
    with pytest.raises(BadInput, match="nobody's on the roster"):
        await close(signer=Signer.with_key(tmp_path / "stranger"))
    with pytest.raises(BadInput, match="you said no"):
        await close(confirm=lambda _: False)
    with pytest.raises(BadInput, match="for a reason"):
        await close(reason=" ")
    with pytest.raises(BadInput, match="there is no run"):
        await close(name="r404")
    with pytest.raises(DecisionRefused, match="not one by a key of yours"):
        await close(signer=Signer(public=night.signer(1).public, sign=night.signer(2).sign))
    with monkeypatch.context() as patch:
        patch.setattr(incidents, "FRESH", timedelta(0))
        with pytest.raises(BadInput, match="the last look at run"):
            await close()
    assert "closed" not in await running.show(run)
    assert (await close())["closed"]
    with pytest.raises(BadInput, match="has closed it"):
        await close()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("watch", "r404"), "there is no run 'r404'"),
        (("watch", "--since", "soon"), "'soon' is no span of time"),
        (("watch", "--since", "-1d"), "'-1d' is no span of time"),
        (("close", "r404", "--reason", "x"), "no key is named"),
    ],
)
def test_bad_words_are_refused_in_words(words: tuple[str, ...], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "firedoor.toml").write_text("")
    monkeypatch.setenv("FIREDOOR_CONFIG", str(tmp_path / "firedoor.toml"))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(tmp_path))
    told = CliRunner().invoke(app, words).exception
    assert isinstance(told, BadInput)
    assert why in str(told)
