"""Orders, and who gave them: the words that a person signs at a terminal, and whether an order is one that may be carried out. Pure.

At a terminal, somebody is who their SSH key says. Orders from elsewhere say where they come from: in Slack the member id says who asks,
in a drill nobody real does, a sweep by schedule rests on its mandate, and an exercise by schedule changes nothing. What a run found to do
and nobody had approved Firedoor asks for by itself, in the very words of the order that the run was begun with.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from textwrap import shorten
from typing import Final, cast

from firedoor import signing
from firedoor.approval import Roster, Way
from firedoor.canonical import JSON, digest, instant, plain
from firedoor.errors import BadInput
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.run import Order, Record, Resumption, Via

AUDIT: Final = "Run `firedoor audit verify`; start it again with your own key"
LONGEST_LINE: Final = 200
NEVER: Final = datetime.min.replace(tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)
ALIKE: Final = ("incident", "mode", "playbook", "title", "inputs", "undoes", "protected", "sweep", "requester")


def verb(order: Order) -> str:
    """What is ordered, in one word."""
    if order.undoes:
        return "undo"
    return "sweep" if order.sweep else "freeze" if order.way is Way.FREEZE else "contain"


def brief(order: Order) -> str:
    """What is ordered, in one line."""
    given = "; ".join(f"{name}: {', '.join(values)}" for name, values in order.inputs.items() if values)
    what = f"undo run {order.undoes}" if order.undoes else f"{verb(order)} {order.playbook}{f' ({given})' if given else ''}"
    mark = "EXERCISE: " if order.mode is Mode.EXERCISE else ""
    return shorten(signing.paper([f"{mark}{what}{', the protected too' if order.protected else ''}"]), LONGEST_LINE, placeholder=" ...")


def document(order: Order) -> str:
    """What a person signs to have a run begun: all that the order says, in words that they can read."""
    lines = [
        "Firedoor order, version 1",
        f"order: {verb(order)}",
        f"run: {order.run}",
        f"incident: {order.incident}",
        f"mode: {order.mode}",
        f"playbook: {order.playbook}",
        f"title: {order.title}",
        "inputs:",
        *(f"- {name}: {value}" for name, values in sorted(order.inputs.items()) for value in values),
        f"undoes: {order.undoes}",
        f"follows: {order.follows}",
        f"what is protected: {'not spared' if order.protected else 'spared'}",
        f"way: {order.way}",
        f"standing approval: {digest(order.standing) if order.standing is not None else ''}",
        f"by: {order.requester}",
        f"via: {order.via}",
        f"at: {instant(order.asked)}",
        *_until(order.expires),
        f"roster: {order.roster}",
        f"nonce: {order.nonce}",
    ]
    return signing.paper(lines)


def resumption_document(order: Order, resumption: Resumption) -> str:
    """What a person signs to go on with a run."""
    lines = [
        "Firedoor order, version 1",
        "order: resume",
        f"run: {order.run}",
        f"mode: {order.mode}",
        f"playbook: {order.playbook}",
        f"ordered by: {order.requester}",
        f"by: {resumption.by}",
        f"via: {resumption.via}",
        f"at: {instant(resumption.at) if resumption.at is not None else ''}",
        *_until(resumption.expires),
        f"roster: {resumption.roster}",
        f"nonce: {resumption.nonce}",
    ]
    return signing.paper(lines)


def _until(expires: datetime | None) -> list[str]:
    """A line of its own; orders on record of before have none."""
    return [f"expires: {instant(expires)}"] if expires is not None else []


def check(order: Order, roster: Roster, *, fresh: bool) -> None:
    """Raise `BadInput` where an order may not be carried out: one that nobody signed, or that is not from where it says.

    ``fresh``: it is to be begun. One on record may be of before orders said where they come from.
    """
    match order.via:
        case Via.TERMINAL if order.roster and order.roster != roster.hash:
            raise BadInput(f"the roster has changed since run {order.run} was ordered", advice="Start it again; it plans only what is left")
        case Via.TERMINAL if not _signed(document(order), order.proof, order.roster, order.requester, roster):
            raise BadInput(f"the order of run {order.run} is not one that {order.requester} signed with a key on the roster", advice=AUDIT)
        case Via.BEFORE if fresh:
            raise BadInput(f"the order of run {order.run} does not say where it comes from", advice=AUDIT)
        case _ if fault := misplaced(order):
            raise BadInput(f"the order of run {order.run} {fault}", advice=AUDIT)


def misplaced(order: Order) -> str:
    """Why an order cannot come from where it says; empty where it can."""
    match order.via:
        case Via.DRILL if order.mode is not Mode.DRILL:
            return f"says that it is a drill's, and it is {order.mode}"
        case Via.DRILL if order.sweep:
            return "says that it is a drill's, and it is a sweep, which no drill has"
        case Via.SCHEDULE if not order.sweep and order.mode is not Mode.EXERCISE:
            return "says that it is a schedule's, and only sweeps and exercises have one"
        case Via.FIREDOOR if not order.follows:
            return "says that it follows from another run, and names none"
        case Via.FIREDOOR if order.way is not Way.ORDINARY or order.standing is not None:
            return "says that it follows from another run, and takes another way than the ordinary"
    return ""


def same(order: Order, first: Order) -> bool:
    """Whether an order asks for no more than the one it follows, in the same words and the same name, and after it.

    However that one was approved, this one takes the ordinary way.
    """
    later = order.asked > first.asked and (order.way, order.standing) == (Way.ORDINARY, None)
    return later and likeness(_fields(order)) == likeness(_fields(first))


def likeness(body: Mapping[str, object]) -> str:
    """What an order has in common with one that follows it, from its fields as they are on record."""
    return digest({name: body.get(name) for name in ALIKE})


def outlived(record: Record, roster: Roster) -> bool:
    """Whether the run rests on another roster than this one, or was not asked for again since: what is left of it is to be asked anew.

    A sweep never is: it lists everything anew whenever it is begun.
    """
    if record.order.sweep:
        return False
    if record.request is None and record.renewal is not None and any(item.asks for item in record.items):
        return True
    rests = record.request or record.renewal or record.order
    return bool(rests.roster) and rests.roster != roster.hash


def renewed(record: Record, roster: Roster) -> bool:
    """Whether somebody on this roster has ordered that the run goes on, and what was left of it was asked for anew since."""
    by = record.renewal
    return by is not None and _signed_by(record.order, by, roster)


def check_outlived(record: Record, resumption: Resumption, *, refused: bool) -> None:
    """Raise `BadInput` where that is no word on which to go on with a run that rests on another roster: it takes a person's.

    Where people have ``refused`` it, there is nothing to ask for any more, and anybody may bring it to its end.
    """
    run = record.order.run
    if resumption.via is not Via.TERMINAL and not refused:
        raise BadInput(f"the roster has changed since run {run} was ordered or approved", advice=f"Go on with it: {resuming(record.order)}")
    if fault := misplaced(record.order):
        raise BadInput(f"the order of run {run} {fault}", advice=AUDIT)


def check_resumption(record: Record, resumption: Resumption, roster: Roster) -> None:
    """Raise `BadInput` where that is not somebody who may go on with the run."""
    order = record.order
    match resumption.via:
        case Via.TERMINAL if not _signed_by(order, resumption, roster):
            raise BadInput(f"that is not an order to resume run {order.run} that {resumption.by} signed with a key on the roster")
        case Via.TERMINAL if resumption.at is None or resumption.at <= last_resumed(record):
            raise BadInput(
                f"run {order.run} has been resumed since that was signed", advice=f"See `firedoor show {order.run}`, then sign again"
            )
        case Via.TERMINAL:
            if record.request is not None and resumption.by in record.request.barred:
                raise BadInput("an account of yours is in this plan; somebody else must go on with it", advice="Ask somebody else")
        case Via.DRILL if order.mode is not Mode.DRILL:
            raise BadInput(f"run {order.run} is no drill's", advice="Resume it with a key of your own")
        case Via.BEFORE | Via.SLACK | Via.SCHEDULE:
            raise BadInput(f"nobody goes on with run {order.run} that way", advice=f"Use: {resuming(order)}")


def last_resumed(record: Record) -> datetime:
    """When the run was last resumed: what was signed before that has had its force, whoever hands it in once more."""
    return record.moments.get(Kind.RESUMED, NEVER)


def lifted(record: Record, roster: Roster) -> datetime:
    """Until when the stops of the run count no more: somebody on the roster has signed since that it goes on.

    A row in the database without a signature undoes no stop, and no process goes on by itself with what a person has stopped. In a drill
    nobody signs.
    """
    if record.order.mode is Mode.DRILL:
        return last_resumed(record)
    words = (one for one in record.resumptions if one.via is Via.TERMINAL and _signed_by(record.order, one, roster))
    return max((one.at for one in words if one.at is not None), default=NEVER)


def last_stopped(record: Record) -> datetime:
    """When a stop of the run was last put on record: who had signed before that, to go on with it, did not know of it."""
    return record.moments.get(Kind.STOP, NEVER)


def resuming(order: Order) -> str:
    """What a person types to go on with it."""
    return f"firedoor {'sweep ' if order.sweep else ''}resume {order.run} --key FILE"


def _signed_by(order: Order, by: Resumption, roster: Roster) -> bool:
    return _signed(resumption_document(order, by), by.proof, by.roster, by.by, roster)


def _signed(words: str, proof: str, hashed: str, name: str, roster: Roster) -> bool:
    person = roster.by_name(name)
    if person is None or not person.may_request or hashed != roster.hash:
        return False
    return signing.holds(words, proof, person.keys, hardware=False)


def _fields(order: Order) -> Mapping[str, JSON]:
    return cast("Mapping[str, JSON]", plain(order))
