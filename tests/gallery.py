"""What stands in Prefect's place where only what it is told matters."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

import pytest

from firedoor import orchestrating
from firedoor.showing import End, Note, Showing, Step


@dataclass(slots=True)
class Gallery:
    """Shows runs, in Prefect's thread. ``seen`` is what came, ``takes`` whether it is taken."""

    seen: list[tuple[str, ...]]
    takes: bool = True

    async def show(self, showing: Showing) -> bool:
        while True:
            match await showing.told():
                case Step() as step:
                    result = await asyncio.wrap_future(step.ended)
                    self.seen.append(("step", step.item.id, str(result and result.outcome)))
                case Note() as note:
                    self.seen.append(("note", note.key, str(note.record["outcome"])))
                case End() as end:
                    self.seen.append(("end", end.died or str((end.report or {})["outcome"]), "late" if showing.late else ""))
                    return self.takes


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> Gallery:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    found = Gallery([])
    monkeypatch.setattr(orchestrating, "show", lambda showing: orchestrating._there(partial(found.show, showing)))
    return found
