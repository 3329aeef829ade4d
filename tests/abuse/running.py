"""Makes the attempts, and judges each by the world before and after it."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from firedoor.defect import kind_and_place
from firedoor.vendors.slack.raw import mapping, text
from tests.abuse import judge
from tests.abuse.attempt import Attempt, Theme, Verdict
from tests.abuse.ground import Ground
from tests.channels.slack.scene import SlackMode, scene

WORD_LENGTH = 96


async def verdicts(
    theme: Theme, way: SlackMode, *, most: int | None = None, kinds: Collection[str] = (), controls: bool = True
) -> AsyncGenerator[Verdict, None]:
    """Every attempt of a theme, or of the ``kinds`` named, or at ``most`` so many of each; after each kind, what must still work.

    The verdict on that has no variation.
    """
    with (
        tempfile.TemporaryDirectory(prefix="firedoor-abuse-") as folder,
        pytest.MonkeyPatch.context() as patch,
        judge.listening() as alarms,
    ):
        async with scene(Path(folder), patch, mode=way, **theme.scene) as stage:
            ground = Ground(stage, way)
            bench = judge.Judge(ground)
            await theme.prepare(ground)
            ground.seen(0)
            alarms.taken()
            for kind, made in itertools.groupby(theme.attempts(way), key=lambda one: one.kind):
                if kinds and kind not in kinds:
                    continue
                for attempt in itertools.islice(made, most):
                    yield await _judged(ground, bench, attempt, alarms)
                if controls:
                    yield await _controlled(theme, ground, kind, alarms)


async def _judged(ground: Ground, bench: judge.Judge, attempt: Attempt, alarms: judge.Alarms) -> Verdict:
    stage, tasks, run = ground.stage, asyncio.all_tasks(), ground.open
    before, shown = await bench.look(), len(stage.slack.world.ephemeral)
    said = []
    try:
        said = [await attempt.make(ground) or ""]
    except Exception as error:  # noqa: BLE001 - the attempts go on, and whatever it is stands in the verdict
        ground.troubles.append(f"raised: {kind_and_place(error)}")
    await ground.settle(tasks)
    after = await bench.look(altered={run} if attempt.writes else ())
    found = judge.accepted(before, after, attempt, run)
    if found or stage.runs[-1].done():
        await ground.ask()  # the others need a run that waits
    opened = [f"a view opened: {_title(ground, view)}" for view in after.views - before.views]
    return Verdict(
        kind=attempt.kind,
        variation=attempt.variation,
        way=ground.way,
        accepted=found,
        crashes=_troubles(ground, alarms),
        words=tuple(filter(None, [*said, *ground.seen(shown), *opened])),
    )


async def _controlled(theme: Theme, ground: Ground, kind: str, alarms: judge.Alarms) -> Verdict:
    shown = len(ground.stage.slack.world.ephemeral)
    try:
        await theme.control(ground)
    except Exception as error:  # noqa: BLE001 - as above: what must still work does not
        ground.troubles.append(f"who may decide no longer can: {kind_and_place(error)} {str(error)[:200]}")
    ground.seen(shown)
    return Verdict(kind=kind, variation="", way=ground.way, accepted=(), crashes=_troubles(ground, alarms), words=())


def _troubles(ground: Ground, alarms: judge.Alarms) -> tuple[str, ...]:
    found, ground.troubles = ground.troubles, []
    if ground.way == "socket" and not ground.stage.slack.connected:
        found.append("no socket is open any more")
    return (*found, *alarms.taken())


def _title(ground: Ground, opened: str) -> str:
    [view] = [view for view in ground.stage.slack.world.open_views() if view.id == opened]
    return text(mapping(view.definition.get("title")).get("text"))


def summed(found: Iterable[Verdict]) -> Mapping[str, Any]:
    """The figures of all, and of each kind."""
    kinds: dict[str, list[Verdict]] = {}
    for one in found:
        kinds.setdefault(one.kind, []).append(one)
    by_kind = {kind: _figures(made) for kind, made in kinds.items()}
    return {
        **{name: sum(one[name] for one in by_kind.values()) for name in ("attempts", "accepted", "crashes", "controls")},
        "kinds": by_kind,
    }


def _figures(made: Sequence[Verdict]) -> Mapping[str, Any]:
    attempts = [one for one in made if one.variation]
    said = Counter(word for one in attempts for word in (one.words or ("(nothing)",)))
    return {
        "attempts": len(attempts),
        "accepted": sum(bool(one.accepted) for one in made),
        "crashes": sum(bool(one.crashes) for one in made),
        "controls": len(made) - len(attempts),
        "words": dict(said.most_common()),
        "wrong": [
            f"{one.way}, {one.variation or 'afterwards'}: {'; '.join((*one.accepted, *one.crashes))}"
            for one in made
            if one.accepted or one.crashes
        ],
    }
