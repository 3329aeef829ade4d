"""What the benchmark makes of what it measured."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from bench.compare.figures import Figure
from bench.compare.figures import keep as keep_figures
from bench.compare.figures import table as figures_table
from bench.compare.growth import growth
from bench.compare.limited import limited
from bench.compare.race import race
from bench.compare.sides import Side, run
from bench.report import Row, keep, percentile, table
from bench.slack import _after
from firedoor.errors import FiredoorError
from tests.chaos.killing import helper


def row(*taken: float, lost: int = 0) -> Row:
    return Row(name="a row", taken=taken, limits={50: 10.0, 95: 20.0}, targets={99: 25.0}, lost=lost)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    hundred = [float(number) for number in range(100, 0, -1)]
    assert [percentile(hundred, percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0
    assert percentile([], 50) == math.inf


def test_a_limit_that_is_missed_is_named_and_a_target_only_told() -> None:
    assert row(10.0, 20.0).missed == []
    assert row(11.0, 11.0).missed == ["a row: p50 is 11 ms, where 10 are the limit"]
    assert row(1.0, 1.0, 26.0).missed == ["a row: p95 is 26 ms, where 20 are the limit"]
    assert row(1.0, 1.0, 26.0).wished == ["a row: p99 is 26 ms, 25 wished for"]
    assert row(1.0, lost=2).missed == ["a row: 2 never came"]
    assert len(row().missed) == 2, "what was never measured holds no limit"
    assert "a row" in table([row(1.0), row()])


def test_the_rows_are_kept_beside_those_of_others(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    keep(path, "vendors", [row(1.0)])
    keep(path, "slack", [row(3.0)])
    keep(path, "slack", [row(1.0, 2.0)])
    kept = json.loads(path.read_text())
    assert kept.keys() == {"vendors", "slack"}
    assert kept["slack"]["a row"] == {"n": 2, "p50": 1.0, "p95": 2.0, "p99": 2.0, "max": 2.0, "lost": 0, "missed": []}


def test_a_write_belongs_to_the_submission_before_it() -> None:
    deliveries = [{"type": "view_submission", "at": at} for at in (1.0, 2.0, 3.0)] + [{"type": "block_actions", "at": 1.5}]
    assert _after({"deliveries": deliveries, "writes": [2.25, 1.5, 0.5]}) == [500.0, 250.0]


def test_a_figure_that_misses_its_limit_is_named(tmp_path: Path) -> None:
    figures = [
        Figure(name="a ratio", value=1.2, at_most=1.15),
        Figure(name="a share", value=0.9, at_least=0.95, at_most=1.0),
        Figure(name="a time", value=7.0, unit="s"),
        Figure(name="nothing measured", value=math.nan, at_most=1.0),
    ]
    assert [one.missed for one in figures] == [
        "a ratio is 1.200, where at most 1.15 is required",
        "a share is 0.900, where at least 0.95 is required",
        "",
        "nothing measured is nan, where at most 1 is required",
    ]
    assert "<= 1.15" in figures_table(figures)
    keep_figures(tmp_path / "kept.json", "race", figures[:1])
    keep_figures(tmp_path / "kept.json", "limit", figures[2:3])
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["race"]["a ratio"] == {"value": 1.2, "unit": "", "at_most": 1.15, "missed": figures[0].missed}
    assert kept["limit"]["a time"]["missed"] == ""


@pytest.mark.bench
async def test_a_tiny_race_has_every_side_make_the_same_calls() -> None:
    ours, threads, single, ratio = await race(keys=12, rounds=1, custodian=False)
    assert ratio.name == "Firedoor to the script with as many threads, 12 keys at moto"
    for one in (ours, threads, single):
        assert {name: one.of["calls"][name] for name in ("ListAccessKeys", "UpdateAccessKey")} == {
            "ListAccessKeys": 24,
            "UpdateAccessKey": 12,
        }
    assert ours.of["calls"].keys() == threads.of["calls"].keys() == single.of["calls"].keys()


@pytest.mark.bench
async def test_growth_is_measured_over_accounts_and_at_a_limit() -> None:
    figures = {one.name: one for one in await growth((5, 10), accounts=2)}
    assert figures["processor time a key, 10 keys to 5"].value > 0
    assert figures["memory, 10 keys to 5"].at_most is None, "so few keys are no measurement"
    used, over = await limited(keys=10, rate=50.0)
    assert used.of["requests"] >= 20, "so few requests say nothing of the rate"
    assert over.value == 0


@pytest.mark.bench
async def test_a_side_that_leaves_a_key_is_no_comparison() -> None:
    idle = Side(name="an idle side", command=(sys.executable, "-c", "print('{\"seconds\": 0.1}')"))
    async with helper("bench.compare.stub") as stub:
        with pytest.raises(FiredoorError, match="left 3 keys"):
            await run(idle, stub, keys=3)
