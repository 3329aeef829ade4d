"""What people see in Slack, as Block Kit. Pure functions; every text from outside is escaped and cut to Slack's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from firedoor.channel import Ask
from firedoor.run import Item, StepResult
from firedoor.words import headline

Block: TypeAlias = dict[str, Any]

APPROVE, DENY, DECIDE = "firedoor_approve", "firedoor_deny", "firedoor_decide"
SECTION, HEADER, LINES = 2900, 150, 12
MARKS = {"CHANGED": ":white_check_mark:", "ALREADY": ":ballot_box_with_check:", "PREVIEWED": ":eyes:"}


def escape(text: str) -> str:
    """Text that Slack shows as it is: no mention, no link, no broadcast can be smuggled in (docs: Formatting text for app surfaces)."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\u2060{character}" if character in "*_~`" else character for character in plain)


def request(ask: Ask, *, asker: str) -> list[Block]:
    """The request in the channel: who asks, what it does, what it leaves alone, until when; with buttons to look at it closely."""
    needed = int(ask.request.required)
    who = f"*{escape(asker)}* asks for *{needed} approval{'s' if needed > 1 else ''}*"
    until = f"<!date^{int(ask.request.expires.timestamp())}^{{time}}|{ask.request.expires:%H:%M} UTC>"
    return [
        _header(f"{'DRILL: ' if ask.order.mode == 'drill' else ''}{ask.title}?"),
        _section(f"{who} until {until}. Run `{ask.order.run}`, incident `{ask.order.incident}`."),
        *_contents(ask.items, most=LINES),
        _context(f"Digest {ask.request.fingerprint[:23]}… Approve shows all of it, read anew from the journal."),
        {
            "type": "actions",
            "block_id": f"decide:{ask.order.run}",
            "elements": [
                _button("Look and approve", APPROVE, ask.order.run, style="primary"),
                _button("Deny", DENY, ask.order.run, style="danger"),
            ],
        },
    ]


def decide(ask: Ask, *, approve: bool) -> Block:
    """The modal in which a decision is really made, from the journal and not from the message."""
    verb = "Approve" if approve else "Deny"
    note: Block = {
        "type": "input",
        "block_id": "reason",
        "optional": approve,
        "label": _plain("Why (for the record)"),
        "element": {"type": "plain_text_input", "action_id": "text", "max_length": 500},
    }
    return {
        "type": "modal",
        "callback_id": DECIDE,
        "private_metadata": f"{ask.order.run} {'approve' if approve else 'deny'} {ask.request.digest}",
        "title": _plain(f"{verb} this run?"),
        "submit": _plain(verb),
        "close": _plain("Not now"),
        "blocks": [_section(f"*{escape(ask.title)}*, run `{ask.order.run}`"), *_contents(ask.items, most=200), note],
    }


def settled(ask: Ask, words: str) -> list[Block]:
    """The request once it is decided or over: no buttons, so that nothing stale can be pressed."""
    return [_header(ask.title), _section(escape(words)), _context(f"Run `{ask.order.run}`, digest {ask.request.fingerprint[:23]}…")]


def progress(results: Sequence[StepResult], total: int) -> list[Block]:
    """One message that is edited as steps end."""
    lines = [f"{MARKS.get(result.outcome, ':x:')} {escape(result.item)}: {result.outcome}" for result in results]
    return [_section(f"*{len(results)} of {total} steps ended*"), *_sections(lines)]


def report(data: Mapping[str, Any]) -> list[Block]:
    """The end of a run: what is open first, then what may still live."""
    open_ones = [f":x: {escape(left['id'])} is {left['outcome']}: {escape(left['reason'])}" for left in data["open"]]
    residual = [f"• {escape(left['what'])}: until {escape(left['until'])}" for left in data["residual"]]
    blocks = [_header(headline(data))]
    if open_ones:
        blocks += [_section("*Still open*"), *_sections(open_ones)]
    if residual:
        blocks += [_section("*What may still live*"), *_sections(residual)]
    return [*blocks, _context(f"Run `{data['run']}`, journal head {data['journal_head'][:23]}…")]


def _contents(items: Sequence[Item], *, most: int) -> list[Block]:
    changes = [f"• {escape(change.says)}" for item in items if item.plan for change in item.plan.changes]
    already = [f"• {escape(item.plan.reason)}" for item in items if item.plan and item.plan.reason]
    refused = [f"• {escape(item.refused)}" for item in items if item.refused]
    unable = [f"• {escape(item.plan.impossible)}" for item in items if item.plan and item.plan.impossible]
    parts = {"It will": changes, "Already so": already, "Refused by the guard": refused, "Not possible": unable}
    return [block for title, lines in parts.items() if lines for block in _sections([f"*{title}*", *_cut(lines, most)])]


def _cut(lines: Sequence[str], most: int) -> list[str]:
    return [*lines[:most], f"… and {len(lines) - most} more"] if len(lines) > most else list(lines)


def _sections(lines: Sequence[str]) -> list[Block]:
    """Lines in as few sections as Slack's limit of 3,000 characters allows."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < SECTION:
            texts[-1] += f"\n{line[:SECTION]}"
        else:
            texts.append(line[:SECTION])
    return [_section(text) for text in texts]


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text[:HEADER], "emoji": False}}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _button(text: str, action: str, value: str, *, style: str) -> Block:
    return {"type": "button", "text": _plain(text), "action_id": action, "value": value, "style": style}
