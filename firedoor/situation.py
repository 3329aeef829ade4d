"""Where a run stands, as people are told of it: what it waits for, what is open, what may still live. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from firedoor import look as watch
from firedoor import report
from firedoor.approval import Answer
from firedoor.model import Mode, Residual
from firedoor.run import Record
from firedoor.words import headline

LINES: Final = 10
MOST_OPEN, MOST_RESIDUAL = 5, 3
UNFINISHED: Final = ("partial", "failed")


class State(StrEnum):
    """What a run is at."""

    WAITING = "waiting"
    RUNNING = "running"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One run. ``needed`` approvals are still to be given before ``expires``; ``left`` says that it is over, and something is open."""

    run: str
    title: str
    mode: Mode
    requester: str
    asked: datetime
    state: State
    headline: str
    needed: int = 0
    expires: datetime | None = None
    ended: datetime | None = None
    left: bool = False
    open: tuple[str, ...] = ()
    residual: tuple[Residual, ...] = ()


def situation_of(record: Record) -> Situation:
    """Where the run of a record stands."""
    order = record.order
    told = record.report or report.compose(record, head="")
    state = State.OVER if record.report else State.WAITING if record.request and record.ruling is None else State.RUNNING
    given = {one.by for one in record.decisions if one.answer is Answer.APPROVE}
    waits = state is State.WAITING and record.request is not None
    again = _open_again(record) if state is State.OVER else ()
    return Situation(
        run=order.run,
        title=order.title,
        mode=order.mode,
        requester=order.requester,
        asked=order.asked,
        state=state,
        headline=f"Under way: {order.title}" if order.sweep and not record.report else _again(again) or headline(told),
        needed=max(int(record.request.required) - len(given), 1) if waits and record.request else 0,
        expires=record.request.expires if waits and record.request else None,
        ended=record.moments.get("run.finished") if state is State.OVER else None,
        left=state is State.OVER and (told["outcome"] in UNFINISHED or bool(again)) and not record.undone_by,
        open=(*again, *(f"{one['id']} is {one['outcome']}: {one['reason']}" for one in told["open"])),
        residual=() if record.undone_by else tuple(_residual(one) for one in told["residual"]),
    )


def _open_again(record: Record) -> tuple[str, ...]:
    """What the watch last saw open that had been closed; of a run that somebody closed or undid, nothing is said any more."""
    if record.look is None or record.closing is not None or record.undone_by:
        return ()
    return tuple(f"{one.item} is open again: {one.says}" for one in record.look.of(watch.State.OPEN) if one.again)


def _again(again: Sequence[str]) -> str:
    return f"{len(again)} open again, as the watch saw" if again else ""


def living(found: Situation, *, now: datetime) -> tuple[Residual, ...]:
    """What may still live now: less what had a date, or so many hours from the run's end, and that is past."""
    return tuple(one for one in found.residual if (until := _gone(one, found.ended)) is None or until > now)


def _gone(one: Residual, ended: datetime | None) -> datetime | None:
    if ended is not None and one.hours is not None:
        return ended + timedelta(hours=one.hours)
    return _moment(one.until)


def brief(found: Sequence[Situation]) -> list[str]:
    """What is under way and what is open, in at most `LINES` lines."""
    going = [f"{one.run} {one.title}: {stage(one)}" for one in found if one.state is not State.OVER]
    left = [f"{one.run} {one.title}: {one.headline}" for one in found if one.left]
    if not going and not left:
        return ["Nothing is under way, and nothing is open."]
    lines = [*(["Under way:", *going] if going else []), *(["Left open:", *left] if left else [])]
    if len(lines) <= LINES:
        return lines
    shown = lines[: LINES - 1]
    hidden = len(going) + len(left) - len([one for one in shown if one not in ("Under way:", "Left open:")])
    return [*shown, f"… and {hidden} more; see the app's home tab"]


def whole(found: Situation, *, now: datetime) -> list[str]:
    """One run, what is open and the residual in short."""
    live = [f"• {one.what}: until {one.until}" for one in living(found, now=now)]
    return [
        found.headline if found.state is not State.WAITING else f"{found.headline}; {stage(found)}",
        *_some("Still open:", [f"✗ {one}" for one in found.open], MOST_OPEN),
        *_some("May still live:", live, MOST_RESIDUAL),
    ]


def stage(found: Situation) -> str:
    """What a run that is not over is at, and who asked for it."""
    asked = f"asked for by {found.requester}"
    if found.state is not State.WAITING or found.expires is None:
        return f"at work, {asked}"
    return f"waits for {found.needed} approval{'' if found.needed == 1 else 's'} until {clock(found.expires)}, {asked}"


def clock(moment: datetime) -> str:
    """A moment for people, in UTC; the day too."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _some(title: str, lines: Sequence[str], most: int) -> list[str]:
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return [title, *lines[:most], *more] if lines else []


def _residual(told: Mapping[str, Any]) -> Residual:
    hours = told.get("hours")
    return Residual(
        what=str(told["what"]),
        until=str(told["until"]),
        closes_by=str(told["closes_by"]),
        hours=float(hours) if isinstance(hours, int | float) else None,
    )


def _moment(until: str) -> datetime | None:
    """The moment that a residual ends, where it is one: most of them end with something that happens."""
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
