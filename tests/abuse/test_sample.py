"""A sample of the hostile attempts, for the quick run. That their judge sees what gets through is `test_judge`'s to show."""

from __future__ import annotations

import pytest

from tests.abuse import messages, signatures, tainted, wire
from tests.abuse.attempt import Theme, Verdict
from tests.abuse.running import summed, verdicts
from tests.abuse.themes import THEMES
from tests.channels.slack.scene import SlackMode

SOME = ((messages.THEME, "socket"), (wire.THEME, "http"), (signatures.THEME, "socket"), (tainted.THEME, "http"))


@pytest.mark.parametrize(("theme", "way"), SOME, ids=[f"{theme.name}, {way}" for theme, way in SOME])
async def test_nothing_hostile_has_force_and_nothing_breaks(theme: Theme, way: SlackMode) -> None:
    found = [one async for one in verdicts(theme, way, most=1, controls=False)]
    assert len(found) >= 4
    assert [one for one in found if one.accepted or one.crashes] == []


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_no_two_attempts_are_called_the_same(theme: Theme) -> None:
    for way in theme.ways:
        names = [(one.kind, one.variation) for one in theme.attempts(way)]
        assert len(names) == len(set(names)), "which one it was could not be told"


def test_the_figures_count_what_got_through_and_what_broke() -> None:
    plain = Verdict(kind="k", variation="v", way="socket", accepted=(), crashes=(), words=("no",))
    got_through = Verdict(kind="k", variation="w", way="http", accepted=("r1: granted", "effect"), crashes=(), words=())
    after = Verdict(kind="k", variation="", way="http", accepted=(), crashes=("it is dead",), words=())
    figures = summed([plain, got_through, after])
    counts = {name: figures[name] for name in ("attempts", "accepted", "crashes", "controls")}
    assert counts == {"attempts": 2, "accepted": 1, "crashes": 1, "controls": 1}
    assert figures["kinds"]["k"]["words"] == {"no": 1, "(nothing)": 1}
    assert [one for one in figures["kinds"]["k"]["wrong"] if "r1: granted" in one]
