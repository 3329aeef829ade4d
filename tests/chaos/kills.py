"""SIGKILL at every boundary of every playbook's journal, and at random instants in between; each time another process goes on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.company import Scene, scenes
from tests.chaos.figures import Figures
from tests.chaos.judge import Ending
from tests.chaos.killing import Case, Ground, carry_out, ground, judged
from tests.chaos.life import Death

SEED: Final = 4117
AT_RANDOM: Final = 3  # instants a scene, beyond its boundaries
LATEST: Final = 0.04  # seconds after an entry: about what a vendor takes to answer
AGAIN: Final = 12  # in every so manieth case the second process dies too
REACH: Final = 12  # among how many of its first entries it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one scene: a line of the table."""

    scene: str
    boundaries: int
    figures: Figures
    seconds: float


def deaths(scene: Scene, entries: int) -> Sequence[Case]:
    """Every boundary of a run that makes so many entries, and some instants in between."""
    dice = random.Random(f"{SEED} {scene.name}")  # noqa: S311 - to be the same each time
    firsts = [Death(event=event, before=before) for event in range(1, entries + 1) for before in (True, False)]
    firsts += [Death(event=dice.randint(1, entries), later=dice.uniform(0.001, LATEST)) for _ in range(AT_RANDOM)]
    cases = []
    for number, first in enumerate(firsts):
        twice = (Death(event=dice.randint(1, REACH), before=dice.random() < 0.5),) if number % AGAIN == 0 else ()
        cases.append(Case(scene=scene, deaths=(first, *twice)))
    return cases


async def run(
    *, sample: int | None = None, workers: int = 2, only: Sequence[Scene] = (), tell: Callable[[Row], None] = lambda _: None
) -> Figures:
    """Kill them all; or, of each scene, a ``sample`` of so many instants. ``workers`` cases are under way at once.

    ``tell`` is called for each scene as soon as all of its cases are over.
    """
    waiting = list(only or scenes())[::-1]
    found: list[Figures] = []

    async def work() -> None:
        async with ground() as at:
            while waiting:
                row = await _scene(at, waiting.pop(), sample)
                found.append(row.figures)
                tell(row)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    return sum(found, Figures())


async def _scene(at: Ground, scene: Scene, sample: int | None) -> Row:
    began = time.monotonic()
    undisturbed = await peace(at, scene)
    cases = deaths(scene, undisturbed.appended)
    if sample is not None:
        cases = random.Random(SEED).sample(cases, min(sample, len(cases)))  # noqa: S311 - to be the same each time
    figures = Figures()
    for case in cases:
        figures += await judged(at, case, undisturbed)
    return Row(scene=scene.name, boundaries=2 * undisturbed.appended, figures=figures, seconds=time.monotonic() - began)


async def peace(at: Ground, scene: Scene) -> Ending:
    """The scene without a kill. Raises `AssertionError` where not even that ends well."""
    ending, _, _ = await carry_out(at, Case(scene=scene))
    assert ending.report is not None, ending.why
    assert ending.report["outcome"] == "contained", ending.report["open"]
    return ending
