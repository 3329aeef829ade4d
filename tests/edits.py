"""Whoever edits a journal's stored rows: at random, or with everything hashed again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from firedoor.canonical import digest
from firedoor.chain import GENESIS

COLUMNS = ("seq", "run", "n", "at", "kind", "body", "claim", "run_prev", "prev", "hash")
Row = dict[str, Any]
Dice = random.Random
Way = Callable[[list[Row], Dice], None]


def rehash(row: Row) -> None:
    row["hash"] = digest({name: value for name, value in row.items() if name != "hash"})


def rehash_all(rows: Sequence[Row]) -> None:
    """Number, link and hash everything again, as if it had always been so."""
    head, ends = GENESIS, dict[str, tuple[int, str]]()
    for seq, row in enumerate(rows, start=1):
        n, run_prev = ends.get(row["run"], (0, GENESIS))
        row |= {"seq": seq, "n": n + 1, "prev": head, "run_prev": run_prev}
        rehash(row)
        head = row["hash"]
        ends[row["run"]] = (n + 1, head)


def strange(value: object, dice: Dice) -> object:
    """Another value than this one: near it, of another type, or nothing that we would ever write."""
    if isinstance(value, int):
        return dice.choice([value + 1, value - 1, value + 1000, "seven", value + 0.5, b"\x00"])
    text = str(value)
    at = dice.randrange(len(text))
    return dice.choice([text[:at] + "~" + text[at + 1 :], text + " ", text[:-1], "", None if value is not None else "c", b"\xff\xfe", 7])


def altered(rows: list[Row], dice: Dice) -> None:
    row, column = dice.choice(rows), dice.choice(COLUMNS)
    row[column] = strange(row[column], dice)


def altered_and_hashed_again(rows: list[Row], dice: Dice) -> None:
    row, column = dice.choice(rows[:-1]), dice.choice([name for name in COLUMNS if name != "hash"])
    value = row[column]
    row[column] = value + 1 if isinstance(value, int) else f"{value or ''}~"
    rehash(row)


def deleted(rows: list[Row], dice: Dice) -> None:
    del rows[dice.randrange(len(rows) - 1)]


def deleted_and_the_rest_moved_up(rows: list[Row], dice: Dice) -> None:
    gap = dice.randrange(len(rows) - 1)
    del rows[gap]
    for row in rows[gap:]:
        row["seq"] -= 1


def reordered(rows: list[Row], dice: Dice) -> None:
    one, other = dice.sample(rows, 2)
    for column in dice.choice([("seq",), ("seq", "n"), ("body",), ("run",), ("seq", "prev"), tuple(set(COLUMNS) - {"seq"})]):
        one[column], other[column] = other[column], one[column]


def inserted(rows: list[Row], dice: Dice) -> None:
    at = dice.randrange(1, len(rows))
    forged = dict(rows[at - 1], body='{"number":-1}', claim=None, prev=rows[at - 1]["hash"], run_prev=rows[at - 1]["hash"])
    forged["seq"], forged["n"] = rows[at]["seq"], rows[at - 1]["n"] + 1
    rehash(forged)
    for row in rows[at:] if dice.random() < 0.5 else ():
        row["seq"] += 1
    rows.insert(at, forged)


def copied(rows: list[Row], dice: Dice) -> None:
    """A decision of one run, say, put on record in another too."""
    rows.append(dict(dice.choice(rows), seq=rows[-1]["seq"] + 1, run=dice.choice(rows)["run"]))


def a_run_removed(rows: list[Row], dice: Dice) -> None:
    """Any but the one that ends the journal: that is to cut it off."""
    gone = dice.choice(sorted({row["run"] for row in rows} - {rows[-1]["run"]}))
    rows[:] = [row for row in rows if row["run"] != gone]


def cut_off(rows: list[Row], dice: Dice) -> None:
    """The newest events: only a head told outside can tell."""
    del rows[-dice.randrange(1, len(rows) // 2) :]


ALTERING: tuple[Way, ...] = (altered, altered, altered, altered_and_hashed_again)
MOVING: tuple[Way, ...] = (deleted, deleted_and_the_rest_moved_up, reordered, inserted, copied, cut_off)
