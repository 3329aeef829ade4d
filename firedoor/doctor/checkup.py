"""Checks that run at the same time, each for so long and no longer, and what they find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from firedoor.defect import kind_and_place
from firedoor.errors import FiredoorError, Misconfigured, Unauthorized

SECONDS: Final = 20.0
LEAVING: Final = 1.0


class State(StrEnum):
    """How it stands. A failure would keep Firedoor from containing, asking or recording; a warning would make it harder."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One thing looked at. ``area`` is what it belongs to (``okta``), ``at`` what it is about, as people find it (a setting, a role, a
    person), ``says`` how it stands in words, ``remedy`` what to do (empty where nothing is to be done). No secret is in any of it.
    """

    state: State
    area: str
    at: str
    says: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if bool(self.remedy) is (self.state is State.OK):
            raise ValueError("whatever is not in order has a remedy, and nothing else has")


Looks = AsyncIterator[Diagnosis]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look, which finds several things. ``at`` is what it is about as a whole, ``seconds`` how long it may take.

    ``remedy`` is what to do where the credential is missing or is not known.
    """

    area: str
    at: str
    look: Callable[[], Looks]
    remedy: str = ""
    seconds: float = SECONDS


async def examine(checks: Sequence[Check]) -> tuple[Diagnosis, ...]:
    """What all checks find, in their order. One that does not end in its time is a failure, and is waited for no longer."""
    found = await asyncio.gather(*(_bounded(check) for check in checks))
    return tuple(one for each in found for one in each)


async def _bounded(check: Check) -> Sequence[Diagnosis]:
    found: list[Diagnosis] = []
    task = asyncio.ensure_future(_collect(check, found))
    done, _ = await asyncio.wait({task}, timeout=check.seconds)
    if done:
        return found
    task.cancel()
    await asyncio.wait({task}, timeout=LEAVING)  # and no longer: what hangs may hang in its own ending too
    says = f"no answer within {check.seconds:g} s"
    return [*found, failure(check.area, check.at, says, "See that it can be reached from this machine, and look again")]


async def _collect(check: Check, found: list[Diagnosis]) -> None:
    try:
        async for one in check.look():
            found.append(one)  # noqa: PERF401 - one by one: what comes before a failure is kept
    except (Unauthorized, Misconfigured) as error:  # whose own advice knows one credential of several
        found.append(failed(error, check.area, check.at, remedy=check.remedy))
    except FiredoorError as error:
        found.append(failed(error, check.area, check.at))
    except Exception as defect:  # noqa: BLE001 - one check must not end the others, and a defect's own words may quote a secret
        says = f"the check itself failed ({kind_and_place(defect)})"
        found.append(not_checked(check.area, check.at, says, "This is a defect in Firedoor: report it with the words before"))


def ok(area: str, at: str, says: str) -> Diagnosis:
    """It is as it should be."""
    return Diagnosis(state=State.OK, area=area, at=at, says=says)


def warning(area: str, at: str, says: str, remedy: str) -> Diagnosis:
    """It works, and will not always."""
    return Diagnosis(state=State.WARNING, area=area, at=at, says=says, remedy=remedy)


def failure(area: str, at: str, says: str, remedy: str) -> Diagnosis:
    """It does not work."""
    return Diagnosis(state=State.FAILURE, area=area, at=at, says=says, remedy=remedy)


def not_checked(area: str, at: str, says: str, remedy: str) -> Diagnosis:
    """Nobody can tell from here."""
    return Diagnosis(state=State.NOT_CHECKED, area=area, at=at, says=says, remedy=remedy)


def failed(error: FiredoorError, area: str, at: str, *, remedy: str = "") -> Diagnosis:
    """A failure in an error's own words, with its own advice where there is no better ``remedy``."""
    return failure(area, at, error.what, remedy or error.advice or "Set it up as README.md says")


def untold(error: FiredoorError, area: str, at: str, *, remedy: str = "") -> Diagnosis:
    """What an error has kept from being looked at."""
    return replace(failed(error, area, at, remedy=remedy), state=State.NOT_CHECKED)
