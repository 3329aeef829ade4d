"""A hunt over 200,000 entries, as a process of its own, over the wire: all found, false hits few and listed, memory flat."""

from __future__ import annotations

from pathlib import Path

import pytest

from firedoor.vendors.okta.meter import OktaLimits
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from tests.hunts.logbook import ROBOT, SUPPLIER, TOKEN, Logbook, written
from tests.hunts.measured import Measured, measured


async def hunt(book: Logbook, folder: Path) -> Measured:
    async with OktaSimulator(book.world, lag=OktaLag(system_log=0.0), limits=OktaLimits(logs=100_000)) as okta:
        since, known = book.since.isoformat(), ("--expected", ROBOT.id, "--supplier", SUPPLIER)
        setting = {"FIREDOOR_OKTA_ORG_URL": okta.url, "FIREDOOR_OKTA_API_TOKEN": TOKEN}
        return await measured(folder, "hunt", "okta", "--since", since, *known, "--json", environment=setting)


@pytest.mark.scale
@pytest.mark.timeout(300)
async def test_two_hundred_thousand_entries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, large = written(10_000), written(200_000)
    little = await hunt(small, tmp_path)
    whole = await hunt(large, tmp_path)
    assert whole.code == 1, whole.err
    planted, honest = large.uuids(large.planted), large.uuids(large.honest)
    found = {one["evidence"]: one["rule"] for one in whole.data["findings"]}
    missed = planted.items() - found.items()
    false = {evidence: rule for evidence, rule in found.items() if evidence not in planted}
    lines = [
        f"{len(large.world.log.entries)} entries, {whole.data['entries']} read: {len(planted) - len(missed)} of {len(planted)} found,",
        f"{len(false)} false hits, {len(whole.data['expected'])} by a known hand; {whole.seconds:.1f} s, {whole.peak:.0f} MiB",
        f"(10,000 entries: {little.seconds:.1f} s, {little.peak:.0f} MiB)",
        *(f"  false hit: {rule}, {evidence}" for evidence, rule in sorted(false.items(), key=lambda one: one[1])),
    ]
    with capsys.disabled():
        print("", *lines, sep="\n")  # noqa: T201 - the figures are what it is run for
    assert len(planted) == 40
    assert not missed
    assert false.keys() == honest.keys()
    assert len(whole.data["expected"]) == large.robotic
    assert whole.peak < little.peak + 40
    assert TOKEN not in whole.out + whole.err
