"""What the thread of a run is told of the watch: what is open again, that it stands once more, or who closed the incident. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.channels.slack.blocks import notice
from firedoor.journal import Event, Kind
from firedoor.look import Closing, Look, State
from firedoor.run import Record, read_as
from firedoor.vendors.slack.text import Block, context, header, own, pack, plain, said, shorten
from firedoor.watching import command

MARKS = {State.OPEN: "✗", State.UNREAD: "?", State.STANDS: "✓", State.WAITS: "✓", State.LEFT: "•"}
WATCHED = (Kind.WATCHED, Kind.CONCLUDED)
LINES, SECTIONS = 30, 4
LONGEST = 2000


def is_news(event: Event) -> bool:
    """Whether people should be told of it: of a look that found a change, and of the closing."""
    return event.kind == Kind.CONCLUDED or (event.kind == Kind.WATCHED and bool(event.body.get("changed")))


def newest(events: Sequence[Event]) -> Event | None:
    """The last thing of the watch that people should be told of. What came before it and was not told is not told any more."""
    return next((event for event in reversed(events) if is_news(event)), None)


def post(record: Record, event: Event, mention: str = "") -> tuple[str, list[Block]]:
    """The notification and the blocks. ``mention`` calls those who may decide; it is ours, in Slack's own form."""
    if event.kind == Kind.CONCLUDED:
        return _closed(read_as(Closing, event.body, event), event.hash)
    return _looked(record, read_as(Look, event.body, event), event.hash, mention)


def _looked(record: Record, look: Look, head: str, mention: str) -> tuple[str, list[Block]]:
    items = {item.id: item for item in record.items}
    changed = [one for one in look.found if one.item in look.changed]
    lines = [f"{MARKS[one.state]} {items[one.item].action} on {items[one.item].label}: {one.state}: {one.says}" for one in changed]
    is_open = look.of(State.OPEN)
    title = f"{_counted(look)}: {record.order.title}"
    again = f"A person decides. To contain it again, at a terminal: {command(record)}"
    return notice(f"Run {record.order.run}: {title}"), [
        header(title),
        *([own(mention)] if mention and not look.fine else []),
        *(said(text) for text in pack(lines, most=LINES, sections=SECTIONS)),
        *([said(shorten(again, LONGEST))] if is_open else []),
        context(plain(shorten(f"Run {record.order.run}, incident {record.order.incident}, journal head {head}"))),
    ]


def _counted(look: Look) -> str:
    is_open, unread = len(look.of(State.OPEN)), len(look.of(State.UNREAD))
    if not is_open and not unread:
        return "All stands again"
    return ", ".join([f"{is_open} open"] * bool(is_open) + [f"{unread} not seen to stand"] * bool(unread))


def _closed(closing: Closing, head: str) -> tuple[str, list[Block]]:
    title = f"{closing.by} signed to close incident {closing.incident}"
    lines = [f"✗ left so: {line}" for line in closing.left]
    return notice(title), [
        header(title),
        said(shorten(f"Why: {closing.reason}. What run {closing.run} contained is watched no more.")),
        *(said(text) for text in pack(lines, most=LINES, sections=SECTIONS)),
        context(plain(shorten(f"Run {closing.run}, journal head {head}"))),
    ]
