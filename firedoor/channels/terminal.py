"""The terminal of whoever started a run: what is asked, and how to sign it. It works when nothing else does.

What the run does then they see by themselves (`firedoor.attending`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from firedoor import planview
from firedoor.approval import Answer
from firedoor.channel import Ask
from firedoor.model import Mode
from firedoor.planview import Line
from firedoor.run import Order, StepResult
from firedoor.situation import marked

Say: TypeAlias = Callable[[str], None]
Show: TypeAlias = Callable[[Sequence[Line]], None]


class Terminal:
    """A `Channel` of lines. ``show`` shows a plan; without it, plans are said as plain text."""

    def __init__(self, say: Say, show: Show | None = None) -> None:
        self._say = say
        self._show = show or self._plainly

    def _plainly(self, lines: Sequence[Line]) -> None:
        for line in planview.text(lines).splitlines():
            self._say(line)

    async def asked(self, ask: Ask) -> None:
        """What is asked, in words, and how to answer."""
        request, run = ask.request, ask.order.run
        needed = int(request.required)
        self._show(planview.lines(ask.order, ask.items, required=needed, why=request.out_of_band))
        kind = " with hardware keys" if request.hardware else ""
        signed = f", by signature{kind}" if request.out_of_band else ""
        asks = f"asks for {needed} approval{'' if needed == 1 else 's'}{signed}, until {request.expires:%H:%M:%S} UTC."
        self._say(f"{marked(request.mode)}Run {run} {asks}{' Nothing will be changed.' if request.mode is Mode.EXERCISE else ''}")
        self._say(f"Journal head {ask.head}")
        verbs = f"{Answer.APPROVE}|{Answer.DENY}|{Answer.STOP}"
        self._say(f"To decide with your SSH key, in any terminal: firedoor {verbs} {run} --key FILE")
        self._say("Ctrl-C here takes the request back.")

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """That it still waits."""
        del urgency
        self._say(f"{marked(ask.request.mode)}Run {ask.order.run} still waits for approval, until {ask.request.expires:%H:%M:%S} UTC.")

    async def begun(self, order: Order) -> None:
        """Nothing: they see it by themselves."""

    async def progressed(self, order: Order, result: StepResult) -> None:
        """Nothing: they see it by themselves."""

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """Nothing: the whole report is what the command prints."""

    async def where(self, run: str) -> str:
        """Nowhere: what a terminal shows, nobody else can look at."""
        del run
        return ""
