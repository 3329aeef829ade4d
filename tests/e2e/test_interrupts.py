"""Ctrl-C, a terminal that is gone and a reader who has left: real processes, real signals, real pipes, beside the simulated vendors."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from firedoor import running
from firedoor.approval import Ruling
from firedoor.journal import Journal, Kind
from firedoor.run import fold
from firedoor.settings import load
from firedoor.store import Store
from firedoor.vendors.faults import Fault
from tests.company import Company, company
from tests.e2e.seats import PIPED, seated, started, until

pytestmark = pytest.mark.e2e


@pytest.fixture
async def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setattr("firedoor.step.PACE", 0.02)
        yield found


def contain(acme: Company) -> list[str]:
    return ["contain", "session-hijack", "-i", f"users={acme.estate.victims[0]}", "--key", str(acme.key())]


async def kinds(run: str) -> Sequence[str]:
    async with Store(load().journal_url) as store:
        return [event.kind for event in await Journal(store).events(run)]


def written(acme: Company) -> bool:
    """Whether a write was asked of Okta, whatever becomes of it."""
    return any(request.writes for request in acme.okta.requests)


async def test_ctrl_c_lets_nothing_more_begin_and_the_run_is_gone_on_with(acme: Company) -> None:
    acme.okta.faults.plan(Fault(operation="suspendUser", delay=0.5))
    async with started(*contain(acme), "--json-stream", **PIPED) as process:
        approving = asyncio.create_task(acme.approve())
        run = (await until(process, "planned"))["run"]
        await until(process, "intent", action="okta.suspend_user")
        process.send_signal(signal.SIGINT)
        await until(process, "receipt", action="okta.suspend_user")
        report = await until(process, "report")
        out, err = await process.communicate()
        await approving
    assert (process.returncode, out) == (3, b""), err
    assert err == b"", "with JSON nothing is said aside"
    assert report["outcome"] == "stopped"
    ends = {step["action"]: step["outcome"] for step in report["steps"]}
    assert ends["okta.suspend_user"] == "CHANGED", "what was under way was seen to its end"
    assert {ends[name] for name in ("okta.revoke_sessions", "okta.reset_factors", "slack.notify")} <= {"STOPPED", "SKIPPED"}
    stopped = [step["reason"] for step in report["steps"] if step["outcome"] == "STOPPED"]
    assert all(reason.startswith("stopped by Ctrl-C at the terminal that runs it before this was done: ") for reason in stopped)
    again = await running.resume(run, who=acme.who(), say=lambda _: None)
    assert again["outcome"] == "contained"
    assert acme.okta.accepted_writes["suspendUser"] == 1


async def test_ctrl_c_twice_ends_it_at_once(acme: Company) -> None:
    acme.okta.faults.plan(Fault(operation="suspendUser", delay=120))
    async with started(*contain(acme), **PIPED) as process:
        assert process.stderr is not None
        approving = asyncio.create_task(acme.approve())
        while not written(acme):  # noqa: ASYNC110 - the simulator counts, and tells nobody
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = ""
        while "Once more ends it at once" not in said:
            said += (await process.stderr.readline()).decode()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
        await approving
    assert (process.returncode, out) == (130, b"")
    assert err.decode().endswith("What was done is on record: see `firedoor runs`, and go on with `firedoor resume RUN`.\n")
    [one] = await running.runs()
    assert one["outcome"] == "running"
    assert Kind.FINISHED not in await kinds(one["run"])


async def test_ctrl_c_takes_back_what_was_asked_and_nothing_was_changed(acme: Company) -> None:
    async with started(*contain(acme), **PIPED) as process:
        assert process.stderr is not None
        said = ""
        while "firedoor approve|deny|stop" not in said:
            said += (await process.stderr.readline()).decode()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert process.returncode == 3
    assert out.startswith(b"# NOT contained: the run was stopped")
    [one] = await running.runs()
    assert err.decode().endswith(
        f"Run {one['run']} was stopped before it was approved, so it is over. Nothing was changed; start it again.\n"
    )
    assert not written(acme)
    async with Store(load().journal_url) as store:
        record = fold(one["run"], await Journal(store).events(one["run"]))
    assert (record.ruling, record.stopped_by) == (Ruling.STOPPED, "Ctrl-C at the terminal that runs it")
    async with started(*contain(acme), "--json-stream", **PIPED) as process:
        await until(process, "asked")  # and may be asked for anew at once
        process.send_signal(signal.SIGTERM)
        assert (await until(process, "ruled"))["stopped_by"] == "SIGTERM to the process that runs it"
        await process.communicate()
        assert process.returncode == 3


@pytest.mark.parametrize("words", [["--json-stream"], []], ids=["stream", "lines"])
async def test_who_reads_it_may_leave_and_the_run_goes_on_to_its_end(acme: Company, words: list[str]) -> None:
    ours, theirs = os.pipe()
    async with started(*contain(acme), *words, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        with closing(os.fdopen(ours, "rb")) as reader:
            assert await asyncio.to_thread(reader.readline)
        await acme.approve()
        assert await process.wait() == 0
    [one] = await running.runs()
    assert one["outcome"] == "contained"


async def test_at_a_terminal_the_plan_is_drawn_and_progress_below_it(acme: Company) -> None:
    async with seated(*contain(acme)) as (process, terminal):
        await acme.approve()
        assert await process.wait() == 0
        shown = terminal.shown
    assert "Plan: " in shown
    assert " approver" in shown
    assert "] done: okta.suspend_user on " in shown
    assert "steps ended, " in shown, "what is under way"
    assert "Contained: " in shown
    assert "Traceback" not in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h"), "the cursor is there again"


async def test_a_terminal_that_is_held_holds_nothing_up(acme: Company) -> None:
    async with seated(*contain(acme)) as (process, terminal):
        await terminal.shows("firedoor approve|deny|stop")
        terminal.press(b"\x13")  # Ctrl-S
        await acme.approve()
        [one] = await running.runs()
        while Kind.FINISHED not in await kinds(one["run"]):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.05)
        assert "Contained: " not in terminal.shown, "it was held all the while"
        terminal.press(b"\x11")  # Ctrl-Q
        assert await process.wait() == 0
        await terminal.shows("Contained: ")


async def test_a_terminal_that_goes_away_stops_nothing(acme: Company) -> None:
    acme.okta.faults.plan(Fault(operation="suspendUser", delay=0.5))
    async with seated(*contain(acme)) as (process, terminal):
        await acme.approve()
        while not written(acme):  # noqa: ASYNC110 - the simulator counts, and tells nobody
            await asyncio.sleep(0.02)
        terminal.close()
        assert await process.wait() == 0
    [one] = await running.runs()
    assert one["outcome"] == "contained"


@pytest.mark.parametrize("keys", [b"\x03", b"\x04"], ids=["ctrl-c", "end of input"])
async def test_at_a_prompt_nothing_is_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: bytes) -> None:
    made = await asyncio.create_subprocess_exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id"))
    assert await made.wait() == 0
    public = (tmp_path / "id.pub").read_text().strip()
    people = [f'[[people]]\nname = "{name}"\nslack = "U{name}"\n' for name in ("ADA", "BEN")]
    (tmp_path / "firedoor.toml").write_text(f'{people[0]}keys = ["{public}"]\n{people[1]}')
    monkeypatch.setenv("FIREDOOR_CONFIG", str(tmp_path / "firedoor.toml"))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(tmp_path / "state"))
    async with seated("standing", "sign", "--key", str(tmp_path / "id")) as (process, terminal):
        await terminal.shows("Sign this?")
        terminal.press(keys)
        assert await process.wait() == 3
        await terminal.shows("nothing was signed: you broke it off. Nothing was changed.")
        assert "Traceback" not in terminal.shown
    async with Store(load().journal_url) as store:
        assert await Journal(store).events("standing") == []
