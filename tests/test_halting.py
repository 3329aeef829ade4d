"""What Ctrl-C and SIGTERM mean at each point of a run: real signals, a vendor in memory. Whole processes are in tests/e2e."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Answer, Ruling
from firedoor.engine import Engine
from firedoor.errors import BadInput, BrokenOff, DecisionRefused
from firedoor.halting import Halting
from firedoor.interrupts import heeded, prompting
from firedoor.journal import Kind
from firedoor.model import Tier
from firedoor.signing import Signature
from firedoor.terminal import Signer
from tests.fakes import YES, Effect, Lab, Unattended, hasten, lab, outcomes

Report = Mapping[str, Any]
HAND = "Ctrl-C at the terminal that runs it"
DOORS = {"a": {"k1": "open", "k2": "open"}}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


def press(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


async def pressed(effect: Effect) -> None:
    """A write during which somebody breaks it off."""
    press()
    await asyncio.sleep(0.05)
    effect()


def halting(folder: Path, play: Callable[[Lab, Halting], Awaitable[Report]], said: list[str] | None = None, **settings: Any) -> Report:
    """What comes of it, in an event loop of its own, as at the command line."""
    halt = Halting((said if said is not None else []).append)

    async def job() -> Report:
        async with lab(folder, DOORS, **settings) as it:
            return await play(it, halt)

    return halt.run(job())


async def contain(it: Lab, halt: Halting, engine: Engine, answer: Answer | None = Answer.APPROVE) -> Report:
    async with halt.at("r1", engine._desk):
        return await it.contain(engine=engine, answer=answer)


def test_in_mid_run_nothing_more_is_begun_and_the_run_is_gone_on_with(tmp_path: Path) -> None:
    said: list[str] = []

    async def play(it: Lab, halt: Halting) -> Report:
        it.vendor.on_apply.append(pressed)
        report = await contain(it, halt, it.engine())
        assert dict(it.vendor.effects) == {"shut a/k1": 1}
        assert [event.body for event in await it.events() if event.kind == Kind.NOTED] == [{"halted": HAND}]
        again = await it.resume()
        assert again["outcome"] == "contained"
        assert dict(it.vendor.effects) == {"shut a/k1": 1, "shut a/k2": 1}
        return report

    report = halting(tmp_path, play, said)
    assert (report["outcome"], outcomes(report)) == ("stopped", ["STOPPED"])
    assert report["open"][0]["reason"] == f"stopped by {HAND} before this was done: shut a/k2"
    assert said == ["Ctrl-C: nothing more is begun, and what is under way is seen to its end. Once more ends it at once."]


def test_what_needs_nobodys_approval_is_stopped_too(tmp_path: Path) -> None:
    async def play(it: Lab, halt: Halting) -> Report:
        it.vendor.on_apply.append(pressed)
        return await contain(it, halt, it.engine(), None)

    assert Unattended.spec.tier is Tier.AUTO
    assert outcomes(halting(tmp_path, play, actions=(Unattended,))) == ["STOPPED"]


@pytest.mark.parametrize(("number", "by"), [(signal.SIGINT, HAND), (signal.SIGTERM, "SIGTERM to the process that runs it")])
def test_while_people_are_asked_the_request_is_taken_back(tmp_path: Path, number: int, by: str) -> None:
    async def play(it: Lab, halt: Halting) -> Report:
        async def press_when_asked() -> None:
            async for _ in it.journal.ticks("r1"):
                if Kind.REQUESTED in await it.kinds():
                    press(number)
                    return

        report, _ = await asyncio.gather(contain(it, halt, it.engine(), None), press_when_asked())
        record = await it.desk().record("r1")
        assert (record.ruling, record.stopped_by) == (Ruling.STOPPED, by)
        with pytest.raises(DecisionRefused, match="waits for no decision: it was stopped"):
            await it.decide("r1", YES, Answer.APPROVE)
        with pytest.raises(BadInput, match="never approved"):
            await it.resume()
        assert not it.vendor.effects
        return report

    report = halting(tmp_path, play)
    assert (report["outcome"], report["writes"]) == ("stopped", 0)
    assert report["open"][0]["reason"] == f"stopped ({by}); nothing was changed"


@pytest.mark.parametrize("slow", [False, True], ids=["a moment before", "while it is planned"])
def test_before_it_is_on_record_it_is_called_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, slow: bool) -> None:
    async def forever(*_: object, **__: object) -> None:
        press()
        await asyncio.sleep(60)

    async def play(it: Lab, halt: Halting) -> Report:
        if slow:
            monkeypatch.setattr("firedoor.planning.make", forever)
        else:
            it.vendor.on_read.append(press)
        try:
            return await contain(it, halt, it.engine(), None)
        finally:
            assert await it.events() == []

    with pytest.raises(BrokenOff) as caught:
        halting(tmp_path, play)
    assert (caught.value.exit_code, caught.value.changed) == (3, False)
    assert caught.value.what == f"stopped by {HAND}, before anything was asked for"


def test_before_a_run_and_after_its_report_there_is_nothing_to_halt(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def nothing_yet(it: Lab, halt: Halting) -> Report:
        del it, halt
        press()
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(BrokenOff, match="before anything was asked for"):
        halting(tmp_path, nothing_yet)
    assert caplog.records == [], "the event loop has no error of its own to tell"

    async def told(it: Lab, halt: Halting) -> Report:
        report = await contain(it, halt, it.engine())
        halt.told(report)
        press()
        await asyncio.sleep(60)
        raise AssertionError

    assert halting(tmp_path, told)["outcome"] == "contained"


def test_between_two_runs_what_the_first_did_is_not_forgotten(tmp_path: Path) -> None:
    async def play(it: Lab, halt: Halting) -> Report:
        engine = it.engine()
        await contain(it, halt, engine)
        async with halt.at("r2", engine._desk):
            press()
            await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(BrokenOff, match="after run r1 was over") as caught:
        halting(tmp_path, play)
    assert caught.value.changed is None
    assert caught.value.advice == "See `firedoor show r1`"


def test_just_after_a_run_was_over_what_it_did_is_not_denied(tmp_path: Path) -> None:
    async def play(it: Lab, halt: Halting) -> Report:
        await contain(it, halt, it.engine())
        press()
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(BrokenOff, match="after run r1 was over") as caught:
        halting(tmp_path, play)
    assert (caught.value.changed, caught.value.advice) == (None, "See `firedoor show r1`")


def test_signals_are_heeded_within_and_as_before_without(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    names: list[str] = []
    with heeded(names.append):
        press(signal.SIGHUP)
        press(signal.SIGTERM)
        assert names == ["SIGTERM"]
        ended: list[int] = []
        monkeypatch.setattr("firedoor.interrupts._end", ended.append)
        press()
        assert ended == [signal.SIGINT]
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heeded(names.append):
            press()  # whoever started it in the background has it ignore that
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert names == ["SIGTERM"]


def test_elsewhere_than_in_the_first_thread_no_signal_is_heeded() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with heeded(lambda _: None), prompting("nothing"):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_prompt_is_left_by_the_first_and_the_handler_of_before_is_back() -> None:
    names: list[str] = []
    with heeded(names.append):
        with pytest.raises(BrokenOff, match="nothing was signed: you broke it off"), prompting("nothing was signed"):
            press()
        press()
    assert names == ["Ctrl-C"]


async def test_whoever_is_asked_for_a_passphrase_signs_nothing_by_breaking_it_off() -> None:
    given = threading.Event()

    def sign(document: str) -> Signature:
        given.wait()
        raise AssertionError(document)

    signing = asyncio.create_task(Signer(public="", sign=sign).signed("a document"))
    await asyncio.sleep(0.01)
    signing.cancel()
    with pytest.raises(BrokenOff, match="nothing was signed") as caught:
        await signing
    given.set()
    assert (caught.value.exit_code, caught.value.changed) == (3, False)
