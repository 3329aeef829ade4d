"""The judge is judged: with a defect in the product, what comes of a kill is seen. Without, the very same kill leaves nothing to see."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.chaos.breakages import BREAKAGES
from tests.chaos.conftest import SCENES
from tests.chaos.figures import Figures
from tests.chaos.killing import Case, Ground, judged
from tests.chaos.kills import peace
from tests.chaos.life import Death

pytestmark = pytest.mark.chaos


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A defect, the kill that brings it to light, and the figures in which it must show."""

    breakage: str
    scene: str
    death: Death
    shows: tuple[str, ...]


ALL = (
    Seen(
        breakage="the intent is on record after the write",
        scene="rotate-after-containment",
        death=Death(entry="step.intent rotate", before=True),
        shows=("lost",),
    ),
    Seen(
        breakage="a post has no intent",
        scene="restore-user",
        death=Death(entry="run.noted slack ts", before=True),
        shows=("doubled",),
    ),
    Seen(
        breakage="what is not settled is taken for done",
        scene="restore-user",
        death=Death(entry="step.intent reset_password"),
        shows=("lost", "false_success"),
    ),
    Seen(
        breakage="what is not settled is taken for failed",
        scene="restore-user",
        death=Death(entry="step.receipt reset_password", before=True),
        shows=("false_failure",),
    ),
)


@pytest.mark.asyncio(loop_scope="package")
@pytest.mark.parametrize("seen", ALL, ids=lambda seen: seen.breakage)
async def test_what_comes_of_a_defect_is_seen(at: Ground, seen: Seen) -> None:
    scene = SCENES[seen.scene]
    undisturbed = await peace(at, scene)
    sound = await judged(at, Case(scene=scene, deaths=(seen.death,)), undisturbed)
    assert sound == Figures(kills=1), "without the defect, all is well"
    broken = await judged(at, Case(scene=scene, deaths=(seen.death,), broken=seen.breakage), undisturbed)
    assert broken.kills == 1
    assert all(getattr(broken, figure) for figure in seen.shows), broken


def test_every_defect_is_tried() -> None:
    assert {seen.breakage for seen in ALL} == set(BREAKAGES)
