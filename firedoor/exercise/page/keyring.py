"""The terminals of a drill's people, each with a hardware key: what they may sign now, and the signing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from firedoor.approval import Answer, Person
from firedoor.desk import Desk
from firedoor.errors import FiredoorError
from firedoor.exercise import keys
from firedoor.exercise.page import terminal

EVERY = f"{Answer.APPROVE} {Answer.DENY} {Answer.STOP}"


class Keyring:
    """A `SigningTerminal` of all people with a key in ``folder``. ``runs`` are those of the drill."""

    def __init__(self, *, desk: Desk, runs: Callable[[], Awaitable[Sequence[str]]], folder: Path) -> None:
        self._desk = desk
        self._runs = runs
        self._folder = folder
        self._drawn_up: dict[tuple[str, str, str, str], str] = {}

    async def pending(self, member: str) -> Sequence[Mapping[str, str]]:
        """A request that waits for them, which they may also stop; of what is under way, a document to stop it."""
        person = self._desk.roster.by_slack(member)
        found = []
        for run in await self._runs():
            for answer, answers in ((Answer.APPROVE, EVERY), (Answer.STOP, str(Answer.STOP))):
                with suppress(FiredoorError):  # not theirs to answer so, or not now
                    found.append(await self._waiting(run, person, answer, answers))
                    break
        return found

    async def sign(self, member: str, run: str, answer: terminal.Answer) -> str:
        """Sign it anew from the journal, as their own machine would. Raises `DecisionRefused`, `BadInput`."""
        await keys.sign(self._folder, member, run, Answer(answer))
        return f"Signed and handed in: {answer} run {run}."

    async def _waiting(self, run: str, person: Person | None, answer: Answer, answers: str) -> Mapping[str, str]:
        decision, document = await self._desk.draw_up(run, person, answer, via="terminal", reason="in the drill")
        # What somebody reads does not change under their eyes; the time in it is that of its first showing.
        kept = self._drawn_up.setdefault((run, decision.by, decision.request, answer), document)
        order = (await self._desk.record(run)).order
        return {"run": run, "title": f"{order.title or order.playbook}, run {run}", "document": kept, "answers": answers}
