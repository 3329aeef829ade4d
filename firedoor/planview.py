"""A plan as people see it at a terminal: by target and step what will change, then what will not, with the sums in its last line.

Pure but for `draw`: the lines are made once, and read the same in colour and without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Final

from firedoor.canonical import JSON, plain
from firedoor.legible import legible
from firedoor.model import Change, Cover, Plan, Reversal
from firedoor.run import Item, Order

if TYPE_CHECKING:
    from rich.console import Console

LONGEST: Final = 80  # characters of a value; `--json` has it whole
NAMED: Final = 4
NARROWEST: Final = 20
BAR: Final = "| "
LASTING: Final = {Reversal.NEVER: "can never be undone", Reversal.PARTIAL: "can be undone only in part"}
NOTHING: Final = ("none", "unenrolled", "deleted")  # the words with which a change says that nothing is left


class Sign(StrEnum):
    """What becomes of a thing."""

    MADE = "+"
    TAKEN = "-"
    CHANGED = "~"
    MAY_CHANGE = "?"
    SAME = "="
    NOT = "!"
    LIVES = "*"
    NONE = ""


STYLES: Final[Mapping[Sign, str]] = {
    Sign.MADE: "green",
    Sign.TAKEN: "red",
    Sign.CHANGED: "yellow",
    Sign.MAY_CHANGE: "cyan",
    Sign.SAME: "dim",
    Sign.NOT: "bold red",
    Sign.LIVES: "magenta",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, so many columns from the left. A ``title`` stands out."""

    text: str
    sign: Sign = Sign.NONE
    indent: int = 0
    title: bool = False


def lines(order: Order, items: Sequence[Item], *, required: int, why: str = "") -> list[Line]:
    """The whole plan. ``required`` people must approve it; ``why`` only their signatures count, where that is so."""
    planned = [(item, item.plan) for item in items if item.plan is not None and not item.telling]
    told = [(item, item.plan) for item in items if item.plan is not None and item.telling]
    head = f"{order.title} ({order.playbook}): run {order.run}, {order.mode}, asked for by {order.requester}"
    return [
        Line(text=f"Undoes run {order.undoes}. {head}" if order.undoes else head, title=True),
        *_by_target([(item, plan) for item, plan in planned if _acts(plan)], {item.id: item.step for item in items}),
        *_part("Then people are told", [(Sign.NONE, f"{item.action}: {_of(plan)}") for item, plan in told if not plan.blocked]),
        *_part("Who else is hit", [(Sign.NOT, who) for _, plan in planned for who in plan.also_hit]),
        *_part("What cannot be undone", [(Sign.NOT, words) for words in _lasting(planned)]),
        *_part("Refused by the guard", [(Sign.NOT, words) for words in _alike([(item, item.refused) for item in items if item.refused])]),
        *_part("Not possible", [(Sign.NOT, words) for words in _alike([(item, plan.impossible) for item, plan in _impossible(items)])]),
        *_part("Already so", [(Sign.SAME, plan.reason) for _, plan in planned if plan.reason]),
        *_part("What may still live afterwards", [(Sign.LIVES, words) for words in _residual(items)]),
        Line(text=""),
        *([Line(text=f"Only signatures count, not chat: {why}.", sign=Sign.NOT)] if why else []),
        Line(text=_sums(items, planned, required), title=True),
    ]


def text(shown: Iterable[Line]) -> str:
    """The lines as plain text."""
    return "".join(f"{' ' * line.indent}{f'{line.sign} ' if line.sign else ''}{legible(line.text)}".rstrip() + "\n" for line in shown)


def draw(shown: Iterable[Line], on: Console) -> None:
    """The lines on a terminal, by rich. What is too long for its width goes on below, behind a bar, and cannot pass for a line of ours."""
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    for line in shown:
        style = STYLES.get(line.sign, "")
        whole = Text(f"{line.sign} ", style=style) if line.sign else Text()
        whole.append(legible(line.text), style="bold" if line.title else "")
        rows = whole.wrap(on, max(on.width - line.indent - len(BAR) - 2, NARROWEST), overflow="fold")
        for number, row in enumerate(rows):
            row.rstrip()
            on.print(
                Text(" " * line.indent if not number else f"{' ' * line.indent}  {BAR}").append_text(row), soft_wrap=True, highlight=False
            )


def show(shown: Sequence[Line], stream: IO[str], environment: Mapping[str, str]) -> None:
    """The lines where people look: drawn on a terminal, in colour unless NO_COLOR is set; elsewhere as plain text."""
    if not stream.isatty():
        stream.write(text(shown))
        stream.flush()
        return
    draw(shown, console(stream, environment))


def console(stream: IO[str], environment: Mapping[str, str]) -> Console:
    """A terminal for rich to draw on: in colour, unless NO_COLOR is set."""
    from rich.console import Console as Terminal  # noqa: PLC0415

    return Terminal(file=stream, color_system=None if environment.get("NO_COLOR") else "auto")


def sign(change: Change) -> Sign:
    """Whether it makes something, takes it away, or changes it."""
    if not any(map(_there, change.after.values())):
        return Sign.TAKEN
    return Sign.CHANGED if any(map(_there, change.before.values())) else Sign.MADE


def _there(value: JSON) -> bool:
    """Whether a value says that there is something."""
    return bool(value) and not (isinstance(value, str) and (value in NOTHING or value.startswith("none ")))


def _acts(plan: Plan) -> bool:
    return bool(plan.changes or plan.waits)


def _by_target(planned: Sequence[tuple[Item, Plan]], steps: Mapping[str, str]) -> list[Line]:
    grouped: dict[tuple[str, str], list[tuple[Item, Plan]]] = {}
    for item, plan in planned:
        grouped.setdefault(_target(item), []).append((item, plan))
    found: list[Line] = []
    for (vendor, label), own in grouped.items():
        found += [Line(text=""), Line(text=f"{label} ({vendor})", title=True)]
        for item, plan in own:
            after = dict.fromkeys(steps[need] for need in item.needs if need in steps)
            found.append(Line(text=f"{item.action}, after {', '.join(after)}" if after else item.action, indent=2))
            for change in plan.changes:
                found.append(Line(text=change.says, sign=sign(change), indent=4))
                found += [Line(text=words, indent=8) for words in values(change)]
            found += [Line(text=words, sign=Sign.MAY_CHANGE, indent=4) for words in _later(plan)]
    return found


def _target(item: Item) -> tuple[str, str]:
    return item.action.partition(".")[0], item.label


def _later(plan: Plan) -> list[str]:
    """What it may come to change."""
    covers = [cover.says if f"at most {cover.at_most}" in cover.says else f"{cover.says}, at most {cover.at_most}" for cover in plan.covers]
    return [f"{words}: {plan.waits}" for words in covers or ["something"]] if plan.waits else covers


def values(change: Change, *, to: str = "->") -> list[str]:
    """The values that it overwrites, those that it goes by, and those that it wants, each ``name: value``; ``to`` is the arrow."""
    before, after = change.before, change.after
    kept = [f"{name}: {_value(before[name])} {to} {_value(after[name])}" for name in before if name in after]
    gone = [f"{name}: {_value(before[name])}" for name in before if name not in after]
    return [*kept, *gone, *(f"{to} {name}: {_value(after[name])}" for name in after if name not in before)]


def _value(value: JSON) -> str:
    match plain(value):
        case None | "":
            return "none"
        case list(empty) | dict(empty) if not empty:
            return "none"
        case bool(yes):
            return "yes" if yes else "no"
        case list(several) if not any(isinstance(one, list | dict) for one in several):
            more = f" and {len(several) - NAMED} more" if len(several) > NAMED else ""
            return _short(", ".join(map(_value, several[:NAMED]))) + more
        case list() | dict():
            return "set"
        case one:
            return _short(str(one))


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _of(plan: Plan) -> str:
    return "; ".join(change.says for change in plan.changes) or plan.reason


def _impossible(items: Sequence[Item]) -> list[tuple[Item, Plan]]:
    return [(item, item.plan) for item in items if item.plan is not None and item.plan.impossible]


def _lasting(planned: Sequence[tuple[Item, Plan]]) -> list[str]:
    """A line an action, with the targets of those it does for good."""
    found: dict[tuple[str, Reversal], list[str]] = {}
    for item, plan in planned:
        if _acts(plan) and item.reversal in LASTING:
            found.setdefault((item.action, item.reversal), []).append(item.label)
    return [f"{action} {LASTING[reversal]}: {', '.join(labels)}" for (action, reversal), labels in found.items()]


def _alike(reasons: Sequence[tuple[Item, str]]) -> list[str]:
    """A line a target and reason, with all that it concerns."""
    found: dict[tuple[str, str], list[str]] = {}
    for item, reason in reasons:
        found.setdefault((item.label, reason), []).append(item.action)
    return [f"{', '.join(actions)} on {label}: {reason}" for (label, reason), actions in found.items()]


def _residual(items: Sequence[Item]) -> list[str]:
    """Until when; what would close it is said in the report, once there is something to close."""
    return [f"{one.what}: until {one.until}" for item in items for one in item.residual]


def _part(title: str, rows: Sequence[tuple[Sign, str]]) -> list[Line]:
    """A part with its title, where it has lines; what is said twice stands there once."""
    if not rows:
        return []
    return [Line(text=""), Line(text=title, title=True), *(Line(text=words, sign=sign, indent=2) for sign, words in dict.fromkeys(rows))]


def _sums(items: Sequence[Item], planned: Sequence[tuple[Item, Plan]], required: int) -> str:
    changes = sum(len(plan.changes) for _, plan in planned)
    targets = len({_target(item) for item, plan in planned if _acts(plan)})
    counted = {
        "refused": sum(bool(item.refused) for item in items),
        "not possible": len(_impossible(items)),
        "already so": sum(bool(plan.reason) for _, plan in planned),
    }
    may = sum(_more(cover, plan) for _, plan in planned for cover in plan.covers)
    parts = [f"{_count(changes, 'change')} to {_count(targets, 'target')}" if targets else "nothing to change"]
    parts += [f"at most {may} more"] if may else []
    parts += [f"{count} {what}" for what, count in counted.items() if count]
    needed = f"{_count(required, 'approver')}." if required else "Nobody has to approve it."
    return f"Plan: {', '.join(parts)}. {needed}"


def _more(cover: Cover, plan: Plan) -> int:
    """How many changes of a class may still come."""
    return max(cover.at_most - sum(change.cover == cover.name for change in plan.changes), 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
