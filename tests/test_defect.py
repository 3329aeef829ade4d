"""Whatever breaks in a way that nobody foresaw tells its kind and its place, and repeats nothing."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from prefect.client.schemas.objects import State

from firedoor import cli, running, staffed
from firedoor.errors import BadInput, SlackMissing
from flows.ended import ended

SECRET = "00canary-canary-canary"
NOTHING: dict[str, int] = {}


async def breaks(*_: Any) -> Any:
    try:
        return int(SECRET)
    except ValueError:
        return NOTHING[SECRET]


FIRST = breaks.__code__.co_firstlineno


@pytest.mark.parametrize("as_json", [False, True])
def test_a_defect_at_the_command_line(as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001
    monkeypatch.setattr(running, "runs", breaks)
    assert cli.obey(["runs", *(["--json"] if as_json else [])]) == 1
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    assert f"a defect in Firedoor: KeyError at test_defect.py:{FIRST + 4}." in err
    assert "It is not known whether anything was changed. What was done is on record: see `firedoor runs`" in err
    assert f"test_defect.py:{FIRST + 4} in breaks" in err
    assert f"which came of ValueError at test_defect.py:{FIRST + 2}" in err
    if as_json:
        told = json.loads(out)
        assert (told["error"], told["changed"]) == ("Defect", None)


async def test_a_defect_in_a_flow_is_a_failed_state_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    state: State[None] = await ended(breaks())
    assert (state.name, state.message) == ("Failed", f"a defect (KeyError at test_defect.py:{FIRST + 4})")
    assert SECRET not in caplog.text
    assert "in breaks" in caplog.text


async def test_our_own_errors_speak_for_themselves_in_a_flow() -> None:
    async def refuses() -> State[None]:
        raise BadInput("there is no such sweep", advice="See `firedoor sweep list`")

    state = await ended(refuses())
    assert state.message == "there is no such sweep. Nothing was changed. See `firedoor sweep list`."


async def test_a_defect_on_the_way_into_slack_is_slack_missing() -> None:
    with pytest.raises(SlackMissing, match="a defect on the way into Slack") as missing:
        await staffed._let_in(breaks(), 1.0)
    assert SECRET not in str(missing.value)
    with pytest.raises(BadInput, match="no token"):
        await staffed._let_in(refused(), 1.0)


async def refused() -> None:
    raise BadInput("no token")
