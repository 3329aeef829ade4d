"""One item, whatever the vendor, an attacker or a defect does meanwhile: lost replies, lies, drift, lag, lost leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from firedoor.errors import Conflict, Forbidden, LeaseLost, RateLimited, Unavailable, Unreachable, VendorError
from firedoor.journal import Kind
from firedoor.model import Plan, Receipt, Standing, Verdict
from firedoor.tables import leases
from tests.fakes import (
    CLEAR,
    SHUT,
    Clear,
    Covering,
    Door,
    Effect,
    Lab,
    Report,
    Seen,
    Shut,
    Trouble,
    book,
    failing,
    hasten,
    lab,
    outcomes,
    spec,
)

OPEN = {"k": "open"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


def error(kind: type[VendorError], *, changed: bool | None = None) -> VendorError:
    return kind("it went wrong", vendor="fake", operation="write", changed=changed)


def limited(seconds: float | None) -> RateLimited:
    return RateLimited("slow down", vendor="fake", operation="write", retry_after=seconds)


async def _lie(effect: Effect) -> None:
    del effect


async def contain_one(it: Lab) -> tuple[Report, str, int]:
    report = await it.contain()
    return report, outcomes(report)[0], [call.partition(" ")[0] for call in it.vendor.calls].count("apply")


LOST, BROKEN = error(Unreachable), error(Unavailable)
WRITES: Mapping[str, tuple[list[Trouble], str, int, int]] = {
    # what the write does: troubles in their order, outcome, times it was written, effects
    "the reply is lost after the effect": ([failing(LOST, first=True)], "CHANGED", 1, 1),
    "an error before the effect": ([failing(BROKEN)], "CHANGED", 2, 1),
    "two errors before the effect": ([failing(BROKEN), failing(LOST)], "CHANGED", 3, 1),
    "errors without end": ([failing(BROKEN)] * 9, "FAILED", 3, 0),
    "the last error hides the effect": ([failing(BROKEN), failing(BROKEN), failing(LOST, first=True)], "CHANGED", 3, 1),
    "a refusal": ([failing(error(Forbidden, changed=False))], "FAILED", 1, 0),
    "a lie": ([_lie], "UNVERIFIED", 1, 0),
    "a rate limit that ends": ([failing(limited(0.01)), failing(limited(None))], "CHANGED", 3, 1),
    "a rate limit beyond all patience": ([failing(limited(3600.0))], "FAILED", 1, 0),
    "a conflict for good": ([failing(error(Conflict, changed=False))] * 9, "FAILED", 1, 0),
}


@pytest.mark.parametrize(("troubles", "outcome", "written", "effects"), WRITES.values(), ids=WRITES.keys())
async def test_what_a_write_does_is_settled_by_reading(
    troubles: list[Trouble], outcome: str, written: int, effects: int, tmp_path: Path
) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_apply.extend(troubles)
        report, ended, applied = await contain_one(it)
        assert (ended, applied, it.vendor.effects.total()) == (outcome, written, effects)
        assert report["steps"][0]["changes"] == (["shut a/k"] if outcome in {"CHANGED", "UNVERIFIED"} else [])
        assert report["residual"], "what may live on is told however the step ended"
        kinds = await it.kinds()
        assert kinds.count(Kind.INTENT) == written
        assert kinds.count(Kind.RECEIPT) == (outcome in {"CHANGED", "UNVERIFIED"})


async def test_a_refusal_is_told_in_words_after_one_more_reading(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_apply.append(failing(error(Forbidden, changed=False)))
        report, _, _ = await contain_one(it)
        assert report["steps"][0]["reason"] == "it went wrong. Nothing was changed."
        assert it.vendor.calls[-1] == "read fake.shut a"


async def test_a_lost_reply_leaves_the_receipt_that_undo_needs(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "ajar"}}) as it:
        it.vendor.on_apply.append(failing(LOST, first=True))
        await it.contain()
        receipt = next(event.body["receipt"] for event in await it.events() if event.kind == Kind.RECEIPT)
        assert isinstance(receipt, Mapping)
        assert (receipt["change"], receipt["facts"], receipt["settled"]) == ("shut:k", {"before": "ajar"}, "reading")


async def test_a_conflict_because_somebody_else_was_first_is_already_so_and_nothing_to_undo(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_apply.append(failing(error(Conflict, changed=False), first=True))
        report, ended, applied = await contain_one(it)
        assert (ended, applied, report["outcome"], report["steps"][0]["changes"]) == ("ALREADY", 1, "contained", [])
        receipt = next(event.body["receipt"] for event in await it.events() if event.kind == Kind.RECEIPT)
        assert isinstance(receipt, Mapping)
        assert (receipt["facts"], receipt["settled"]) == ({}, "refusal")


async def test_a_conflict_may_be_the_echo_of_a_change_that_does_not_show_yet(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.hidden = 3
        it.vendor.on_apply.extend([failing(LOST, first=True), failing(error(Conflict, changed=False))])
        _, ended, applied = await contain_one(it)
        assert (ended, applied, it.vendor.effects.total()) == ("CHANGED", 2, 1)


async def test_a_vendor_who_wants_peace_is_left_in_peace(tmp_path: Path) -> None:
    """Three hasty attempts would use up all there are."""
    async with lab(tmp_path, {"a": OPEN}) as it:
        opens = asyncio.get_running_loop().time() + 0.3

        async def busy(effect: Effect) -> None:
            if (left := opens - asyncio.get_running_loop().time()) > 0:
                raise limited(left)
            effect()

        it.vendor.on_apply.extend([busy] * 9)
        assert (await contain_one(it))[1] == "CHANGED"


async def test_proof_is_asked_for_only_once_nothing_is_left_to_see(tmp_path: Path) -> None:
    """Reading a log for proof costs calls; a plan that is not empty yet needs none."""
    asked: list[int] = []

    class Proved(Shut):
        async def verify(self, target: Door, receipts: Sequence[Receipt]) -> Verdict:
            asked.append(len(receipts))
            return await super().verify(target, receipts)

    async with lab(tmp_path, {"a": OPEN}, actions=(Proved,)) as it:
        it.vendor.hidden = 5
        assert (await contain_one(it))[1] == "CHANGED"
        assert asked == [1]


async def test_without_proof_it_is_never_a_success(tmp_path: Path) -> None:
    class Unproved(Shut):
        async def verify(self, target: Door, receipts: Sequence[Receipt]) -> Verdict:
            return Verdict(standing=Standing.UNKNOWN, says=f"no log of {target.name} tells of {len(receipts)}")

    async with lab(tmp_path, {"a": OPEN}, actions=(Unproved,)) as it:
        report, ended, _ = await contain_one(it)
        assert (ended, report["outcome"]) == ("UNVERIFIED", "failed")


async def test_a_slow_vendor_is_waited_for(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.hidden = 5
        _, ended, applied = await contain_one(it)
        assert (ended, applied) == ("CHANGED", 1)


@pytest.mark.parametrize(
    ("readings", "outcome"),
    [
        ([None, None, BROKEN, LOST, limited(0.01)], "CHANGED"),
        ([None, BROKEN, LOST], "CHANGED"),
        ([None, None, *[BROKEN] * 500], "UNVERIFIED"),
        ([None, None, error(Forbidden)], "UNVERIFIED"),
        ([None, error(Forbidden)], "FAILED"),
        ([None, *[BROKEN] * 500], "FAILED"),
        ([None, limited(3600.0)], "FAILED"),
        ([error(Forbidden)], "STALE"),  # what could not be planned was approved by nobody
    ],
)
async def test_readings_that_fail(readings: list[Exception | Callable[[], None] | None], outcome: str, tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_read.extend(readings)  # the first is the plan's, the second the one before the write
        report, ended, _ = await contain_one(it)
        assert ended == outcome
        done = outcome in {"CHANGED", "UNVERIFIED"}
        assert report["steps"][0]["changes"] == (["shut a/k"] if done else []), "what was done is told although nobody could look"
        assert it.vendor.effects.total() == done


async def test_a_clock_that_fails_for_a_moment_lets_no_write_out_without_its_time(tmp_path: Path) -> None:
    async def broken() -> None:
        raise BROKEN

    async with lab(tmp_path, {"a": {"k1": "open", "k2": "open"}}) as it:
        it.vendor.on_clock.extend([broken])
        report, ended, _ = await contain_one(it)
        assert (ended, it.vendor.effects) == ("CHANGED", {"shut a/k1": 1, "shut a/k2": 1})
        it.vendor.doors["a"] = {"k3": "open", "k4": "open"}
        it.vendor.on_clock.extend([broken] * 9)
        report = await it.contain(run="r2")
        assert outcomes(report) == ["FAILED"]
        assert Kind.INTENT not in await it.kinds("r2")


class Defect(Shut):
    """Falls over at door a once it has written, with a secret in hand."""

    async def read(self, target: Door) -> Seen:
        if target.name == "a" and self.vendor.effects["shut a/k1"]:
            raise KeyError("SSWS 00canary")
        return await super().read(target)


class DefectInPlan(Shut):
    """Cannot plan at all for door a."""

    def plan(self, target: Door, before: Seen) -> Plan:
        if target.name == "a":
            raise KeyError("SSWS 00canary")
        return super().plan(target, before)


@pytest.mark.parametrize("action", [Defect, DefectInPlan])
async def test_a_defect_fails_its_own_step_only_and_quotes_nothing(
    action: type[Shut], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with lab(tmp_path, {"a": {"k1": "open"}, "b": OPEN}, actions=(action,)) as it:
            report = await it.contain()
            text = it.path.read_bytes() + (tmp_path / "journal.db-wal").read_bytes()
    assert outcomes(report) == ["FAILED", "CHANGED"]
    assert "a defect in fake.shut (KeyError at test_step.py" in report["steps"][0]["reason"]
    assert report["steps"][0]["changes"] == (["shut a/k1"] if action is Defect else [])
    assert b"canary" not in text
    assert "canary" not in caplog.text
    assert "a defect in fake.shut: KeyError" in caplog.text


async def test_who_lost_the_lease_writes_nothing_more(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k1": "open", "k2": "open"}}) as it:

        async def steal() -> None:
            async with it.store.transaction() as connection:
                taken = leases.update().where(leases.c.resource == "fake:a").values(holder="somebody", fence=leases.c.fence + 1)
                await connection.execute(taken)

        async def nothing() -> None: ...

        it.vendor.on_clock.extend([nothing, steal])
        report, ended, applied = await contain_one(it)
        assert (ended, applied, it.vendor.effects) == ("FAILED", 1, {"shut a/k1": 1})
        assert "the turn at fake:a was lost" in report["steps"][0]["reason"]
        assert "Nothing was changed" not in report["steps"][0]["reason"]
        async with it.store.transaction() as connection:
            await connection.execute(sa.delete(leases).where(leases.c.resource == "fake:a"))
        assert (await it.resume())["outcome"] == "contained"


async def test_a_turn_that_never_comes_is_a_failure_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.step.PATIENCE", 0.01)
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        taken = await _take(it, "fake:a")
        report = await it.contain()
        assert outcomes(report) == ["FAILED", "CHANGED"]
        assert taken in report["steps"][0]["reason"]


async def _take(it: Lab, resource: str) -> str:
    async with it.store.transaction() as connection:
        await connection.execute(leases.insert().values(resource=resource, holder="x", fence=1, expires=9e12))
    return f"somebody else has been writing to {resource}"


def drift(it: Lab, **keys: str) -> Callable[[], None]:
    return lambda: it.vendor.doors["a"].update(keys)


async def test_an_attacker_who_makes_the_world_drift_stops_nothing(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        it.vendor.on_read.extend([None, None, drift(it, k="ajar", extra="open")])
        report = await it.contain()
        assert outcomes(report) == ["STALE", "CHANGED"]
        step = report["steps"][0]
        assert (step["changes"], step["extras"]) == (["shut a/k"], ["shut a/extra"]), "approved: done; the rest is named"
        assert it.vendor.effects == {"shut a/k": 1, "shut b/k": 1}
        assert report["outcome"] == "partial"


async def test_what_is_no_longer_needed_is_dropped(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k1": "open", "k2": "open"}}) as it:
        it.vendor.on_read.extend([None, drift(it, k1="shut")])
        _, ended, _ = await contain_one(it)
        assert (ended, it.vendor.effects) == ("CHANGED", {"shut a/k2": 1})


@pytest.mark.parametrize("first", [True, False])
async def test_a_covered_class_is_done_up_to_its_bound(first: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table's column
    """Two more appear in the class: one fits, one does not. Writes whose replies were lost count too."""
    async with lab(tmp_path, {"a": {"k1": "open", "k2": "open"}}, actions=(Covering,)) as it:
        it.vendor.on_read.extend([None, drift(it, k3="open", k4="open")])
        it.vendor.on_apply.extend([failing(LOST, first=first)] * 3)
        report = await it.contain()
        assert outcomes(report) == ["STALE"]
        assert report["steps"][0]["extras"] == ["shut a/k4"]
        assert sorted(it.vendor.effects) == ["shut a/k1", "shut a/k2", "shut a/k3"]


async def test_a_door_that_is_gone_is_already_so_or_fails_in_words(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_read.extend([None, it.vendor.doors.clear])
        report, ended, _ = await contain_one(it)
        assert (ended, report["steps"][0]["reason"]) == ("FAILED", "a: no such door. Nothing was changed.")


class Brief(Shut):
    """Settles almost at once."""

    spec = spec("shut", settle_within=0.05)


async def test_what_was_taken_back_long_after_is_shut_again_on_resume(tmp_path: Path) -> None:
    """Lag explains an invisible change only for so long. After that, somebody opened the door again."""
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "stuck"}}, actions=(Brief,)) as it:
        it.vendor.on_read.extend([None, None, None, *[drift(it, k="open")] * 999])
        assert outcomes(await it.contain()) == ["UNVERIFIED", "FAILED"]
        it.vendor.on_read.clear()
        it.vendor.doors["b"]["k"] = "shut"
        assert (await it.resume())["outcome"] == "contained"
        assert it.vendor.effects == {"shut a/k": 2}


async def test_a_change_made_just_before_a_crash_is_waited_for_and_not_made_again(tmp_path: Path) -> None:
    class Slow(Shut):
        spec = spec("shut", settle_within=30.0)  # however slow this machine is, the change may still be on its way

    async with lab(tmp_path, {"a": OPEN}, actions=(Slow, Clear)) as it:
        it.vendor.hidden = 4
        run = asyncio.create_task(it.contain())
        while Kind.RECEIPT not in await it.kinds():  # noqa: ASYNC110 - the record is what is waited for
            await asyncio.sleep(0.001)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert (await it.resume())["outcome"] == "contained"
        assert it.vendor.effects == {"shut a/k": 1}


async def test_the_lease_is_free_again_whatever_happened(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        it.vendor.on_apply.extend([failing(LeaseLost("x")), failing(ZeroDivisionError())])
        assert outcomes(await it.contain(book(steps=[SHUT, CLEAR]))) == ["FAILED", "FAILED", "UNVERIFIED", "UNVERIFIED"]
        async with it.store.reading() as connection:
            held = (await connection.execute(sa.select(leases.c.resource).where(leases.c.holder != ""))).scalars().all()
        assert held == []
