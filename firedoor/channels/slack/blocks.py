"""What people see in Slack, as Block Kit. Pure functions; they keep within Slack's limits whatever the size of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firedoor import sweepwords
from firedoor.approval import Answer, Request, Ruling, Way
from firedoor.channel import Ask
from firedoor.model import Change, Cover, Mode, Outcome, Plan, Reversal
from firedoor.planview import values
from firedoor.run import Item, Order, Record, StepResult
from firedoor.situation import marked
from firedoor.vendors.slack.text import Block, context, header, own, pack, plain, said, shorten
from firedoor.words import headline

APPROVE, DENY, STOP, DECIDE = "firedoor_approve", "firedoor_deny", "firedoor_stop", "firedoor_decide"
HALT: Final = "firedoor_halt"
ADVISE: Final = "Advise"  # what the submit button says where only signatures count
BESIDE: Final = 4  # lines of each part of a request's message but the first: a tired person has seconds
NAMED: Final = 10  # of what a sweep leaves over
FEW: Final = 5  # of one action, each change has a line of its own
TERMINAL, AT_TERMINAL = "terminal", " at a terminal"  # how the journal has it, and how people do
MARKS = {Outcome.CHANGED: "✓", Outcome.ALREADY: "✓", Outcome.PREVIEWED: "•"}
LASTING = {Reversal.NEVER: "can never be undone", Reversal.PARTIAL: "can be undone only in part"}


def request(ask: Ask, *, asker: str, mention: str = "") -> list[Block]:
    """The request in the channel: who asks, what it does, what it leaves alone, until when; with buttons to look at it closely.

    ``mention`` calls those who may decide; it is ours, in Slack's own form.
    """
    return [
        header(f"{marked(ask.request.mode)}{ask.title}?"),
        *_exercise(ask.request.mode),
        said(shorten(f"{asker} asks for approval, run {ask.order.run}, incident {ask.order.incident}. {_needed(ask)}")),
        *_followed(ask),
        *_signed(ask),
        *_contents(ask.items, most=12, sections=2, brief=True),
        _expiry(ask),
        *([own(mention)] if mention else []),
        context(
            plain(f"Fingerprint {ask.request.fingerprint[:23]}… The buttons show all of it, read anew from the journal."),
            *([plain(f"Journal head {ask.head}")] if ask.head else []),
        ),
        {
            "type": "actions",
            "block_id": place(ask.order.run),
            "elements": [
                button("Look" if ask.request.out_of_band else "Look and approve", APPROVE, ask.order.run, style="primary"),
                button("Advise against" if ask.request.out_of_band else "Deny", DENY, ask.order.run, style="danger"),
            ],
        },
    ]


def place(run: str) -> str:
    """The id of the block with a run's buttons."""
    return f"decide:{run}"


def decide(ask: Ask, *, approve: bool, at: str = "") -> Block:
    """The modal in which a decision is really made, from the journal and not from the message. ``at`` is where that stands."""
    verb = ADVISE if ask.request.out_of_band else "Approve" if approve else "Deny"
    answer = Answer.APPROVE if approve else Answer.DENY
    note: Block = {
        "type": "input",
        "block_id": "reason",
        "optional": approve,
        "label": plain("Why (for the record)"),
        "element": {"type": "plain_text_input", "action_id": "text", "max_length": 500},
    }
    return {
        **_modal(
            f"{verb} on this run?" if ask.request.out_of_band else f"{verb} this run?",
            [
                said(shorten(f"{marked(ask.request.mode)}{ask.order.requester} asks to run {ask.title}. {_needed(ask)}")),
                *_exercise(ask.request.mode),
                *_followed(ask),
                *_signed(ask, answer),
                *_contents(ask.items, most=300, sections=16),
                _expiry(ask),
                context(plain(shorten(f"Run {ask.order.run}, incident {ask.order.incident}, fingerprint {ask.request.fingerprint}"))),
                note,
            ],
        ),
        "callback_id": DECIDE,
        "private_metadata": f"{ask.order.run} {answer} {ask.request.digest} {at}".rstrip(),
        "submit": plain(verb),
        "close": plain("Not now"),
    }


def halt(order: Order) -> Block:
    """The modal in which a run is really stopped: whoever edits the message could put its button under other words."""
    about = f"{order.title}, run {order.run}, incident {order.incident}, asked for by {order.requester}."
    shown = [
        said(shorten(f"{marked(order.mode)}{about}")),
        *_exercise(order.mode),
        own("It begins no further write. What is done stays done; the run can be resumed."),
    ]
    view = _modal("Stop this run?", shown)
    return {**view, "callback_id": HALT, "private_metadata": order.run, "submit": plain("Stop"), "close": plain("Go on")}


def outcome(title: str, words: str) -> Block:
    """What became of a decision, in the modal's place: only the person who decided sees it."""
    return _modal(title, [said(shorten(words, 2000))])


def answer(words: str) -> Mapping[str, Any]:
    """An answer to one person, as the arguments of a post: as blocks, in which nothing is parsed, and as a notification's text."""
    return {"text": notice(words, 2000), "blocks": [said(shorten(words, 2000))], "response_type": "ephemeral", "replace_original": False}


def notice(words: str, most: int = 300) -> str:
    """The text of a message: what notifications show."""
    return shorten(words, most)


def reminder(ask: Ask, *, mention: str, left: int) -> list[Block]:
    """A word to those who have not decided, in the request's thread. ``left`` is in minutes."""
    wanting = int(ask.request.required) - len(ask.approved)
    needed = f"{wanting} more approval{'' if wanting == 1 else 's'} needed within {left} minute{'' if left == 1 else 's'}"
    return [
        own(f"{mention} *{needed}*"),
        *_exercise(ask.request.mode),
        said(shorten(f"{marked(ask.request.mode)}{ask.title}, run {ask.order.run}. After that it expires, and nothing is changed.")),
    ]


def warning(ask: Ask) -> list[Block]:
    """To each person on the roster, by themselves: one of them acts alone."""
    what = "uses the standing approval to freeze accounts" if ask.request.way is Way.FREEZE else "breaks the glass, and acts alone"
    return [
        header(f"{marked(ask.request.mode)}{ask.title}"),
        said(shorten(f"{ask.order.requester} {what}: run {ask.order.run}, incident {ask.order.incident}.")),
        *_contents(ask.items, most=12, sections=2, brief=True),
        own(f"Not right? At your own terminal: `firedoor stop {ask.order.run} --key FILE`, then `firedoor undo {ask.order.run}`"),
    ]


def settled(ask: Ask, words: str) -> list[Block]:
    """The request once it is decided or over: its buttons are gone, so that nothing stale can be pressed."""
    named = f"Run {ask.order.run}, fingerprint {ask.request.fingerprint}"
    return [
        header(f"{marked(ask.request.mode)}{ask.title}"),
        said(shorten(words)),
        context(plain(shorten(f"{named}, journal head {ask.head}" if ask.head else named))),
    ]


def ask_of(record: Record, request: Request, title: str = "") -> Ask:
    """The request with its items as the journal has them."""
    approved = tuple(dict.fromkeys(one.by for one in record.decisions if one.answer is Answer.APPROVE))
    title = title or record.order.title
    return Ask(title=title, order=record.order, request=request, items=record.items, approved=approved, head=record.asked_head)


def standing(record: Record, request_: Request, title: str = "", mention: str = "") -> tuple[str, list[Block]]:
    """What the request's message says at this point of the record: its notification and its blocks.

    Of a sweep, no progress is told below it: while it is under way, it can be stopped here.
    """
    ask = ask_of(record, request_, title)
    if record.ruling is None:
        asks = f"{marked(request_.mode)}{ask.order.requester} asks for approval of {ask.title} (run {ask.order.run})"
        return notice(asks), request(ask, asker=ask.order.requester, mention=mention)
    words = f"{record.report['outcome']}: {ruled(record)}" if record.report else ruled(record)
    going = record.order.sweep and record.ruling is Ruling.GRANTED and not record.report
    return notice(f"{marked(request_.mode)}{words}"), [*settled(ask, words), *([_stopping(ask.order.run)] if going else [])]


def ruled(record: Record) -> str:
    """How the request ended, in words: by whom, and why."""
    given = [one for one in record.decisions if one.answer is (Answer.DENY if record.ruling is Ruling.DENIED else Answer.APPROVE)]
    names = ", ".join(f"{one.by}{AT_TERMINAL if one.via == TERMINAL else ''}{f' ({one.reason})' if one.reason else ''}" for one in given)
    match record.ruling:
        case Ruling.GRANTED:
            return f"Approved by {names}"
        case Ruling.DENIED:
            return f"Denied by {names}; nothing was changed"
        case Ruling.EXPIRED:
            return "Expired: not enough people decided in time; nothing was changed"
        case Ruling.STOPPED:
            return f"Stopped by {record.stopped_by or 'somebody'} before it was decided; nothing was changed"
        case _:
            return "Waiting for a decision"


def progress(run: str, results: Sequence[StepResult], total: int, mode: Mode = Mode.LIVE) -> list[Block]:
    """One message that is edited as steps end; what went wrong stands first. While some have not, the run can be stopped here."""
    counted = ", ".join(f"{count} {name}" for name, count in sorted(Counter(str(result.outcome) for result in results).items()))
    ordered = sorted(results, key=lambda result: result.outcome.exit_code == 0)
    lines = [f"{MARKS.get(result.outcome, '✗')} {result.item}: {result.outcome}" for result in ordered]
    told = [
        own(f"*{marked(mode)}{len(results)} of {total} steps ended*{f': {counted}' if counted else ''}"),
        *_sections(lines, most=30, sections=4),
    ]
    if len(results) >= total:
        return told
    return [*told, _stopping(run)]


def _stopping(run: str) -> Block:
    return {"type": "actions", "block_id": place(run), "elements": [button("Stop", STOP, run, style="danger")]}


def swept(data: Mapping[str, Any]) -> list[Block]:
    """The end of a sweep: what is left over first. However many credentials there were, a few are named and the others counted."""
    run, left = data["run"], data["open"]
    more = len(left) - NAMED
    parts = {
        "Left over": [
            *(f"✗ {one['id']}: {one['reason']}" for one in left[:NAMED]),
            *([f"… and {more} more: firedoor sweep report {run}"] if more > 0 else []),
        ],
        "Found on the way": [f"• {one['says']}" for one in data["findings"]],
        "How each ended": [f"• {kind}: {_counted(counts)}" for kind, counts in data["types"].items() if counts],
        "What may still live": [f"• {sweepwords.residual(one).removeprefix('- ')}" for one in data["residual"]],
        "Exceptions": [f"• {one['label']}: {one['reason']}" for one in data["exceptions"]],
    }
    changed = f"{data['changed']} of {data['in_scope']} credentials in scope changed, with {data['writes']} writes"
    return [
        header(headline(data)),
        *_parts(parts, most=NAMED + 1, sections=4, rest=BESIDE),
        said(shorten(f"{changed}. {sweepwords.approval(data)}. Asked for by {data['requester']}.")),
        context(plain(shorten(f"Run {run}, journal head {data['journal_head']}"))),
    ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def report(data: Mapping[str, Any]) -> list[Block]:
    """The end of a run: what is open first, then what may still live."""
    if "left_over" in data:
        return swept(data)
    approval = data["approval"]
    by = (
        f"Approved by {', '.join(approval['by']) or 'nobody'} ({approval['required']} needed)"
        if approval["required"]
        else "No approval needed"
    )
    parts = {
        "Still open": [f"✗ {left['id']} is {left['outcome']}: {left['reason']}" for left in data["open"]],
        "What would have been written": [f"• {one['says']}" for one in data.get("withheld", ())],
        "What may still live": [f"• {left['what']}: until {left['until']}. Closed by: {left['closes_by']}" for left in data["residual"]],
    }
    return [
        header(headline(data)),
        *_parts(parts, most=40, sections=10),
        said(shorten(f"{by}, asked for by {data['requester']}.")),
        context(plain(shorten(f"Run {data['run']}, journal head {data['journal_head']}"))),
    ]


def _followed(ask: Ask) -> list[Block]:
    """That this is what another run found to do beyond its approval."""
    return [said(shorten(f"The world has changed: this is what run {ask.order.follows} had no approval for."))] if ask.order.follows else []


def _signed(ask: Ask, answer: Answer | None = None) -> list[Block]:
    """Where only signatures count: why, and what to type where."""
    why, run = ask.request.out_of_band, ask.order.run
    if not why:
        return []
    verbs = [answer] if answer else [Answer.APPROVE, Answer.DENY, Answer.STOP]
    commands = "\n".join(f"`firedoor {verb} {run} --key FILE`" for verb in verbs)
    key = " with a hardware key" if ask.request.hardware else ""
    return [own(f"*Chat only advises here. Decide at your own terminal{key}:*\n{commands}"), said(shorten(f"Why: {why}."))]


def _contents(items: Sequence[Item], *, most: int, sections: int, brief: bool = False) -> list[Block]:
    plans = [(item, item.plan) for item in items if item.plan is not None]
    parts = {
        "It will": _grouped(plans) if brief else [f"• {_change(change)}" for _, plan in plans for change in plan.changes],
        "It may also change": [
            f"• {_cover(cover)}{f' ({plan.waits})' if plan.waits else ''}" for _, plan in plans for cover in plan.covers
        ],
        "Who else is hit": [f"• {who}" for _, plan in plans for who in plan.also_hit],
        "What cannot be undone": [
            f"• {item.action} on {item.label} {LASTING[item.reversal]}" for item, plan in plans if _acts(plan) and item.reversal in LASTING
        ],
        "Refused by the guard": [f"• {item.refused}" for item in items if item.refused],
        "Not possible": [f"• {item.label}: {plan.impossible}" for item, plan in plans if plan.impossible],
        "Already so": [f"• {plan.reason}" for _, plan in plans if plan.reason],
    }
    if not any(plan.wants_approval for _, plan in plans):
        return [own("*It would change nothing*"), *_parts(parts, most=most, sections=sections)]
    return _parts(parts, most=most, sections=sections, rest=BESIDE if brief else most)


def _parts(parts: Mapping[str, Sequence[str]], *, most: int, sections: int, rest: int = 0) -> list[Block]:
    """Each part that has lines under its title. The first may be long, the others share what is left of Slack's limit on blocks.

    ``rest``: how many lines each of the others has, where that is fewer.
    """
    shown: list[Block] = []
    for title, lines in parts.items():
        if lines:
            room = sections if not shown else min(sections, 4)
            lines_shown = rest if shown and rest else most
            shown += [own(f"*{title}*"), *_sections(list(dict.fromkeys(lines)), most=lines_shown, sections=room)]
    return shown


def _sections(lines: Sequence[str], *, most: int, sections: int) -> list[Block]:
    return [said(text) for text in pack(lines, most=most, sections=sections)]


def _grouped(plans: Sequence[tuple[Item, Plan]]) -> list[str]:
    """The changes, those of one action in one line where they are many."""
    by_action: dict[str, list[tuple[Item, Change]]] = {}
    for item, plan in plans:
        by_action.setdefault(item.action, []).extend((item, change) for change in plan.changes)
    lines: list[str] = []
    for action, made in by_action.items():
        labels = list(dict.fromkeys(item.label for item, _ in made))
        if len(made) <= FEW:
            lines += [f"• {_change(change)}" for _, change in made]
            continue
        vendor, _, verb = action.partition(".")
        more = f" and {len(labels) - FEW} more" if len(labels) > FEW else ""
        lines.append(f"• {vendor}: {verb.replace('_', ' ')} ({len(made)} changes): {', '.join(labels[:FEW])}{more}")
    return lines


def _change(change: Change) -> str:
    """A change with the values it overwrites, which the approval binds too, and those that it wants: as the terminal shows them."""
    shown = values(change, to="→")
    return f"{change.says} ({'; '.join(shown)})" if shown else change.says


def _acts(plan: Plan) -> bool:
    """Whether it changes something: known now, or as of a sweep a class of changes."""
    return bool(plan.changes) or bool(plan.covers and plan.waits)


def _cover(cover: Cover) -> str:
    """A class of changes with its bound; the prose may name the bound already, but only the number is binding."""
    return cover.says if f"at most {cover.at_most}" in cover.says else f"{cover.says}, at most {cover.at_most}"


def _needed(ask: Ask) -> str:
    needed = int(ask.request.required)
    so_far = f"; given so far by {', '.join(ask.approved)}" if ask.approved else ""
    return f"It needs {needed} approval{'' if needed == 1 else 's'}{so_far}."


def _expiry(ask: Ask) -> Block:
    moment = ask.request.expires
    local = f"<!date^{int(moment.timestamp())}^{{date_short_pretty}}, {{time}}|{moment:%Y-%m-%d %H:%M} UTC>"
    return context({"type": "mrkdwn", "text": f"Expires {local}", "verbatim": True})


def _exercise(mode: Mode) -> list[Block]:
    """Whether it is in earnest, in words of ours: a title could say anything."""
    words = "*This is an exercise: nothing will be changed, whatever is decided. Decide as if it were real.*"
    return [own(words)] if mode is Mode.EXERCISE else []


def _modal(title: str, blocks: Sequence[Block]) -> Block:
    return {"type": "modal", "title": plain(title), "close": plain("Close"), "blocks": list(blocks)}


def button(text: str, action: str, value: str, *, style: str) -> Block:
    """A button that carries a run's name."""
    return {"type": "button", "text": plain(text), "action_id": action, "value": value, "style": style}
