"""The doctor at a whole simulated company, over real sockets: all well, and a dozen things that are not."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from firedoor.doctor import told
from firedoor.settings import ROOT
from tests.company import Company
from tests.doctor.estates import PLANTED, diagnosed, found, ill, secrets, well
from tests.doctor.page import PAGE, page

pytestmark = pytest.mark.identities

Estate = Callable[[Path], AbstractAsyncContextManager[Company]]
AREAS = {"okta", "aws", "slack", "jira", "roster", "journal", "clock"}


async def test_where_all_is_well_nothing_is_to_be_done_and_nothing_was_changed(tmp_path: Path) -> None:
    async with well(tmp_path) as acme:
        data = await diagnosed()
        assert acme.writes() == 0
    assert data["counts"] == {"failure": 0, "warning": 0, "not checked": 0, "ok": len(data["findings"])}, told.markdown(data)
    assert {one["area"] for one in data["findings"]} == AREAS
    assert _made_in(tmp_path) == {"firedoor.toml"}, "a look makes no journal"
    assert told.exit_code(data) == 0
    assert told.markdown(data).startswith("# Nothing stands in the way\n")


async def test_everything_planted_is_found_with_its_remedy_and_nothing_else(tmp_path: Path) -> None:
    async with ill(tmp_path) as acme:
        data = await diagnosed()
        assert acme.writes() == 0
    failures = found(data, "failure")
    for name, planted in PLANTED.items():
        assert len([one for one in failures if _is(one, planted)]) == 1, f"{name}\n{told.markdown(data)}"
    assert all(f"{one['says']}. {one['remedy']}." in told.markdown(data) for one in failures)
    strange = [one for one in failures if not any(_is(one, planted) for planted in PLANTED.values())]
    # Too few approvers are too few with hardware keys as well.
    assert [one["at"] for one in strange] == ["decisions of two, by signatures"]
    assert told.exit_code(data) == 1


async def test_no_secret_is_in_what_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for number, estate in enumerate((well, ill)):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with estate(folder) as acme:
            data = await diagnosed()
            kept = secrets(acme)
            assert len(kept) > 10
            everything = f"{data}{told.markdown(data)}{caplog.text}{''.join(capsys.readouterr())}"
            assert [secret for secret in kept if secret in everything] == []


@pytest.mark.parametrize(("estate", "code"), [(well, 0), (ill, 1)])
async def test_the_command_itself(tmp_path: Path, estate: Estate, code: int) -> None:
    async with estate(tmp_path) as acme:
        kept = secrets(acme)
        for words in ((), ("--json",)):
            done, out, err = await _firedoor("doctor", *words)
            assert done == code, err
            assert [secret for secret in kept if secret in f"{out}{err}"] == []
            assert err == ""
            if words:
                assert json.loads(out)["well"] is (code == 0)
            else:
                assert out.startswith("# Nothing stands in the way" if code == 0 else "# 14 things do not work")


async def _firedoor(*words: str) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "firedoor", *words, cwd=ROOT, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def _is(one: Mapping[str, Any], planted: Any) -> bool:
    return one["area"] == planted.area and planted.at in one["at"] and planted.says in one["says"] and planted.remedy in one["remedy"]


def _made_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_the_page_says_what_the_doctor_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == await page(), "it is out of date: python -m tests.doctor writes it anew"
