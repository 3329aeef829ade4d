"""What the benchmark makes of what it measured."""

from __future__ import annotations

import json
import math
from pathlib import Path

from bench.report import Row, keep, percentile, table
from bench.slack import _after


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
