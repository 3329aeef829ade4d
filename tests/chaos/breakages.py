"""Defects that are put into a life on purpose, to see that the judge finds what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from unittest.mock import patch

from firedoor import step
from firedoor.journal import Event, Journal, Kind
from firedoor.model import Outcome
from firedoor.run import Item, Record, StepResult


def _intent_after_the_write() -> None:
    """What is about to be written is put on record only once it was."""
    append, held = Journal.append, dict[str, tuple[Any, ...]]()

    async def late(self: Journal, run: str, kind: Kind, body: Any, **rest: Any) -> Event | None:
        if kind == Kind.INTENT:
            held[body.effect] = (run, kind, body)
            return None
        if kind == Kind.RECEIPT:
            await append(self, *held.pop(body.effect))
        return await append(self, run, kind, body, **rest)

    patch.object(Journal, "append", late).start()


def _post_without_an_intent() -> None:
    """That a message is about to be posted is not put on record."""
    append = Journal.append

    async def silent(self: Journal, run: str, kind: Kind, body: Any, **rest: Any) -> Event:
        return await append(self, run, kind, {} if kind == Kind.NOTED and "posting" in body else body, **rest)

    patch.object(Journal, "append", silent).start()


def _guessing(outcome: Outcome) -> Callable[[], None]:
    """A step with a write of unknown fate is ended so by whoever resumes it, who does not look at the world."""

    def put() -> None:
        perform = step.perform

        async def guess(item: Item, action: Any, *, record: Record, **rest: Any) -> StepResult:
            if record.unsettled(item.id):
                return StepResult(item=item.id, outcome=outcome, reason="a guess")
            return await perform(item, action, record=record, **rest)

        patch("firedoor.engine.perform", guess).start()

    return put


BREAKAGES: Final[Mapping[str, Callable[[], None]]] = {
    "the intent is on record after the write": _intent_after_the_write,
    "a post has no intent": _post_without_an_intent,
    "what is not settled is taken for done": _guessing(Outcome.CHANGED),
    "what is not settled is taken for failed": _guessing(Outcome.FAILED),
}


def break_(name: str) -> None:
    """Put the defect of that name into this process; none where none is named."""
    if name:
        BREAKAGES[name]()
