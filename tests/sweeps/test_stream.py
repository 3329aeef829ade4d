"""A program follows a sweep: lines of JSON, one for each thing that comes on record, the report last."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firedoor import cli, sweeps
from firedoor.errors import BadInput
from tests.fakes import hasten
from tests.sweeps.vault import book, hall
from tests.test_progress import SHAPES

RUN = "251126-aaaaaa"
KEYS = {"north": {"ann": {"k1": "active"}, "bob": {"k2": "active"}}, "south": {"dan": {"k3": "active"}}}


def swept(folder: Path, *, gone_on: bool, shut: str = "") -> Callable[..., Any]:
    """What `firedoor.sweeps` does, in a vault."""

    async def sweep(name: str, *, at: sweeps.At, **others: Any) -> sweeps.Report:
        del name, others
        async with hall(folder, KEYS) as it:
            if gone_on:
                it.vault.shut["south"] = BadInput("nobody may enter")
                await it.sweep(book(batch=1))
                it.vault.shut.clear()
            it.vault.shut |= {shut: BadInput("nobody may enter")} if shut else {}
            async with at(RUN, it.desk, it.journal):
                return await (it.sweeping().resume(RUN) if gone_on else it.sweep(book(batch=1)))

    return sweep


@pytest.mark.parametrize("gone_on", [False, True], ids=["run", "resume"])
def test_a_sweep_is_followed_line_by_line(
    gone_on: bool,  # noqa: FBT001 - a column
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hasten(monkeypatch)
    verb = "resume" if gone_on else "run"
    monkeypatch.setattr(sweeps, "resume" if gone_on else "sweep", swept(tmp_path, gone_on=gone_on))
    assert cli.obey(["sweep", verb, RUN if gone_on else "incident-credentials", "--key", str(tmp_path / "none"), "--json-stream"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    events = [line["event"] for line in lines]
    assert err == ""
    first = ["resumed"] if gone_on else ["planned", "asked", "decided", "ruled"]
    assert events[: len(first)] == first, "what an earlier process did was shown by that one"
    assert events[-2:] == ["finished", "report"]
    assert {line["run"] for line in lines[:-1]} == {RUN}
    assert next(line for line in lines if line["event"] == "listed")["writes"] is True
    settled = [line for line in lines if line["event"] == "settled"]
    assert all(line.keys() == SHAPES[line["event"]] for line in lines[:-1])
    assert sum(line["made"] for line in settled) == (1 if gone_on else 3)
    assert (lines[-1]["outcome"], lines[-1]["left_over"]) == ("closed", 0)
    assert "k1" not in "".join(out.splitlines()[:-1]), "credentials are in the report"


def test_what_could_not_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr(sweeps, "sweep", swept(tmp_path, gone_on=False, shut="south"))
    assert cli.obey(["sweep", "run", "incident-credentials", "--key", str(tmp_path / "none"), "--json-stream"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    unlisted = [line for line in lines if line["event"] == "unlisted"]
    assert {(line["source"], line["place"], line["reason"]) for line in unlisted} == {("vault.list_keys", "south", "nobody may enter")}
    assert unlisted[0].keys() == SHAPES["unlisted"]
    assert lines[-1]["left_over"] == 1
