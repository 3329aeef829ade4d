"""A sample of the hostile attempts, and that their judge sees what gets through where a defence is taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.abuse import messages, signatures, strangers
from tests.abuse.attempt import Theme, Verdict
from tests.abuse.running import verdicts


async def made(theme: Theme, *, most: int) -> Sequence[Verdict]:
    return [verdict async for verdict in verdicts(theme, "socket", most=most)]


@pytest.mark.parametrize("theme", [messages.THEME, signatures.THEME], ids=lambda theme: theme.name)
async def test_nothing_hostile_has_force_and_nothing_breaks(theme: Theme) -> None:
    found = await made(theme, most=2)
    assert len(found) > 10
    assert [(one.variation, one.accepted, one.crashes) for one in found if one.accepted or one.crashes] == []


def believing(*_: Any, **__: Any) -> bool:
    return True


async def test_a_signature_that_nobody_checks_is_seen_to_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.signing.holds", believing)
    assert [one for one in await made(signatures.THEME, most=3) if one.accepted]


async def test_a_stranger_who_passes_for_somebody_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def anybody(self: Any, _client: object, _member: str, _team: str) -> Any:
        return self.roster.by_slack("U0BEN")

    monkeypatch.setattr("firedoor.channels.slack.audience.Audience.person", anybody)
    assert [one for one in await made(strangers.THEME, most=2) if one.accepted]
