"""What the tests really call: every call that a vendor's client admits, with the unit in whose work it was made, noted while they run.

With ``CALLS_NOTED_IN`` in the environment each process of a test run notes them in a file of its own in that folder, a line for each call
that is new to it; and so does each process of Python that it starts (see ``children``).
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from firedoor.action import Action, Query
from firedoor.permissions import Unit
from firedoor.vendors.access import CallPolicy, Operation
from firedoor.wiring import load_catalogue

FOLDER: Final = "CALLS_NOTED_IN"
ROOM: Final = "CALLS_NOTED_OF"
NOBODY: Final = ""
CHILDREN: Final = Path(__file__).with_name("children")
_UNIT: Final = ContextVar("unit", default=NOBODY)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a vendor, as a client with that access admitted it. ``unit`` is in whose work, empty where it was in nobody's;
    ``room`` the folder of the tests that did it.
    """

    vendor: str
    operation: str
    access: str
    unit: str
    room: str


class Recording:
    """Notes them: each once, whoever repeats it. It is a plugin of pytest, which says where the tests are at it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder.absolute() / f"{os.getpid()}.jsonl"
        self._calls: set[Call] = set()
        self._patch = pytest.MonkeyPatch()
        self._note_calls()
        known = load_catalogue()
        units: list[Unit] = [*known.actions.values(), *known.queries.values(), *known.sources.values()]
        for unit in units:
            self._name(unit)

    @classmethod
    def of_a_test_run(cls, folder: Path) -> Self:
        """One for this process of pytest, and for whatever Python it starts."""
        root = Path(__file__).resolve().parent.parent.parent
        os.environ[FOLDER] = str(folder.absolute())
        os.environ["PYTHONPATH"] = os.pathsep.join([str(CHILDREN), str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        return cls(folder)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Which tests are at it."""
        os.environ[ROOM] = item.path.relative_to(item.config.rootpath).parts[1]

    def stop(self) -> None:
        """Note nothing more."""
        self._patch.undo()

    def _note_calls(self) -> None:
        admit = CallPolicy.admit

        @functools.wraps(admit)
        def noted(policy: CallPolicy, name: str) -> Operation:
            operation = admit(policy, name)
            if not _in_a_thread():
                self._note(Call(policy.vendor, name, policy.access, _UNIT.get(), os.environ.get(ROOM, "")))
            return operation

        self._patch.setattr(CallPolicy, "admit", noted)

    def _note(self, call: Call) -> None:
        if call not in self._calls:
            self._calls.add(call)
            with self._file.open("a", encoding="utf-8") as file:  # at once: some of these processes are killed
                file.write(f"{json.dumps(astuple(call))}\n")

    def _name(self, unit: Unit) -> None:
        """Have each method of a unit that may call its vendor say whose work it is."""
        if issubclass(unit, Action):
            at_once, in_pages = ["clock", "read", "apply", "verify"], list[str]()
        elif issubclass(unit, Query):
            at_once, in_pages = ["find"], []
        else:
            at_once, in_pages = ["places", "credentials"], ["holders"]
        for name in at_once:
            self._patch.setattr(unit, name, _in_the_name_of(unit.spec.id, getattr(unit, name)))
        for name in in_pages:
            self._patch.setattr(unit, name, _page_by_page(unit.spec.id, getattr(unit, name)))


def calls_in(folder: Path) -> frozenset[Call]:
    """All that was noted there."""
    lines = (line for path in folder.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(Call(*json.loads(line)) for line in lines)


def _in_a_thread() -> bool:
    """Whether it is a second look of boto3's thread at a call that was admitted before: there nobody knows whose work it is."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


@contextmanager
def _work_of(unit: str) -> Iterator[None]:
    token = _UNIT.set(unit)
    try:
        yield
    finally:
        _UNIT.reset(token)


def _in_the_name_of(unit: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def named(*given: Any, **more: Any) -> Any:
        with _work_of(unit):
            return await method(*given, **more)

    return named


def _page_by_page(unit: str, method: Callable[..., Any]) -> Callable[..., AsyncIterator[Any]]:
    @functools.wraps(method)
    async def named(*given: Any, **more: Any) -> AsyncIterator[Any]:
        async with aclosing(method(*given, **more)) as pages:
            while True:
                with _work_of(unit):
                    page = await anext(pages, None)
                if page is None:
                    return
                yield page

    return named
