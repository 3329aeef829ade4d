"""The terminal of whoever started a run: what is asked and how to sign it, each step as it ends. It works when nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from firedoor.approval import Answer
from firedoor.channel import Ask
from firedoor.model import Mode
from firedoor.run import Order, StepResult
from firedoor.situation import marked


class Terminal:
    """A `Channel` of lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    async def asked(self, ask: Ask) -> None:
        """What is asked, in words, and how to answer."""
        request, run = ask.request, ask.order.run
        needed = int(request.required)
        asks = f"asks for {needed} approval{'' if needed == 1 else 's'} until {request.expires:%H:%M:%S} UTC"
        will = "Nothing will be changed; in earnest it would" if request.mode is Mode.EXERCISE else "It will"
        self._say(f"\n{marked(request.mode)}Run {run} {asks}. {will}:")
        for line in request.lines:
            self._say(f"  - {line}")
        for item in ask.items:
            if item.refused:
                self._say(f"  refused: {item.refused}")
        if request.out_of_band:
            kind = " with a hardware key" if request.hardware else ""
            self._say(f"Chat only advises: {request.out_of_band}. It must be signed{kind}.")
        self._say(f"Journal head {ask.head}")
        verbs = f"{Answer.APPROVE}|{Answer.DENY}|{Answer.STOP}"
        self._say(f"To decide with your SSH key, in any terminal: firedoor {verbs} {run} --key FILE")

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """That it still waits."""
        del urgency
        self._say(f"{marked(ask.request.mode)}Run {ask.order.run} still waits for approval, until {ask.request.expires:%H:%M:%S} UTC.")

    async def progressed(self, order: Order, result: StepResult) -> None:
        """A step's end."""
        self._say(f"{marked(order.mode)}{result.outcome}: {result.item}")

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """Nothing: the whole report is what the command prints."""

    async def where(self, run: str) -> str:
        """Nowhere: what a terminal shows, nobody else can look at."""
        del run
        return ""
