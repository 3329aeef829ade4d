"""What the benchmark makes of what it measured."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import page
from bench.commit import commits
from bench.compare.growth import growth
from bench.compare.limited import limited
from bench.compare.race import race
from bench.contain.measure import FLOOR, OURS, SCRIPT, containment
from bench.figures import Figure, keep, percentile, spread, table
from bench.sides import Side, of_module, run
from bench.sides import race as rounds_of
from bench.slack import _after
from bench.start import start
from firedoor.errors import FiredoorError
from tests.chaos.killing import helper

WRITES = ("suspendUser", "revokeUserSessions", "revokeUserGrants", "resetFactors")
IDLE = Side(name="an idle side", command=(sys.executable, "-c", "print('{\"seconds\": 0.1}')"))


def missed(*taken: float, lost: int = 0) -> list[str]:
    return [one.missed for one in spread("a row", taken, at_most={50: 10.0, 95: 20.0}, lost=lost) if one.missed]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    hundred = [float(number) for number in range(100, 0, -1)]
    assert [percentile(hundred, percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0
    assert percentile([], 50) == math.inf


def test_a_limit_that_is_missed_is_named_and_a_wish_only_told() -> None:
    assert missed(10.0, 20.0) == []
    assert missed(11.0, 11.0) == ["a row, p50 is 11.000 ms, where at most 10 is required"]
    assert missed(1.0, 1.0, 26.0) == ["a row, p95 is 26.000 ms, where at most 20 is required"]
    assert missed(1.0, lost=2) == ["a row, never came is 2.000, where at most 0 is required"]
    assert len(missed()) == 2, "what was never measured holds no limit"
    wished = spread("a row", [1.0, 26.0], wished={99: 25.0})
    assert [one.missed for one in wished if one.missed] == []
    assert "Wished for: a row, p99 is 26.000 ms, where at most 25 is wished for" in table(wished)


def test_the_figures_are_kept_beside_those_of_others(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    keep(path, "vendors", spread("a row", [1.0]))
    keep(path, "slack", [Figure(name="another", value=1.0)])
    keep(path, "slack", spread("a row", [1.0, 2.0], at_most={50: 0.5}))
    kept = json.loads(path.read_text())
    assert kept.keys() == {"vendors", "slack"}
    assert kept["slack"].keys() == {"a row, p50", "a row, p95", "a row, p99", "a row, the longest"}
    words = "a row, p50 is 1.000 ms, where at most 0.5 is required"
    assert kept["slack"]["a row, p50"] == {"value": 1.0, "unit": "ms", "at_most": 0.5, "missed": words, "n": 2}


def test_a_write_belongs_to_the_submission_before_it() -> None:
    deliveries = [{"type": "view_submission", "at": at} for at in (1.0, 2.0, 3.0)] + [{"type": "block_actions", "at": 1.5}]
    assert _after({"deliveries": deliveries, "writes": [2.25, 1.5, 0.5]}) == [500.0, 250.0]


def test_a_figure_that_misses_its_limit_is_named() -> None:
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
    assert "<= 1.15" in table(figures)
    assert [one.required for one in figures[1:3]] == ["<= 1 >= 0.95", ""]


def test_the_page_tells_what_is_missed_and_its_chart_runs_nothing(tmp_path: Path) -> None:
    sides = {"Firedoor": 3.0, "a script": 50.0}
    raced = [
        Figure(name=f"{side}, far", value=taken, unit="s", of={"side": side, "calls": {"getUser": 2}, "start": [0.7]})
        for side, taken in sides.items()
    ]
    page.write(tmp_path, {"far": [*raced, Figure(name="a ratio", value=1.4, at_most=1.3)], "writes": spread("a click", [10.0])})
    told = (tmp_path / "benchmarks.md").read_text()
    assert "| a ratio | 1.40 | missed: <= 1.3 |" in told
    assert "| getUser | 2 | 2 |" in told
    drawn = (tmp_path / "benchmarks.svg").read_text()
    assert ET.fromstring(drawn).tag.endswith("svg")  # noqa: S314 - our own
    assert "a script" in drawn
    assert "<script" not in drawn


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
    async with helper("bench.compare.stub") as stub:
        with pytest.raises(FiredoorError, match="left 3 open"):
            await run(IDLE, stub, keys=3)


@pytest.mark.bench
async def test_a_tiny_containment_has_every_side_make_the_same_calls() -> None:
    figures = {one.of.get("side", one.name): one for one in await containment(people=2, rounds=1, slow=1, latency=0.0, ansible=False)}
    ours, floor, script = (figures[name].of["calls"] for name in (OURS, FLOOR, SCRIPT))
    assert ours == floor, "the floor makes the very calls that Firedoor makes"
    assert {name: ours[name] for name in WRITES} == dict.fromkeys(WRITES, 2)
    assert {name: script[name] for name in WRITES} == dict.fromkeys(WRITES, 2)
    assert script.keys() == ours.keys()
    assert figures[f"{OURS} to {FLOOR}, 2 people, 0 ms a call"].at_most is None, "so few people are no measurement"


@pytest.mark.bench
async def test_a_side_that_leaves_somebody_is_no_comparison() -> None:
    async with helper("bench.contain.vendors") as vendors:
        with pytest.raises(FiredoorError, match="left 2 open"):
            await run(IDLE, vendors, people=2)


@pytest.mark.bench
async def test_a_slow_side_takes_part_in_the_first_rounds_only() -> None:
    slow = of_module("slow", "bench.contain.floor", rounds=1)
    async with helper("bench.contain.vendors") as vendors:
        taken = await rounds_of([of_module("quick", "bench.contain.floor"), slow], vendors, rounds=2, people=1, latency=0.01)
    assert {name: len(found) for name, found in taken.items()} == {"quick": 2, "slow": 1}
    assert all(one["seconds"] > 0.1 for found in taken.values() for one in found), "each call takes the while that it was given"


@pytest.mark.bench
async def test_the_journal_and_the_command_line_are_measured(tmp_path: Path) -> None:
    ours, bare, ratio, alone = await commits(tmp_path / "journal", steps=5, rounds=1)
    assert ours.value > 0
    assert bare.value > 0
    assert alone.value > 0
    assert ratio.at_most == 1.5
    assert [one.name for one in await start(times=1)] == ["firedoor --help", "firedoor playbooks list"]
