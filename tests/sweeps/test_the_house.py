"""The rest of the house about sweeps: what resumes, undoes, stops and shows a run knows one that is a sweep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor import cli, running, sweepwords
from firedoor.alone import held_as
from firedoor.approval import Answer
from firedoor.errors import BadInput
from firedoor.journal import Kind
from firedoor.lease import Leases
from tests import fakes
from tests.fakes import DAN, KEYS, NO, ROSTER, hasten
from tests.sweeps.vault import Hall, Watched, book, hall

RUN = "251126-aaaaaa"
TWO = {"north": {"ada": {"k1": "active", "k2": "inactive"}, "ben": {"k3": "active"}}, "south": {"dan": {"k4": "active"}}}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.batching.POLL_SECONDS", 0.02)


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hall]:
    """A vault whose journal is that of the command line."""
    people = [f'[[people]]\nname = "{one.name}"\nslack = "U{n}AA"\nkeys = {list(one.keys)}\n' for n, one in enumerate(ROSTER.people)]
    (tmp_path / "firedoor.toml").write_text("".join(people))
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("FIREDOOR_CONFIG", str(tmp_path / "firedoor.toml"))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(tmp_path / "state"))
    async with hall(tmp_path / "state", TWO) as found:
        yield found


async def obey(*words: str) -> int:
    return await asyncio.to_thread(cli.obey, words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("resume", RUN), f"run {RUN} is a sweep. Nothing was changed. Use `firedoor sweep resume {RUN}`."),
        (("undo", RUN), "a sweep is not undone as a whole"),
        (("undo", RUN, "--plan"), f"firedoor audit export {RUN}"),
        (("sweep", "resume", RUN), f"run {RUN} is over: closed"),
    ],
)
async def test_a_sweep_is_neither_resumed_nor_undone_as_a_run_is(
    here: Hall, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await here.sweep()
    events = len(await here.journal.events(RUN))
    assert await obey(*words) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert len(await here.journal.events(RUN)) == events


async def test_the_engine_of_runs_leaves_a_sweep_alone_whoever_calls_it(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        await here.sweep()
        before = [event.kind for event in await here.journal.events(RUN)]
    async with fakes.lab(tmp_path, {}) as lab:
        with pytest.raises(BadInput, match="sweep resume"):
            await lab.resume(RUN)
        with pytest.raises(BadInput, match="not undone as a whole"):
            await lab.undo(RUN, answer=None)
        assert await lab.kinds(RUN) == before


async def test_a_sweep_that_somebody_works_on_is_not_resumed(here: Hall, capsys: pytest.CaptureFixture[str]) -> None:
    order = here.order(book())
    async with Leases(here.store, "host:77:aa").holding(held_as(RUN), patience=0):
        await here.journal.append(RUN, Kind.OPENED, order, claim="opened")
        await here.journal.append(RUN, Kind.PLANNED, {"items": [], "fingerprint": ""})
        assert await obey("sweep", "resume", RUN) == 2
        assert "died before anybody was asked" in capsys.readouterr().err
        await here.journal.append(RUN, Kind.SWEEP, {"playbook": book().model_dump(mode="json"), "mandate": {"a": 1}}, claim="sweep")
        assert await obey("sweep", "resume", RUN) == 2
        assert "is being worked on by a process that is alive, 77 on host" in capsys.readouterr().err


async def test_one_under_way_is_shown_with_how_far_it_is_and_then_with_its_report(here: Hall, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []

    async def look() -> None:
        shown.append(await running.show(RUN))

    await here.sweep(journal=Watched(here.store, Kind.SETTLED, look))
    [one] = shown
    assert (one["outcome"], one["listing"], one["listed"]) == ("running", 1, True)
    assert one["batches"] == 2
    assert "left_over" not in one
    words = sweepwords.shown(one)
    assert words.startswith(f"# Under way, listing 1, {one['settled']} of 2 batches settled: Keys\n")
    assert "Approved by Ben. Asked for by Ada." in words
    assert await obey("show", RUN) == 0
    assert capsys.readouterr().out.startswith("# 0 left over: Keys, closed\n")
    assert await obey("runs") == 0
    assert f"{RUN}  keys  live  closed  asked for by Ada" in capsys.readouterr().out


async def test_one_that_waits_for_approval_says_so(here: Hall) -> None:
    sweeping = asyncio.create_task(here.sweeping().sweep(here.order(book()), book()))
    async for event in here.journal.follow(RUN):
        if event.kind == Kind.REQUESTED:
            break
    words = sweepwords.shown(await running.show(RUN))
    assert words.startswith("# Under way, nothing listed yet: Keys\n")
    assert "The approval is waiting." in words
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_a_stop_at_a_terminal_lets_it_write_no_more_and_it_can_be_resumed(here: Hall) -> None:
    async def stop() -> None:
        decision, document = await here.desk.draw_up(RUN, NO, Answer.STOP, via="terminal")
        await here.desk.submit(RUN, replace(decision, proof=KEYS[NO.name].sign(document).proof))

    report = await here.sweep(journal=Watched(here.store, Kind.ROUND, stop))
    assert (report["outcome"], report["writes"], report["left_over"]) == ("stopped", 0, 3)
    assert {one["reason"] for one in report["open"]} == {"Cem stopped the sweep before it was written to"}
    assert not here.vault.effects
    with pytest.raises(BadInput, match=f"has stopped run {RUN}. Nothing was changed. To go on with it: firedoor sweep resume {RUN}"):
        await here.sweeping().resume(RUN)
    order = (await here.desk.record(RUN)).order
    with pytest.raises(BadInput, match="is not an order to resume"):
        await here.sweeping().resume(RUN, fakes.resumption(order, DAN.name))
    assert Kind.RESUMED not in [event.kind for event in await here.journal.events(RUN)]
    again = await here.sweeping().resume(RUN, fakes.resumption(order))
    assert (again["outcome"], again["left_over"]) == ("closed", 0)
    assert here.vault.effects == {"k1": 1, "k3": 1, "k4": 1}
