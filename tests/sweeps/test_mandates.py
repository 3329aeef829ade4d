"""A sweep on a mandate asks nobody; on one that is not in force nothing is begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.errors import BadInput
from firedoor.mandate import Mandate, Mandated
from firedoor.run import Via
from tests.fakes import hasten
from tests.sweeps.records import TWO, mandate
from tests.sweeps.vault import book, hall

RUN = "251126-aaaaaa"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


async def test_one_on_a_mandate_is_carried_out_and_says_so(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        report = await here.sweeping().sweep(replace(here.order(book()), via=Via.SCHEDULE), book(), await mandate(here, "Ben"))
        assert (report["outcome"], report["mandate"], here.vault.effects.total()) == ("closed", True, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, signed={}), "0 valid signature"),
        (lambda one: replace(one, sweep="others"), "playbook has changed"),
        (lambda one: replace(one, playbook="sha256:0"), "playbook has changed"),
        (lambda one: replace(one, expires=one.made), "expired"),
        (lambda one: replace(one, roster="sha256:0"), "roster has changed"),
        (lambda one: replace(one, lines=("anything",)), "0 valid signature"),
        (lambda one: replace(one, required=2), "0 valid signature"),
    ],
)
async def test_a_mandate_that_is_not_in_force_begins_nothing(tmp_path: Path, change: Callable[[Mandate], Mandate], words: str) -> None:
    async with hall(tmp_path, TWO) as here:
        with pytest.raises(BadInput, match=words):
            await here.sweeping().sweep(replace(here.order(book()), via=Via.SCHEDULE), book(), change(await mandate(here, "Ben")))
        assert (here.vault.effects.total(), await here.journal.events(RUN)) == (0, [])


async def test_one_that_expires_meanwhile_ends_the_sweep_with_a_report_of_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admits = Mandated.admits

    def late(self: Mandated, **rest: Any) -> bool:
        return admits(self, **{**rest, "now": self.mandate.expires})

    monkeypatch.setattr(Mandated, "admits", late)
    async with hall(tmp_path, TWO) as here:
        order = replace(here.order(book()), via=Via.SCHEDULE)
        report = await here.sweeping().sweep(order, book(), await mandate(here, "Ben"))
        assert (report["outcome"], report["left_over"], report["changed"]) == ("partial", 3, 0)
        assert all("the mandate has expired" in one["reason"] for one in report["open"])
        assert not here.vault.effects
