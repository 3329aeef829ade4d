"""Reasons that people give with a decision that counts are shown, and are inert: nothing in them calls anybody, leads anywhere or hides."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.text import HIDDEN
from tests.abuse.ground import Ground
from tests.channels.slack.samples import HOSTILE
from tests.channels.slack.scene import ROOM, scene

MARKER = "QQQ"


@pytest.fixture
async def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ground]:
    async with scene(tmp_path, monkeypatch) as stage:
        yield Ground(stage, "socket")


def texts(value: object) -> Iterator[Raw]:
    """Every text object in the blocks."""
    match value:
        case {"type": "plain_text" | "mrkdwn" as kind, "text": str() as words}:
            yield {"type": kind, "text": words}
        case dict():
            for one in value.values():
                yield from texts(one)
        case list() | tuple():
            for one in value:
                yield from texts(one)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_reason_is_inert(ground: Ground, name: str) -> None:
    stage = ground.stage
    await ground.ask()
    answer = await ground.send("interactive", await ground.decision("U0BEN", approve=False, reason=HOSTILE[name]))
    assert "Recorded" in json.dumps(answer)
    assert (await stage.runs[-1])["outcome"] == "denied"
    [decision] = await stage.decisions(ground.open)
    assert decision.reason == HOSTILE[name], "the record has it as it was said"
    shown: list[Raw] = [stage.slack.world.wire(one) for one in stage.slack.world.messages[ROOM].values()]
    found = [one for message in shown for one in texts(message.get("blocks")) if MARKER in str(one["text"])]
    assert found, "it is shown"
    for one in found:
        assert one["type"] == "plain_text"
        assert not [character for character in str(one["text"]) if character != " " and unicodedata.category(character) in HIDDEN]
        assert len(str(one["text"])) <= 3000
    for message in shown:
        words = str(message["text"])
        assert not [sign for sign in ("<!", "<@", "<#", "<http") if sign in words], "what notifications show"
        assert len(words) < 4000
