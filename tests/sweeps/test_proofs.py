"""Whoever rewrites what is on record of a sweep: found by the audit, in the run, in the streams of its batches, and between them."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from firedoor.audit import Audit, audit
from firedoor.canonical import canonical, digest
from firedoor.journal import Kind
from firedoor.mandate import stream_of
from tests.edits import ALTERING, COLUMNS, MOVING, Dice, Row, a_run_removed, rehash_all
from tests.sweeps.records import GRANTED, NIGHTLY, STOPPED, SWEEPS, known, once
from tests.sweeps.vault import TYPE, Hall, hall

pytestmark = pytest.mark.edits

Body = dict[str, Any]
Edit = Callable[[list[Row]], None]
FIRST = f"{GRANTED}/000001"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(once(tmp_path_factory.mktemp("sweeps"))).parent


@pytest.fixture
async def here(recorded: Path, tmp_path: Path) -> AsyncIterator[Hall]:
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    async with hall(tmp_path, {}) as found:
        yield found


async def stored(here: Hall) -> list[Row]:
    return [dict(row) async for row in here.journal.rows()]


def become(here: Hall, rows: list[Row]) -> None:
    with closing(sqlite3.connect(here.folder / "journal.db")) as sql, sql:
        sql.execute("PRAGMA synchronous=OFF")
        sql.execute("DELETE FROM events")
        places = ", ".join(f":{column}" for column in COLUMNS)
        sql.executemany(f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES ({places})", rows)  # noqa: S608 - our own names


async def rewritten(here: Hall, edit: Edit, *, told: str = "") -> Audit:
    """What the audit says once all was edited and hashed again."""
    rows = await stored(here)
    edit(rows)
    rehash_all(rows)
    become(here, rows)
    return await audit(here.journal, known(here), told={told: "in a ticket"} if told else {})


def edited(run: str, kind: Kind, change: Callable[[Body], None]) -> Edit:
    """The body of the first event of that kind changed, of that run or its streams, in which there is what is to be changed."""

    def edit(rows: list[Row]) -> None:
        for row in rows:
            if row["run"].startswith(run) and row["kind"] == kind:
                body = json.loads(row["body"])
                with suppress(KeyError, IndexError, TypeError):
                    change(body)
                if canonical(body) != row["body"]:
                    row["body"] = canonical(body)
                    return
        raise AssertionError("nothing to change")

    return edit


def without(run: str, *kinds: Kind) -> Edit:
    def edit(rows: list[Row]) -> None:
        rows[:] = [row for row in rows if row["run"] != run or (kinds and row["kind"] not in kinds)]

    return edit


def moved(run: str, other: str) -> Edit:
    """Whatever stands in a stream put into another."""

    def edit(rows: list[Row]) -> None:
        rows[:] = [row for row in rows if row["run"] != other]
        for row in rows:
            row["run"] = other if row["run"] == run else row["run"]

    return edit


def another_key(body: Body) -> None:
    body["writes"][0]["change"]["at"]["key"] = "k99"


def another_key_all_through(body: Body) -> None:
    write = body["writes"][0]
    write["credential"] = "vault:key:west/k99"
    write["change"]["at"]["key"] = "k99"
    change = write["change"]
    write["effect"] = digest({"action": write["action"], **{name: change[name] for name in ("key", "subject", "at", "after")}})


def another_type(body: Body) -> None:
    body["writes"][0] |= {"type": "vault.secret", "credential": "vault:secret:north/k1"}


def many_more(body: Body) -> None:
    body["writes"] += [body["writes"][0] | {"credential": f"vault:key:north/n{number}"} for number in range(101)]


def of_another_action(body: Body) -> None:
    body["playbook"]["treat"] = {TYPE: "vault.delete_key"}


def without_exceptions(body: Body) -> None:
    body["playbook"]["at_most"] = 100000


def a_receipt_more(body: Body) -> None:
    body["wrote"].append(body["wrote"][0] | {"credential": "vault:key:north/k2"})


def written_in_words(body: Body) -> None:
    body["rows"][0]["done"] = ["shut it all"]


def no_rows(body: Body) -> None:
    body["rows"].clear()


def rows_gone(body: Body) -> None:
    del body["rows"]


def counts(body: Body) -> None:
    body["wrote"] += 1


def no_date(body: Body) -> None:
    body["mandate"]["expires"] = "2099-01-01T00:00:00.000000Z"


def one_more_signer(body: Body) -> None:
    body["signed"]["Ada"] = body["signed"]["Ben"]


def unsigned(body: Body) -> None:
    body["mandate"]["signed"] = {}


def for_another(body: Body) -> None:
    body["sweep"] = "others"


def no_holders(body: Body) -> None:
    del body["holders"]


def reported(body: Body) -> None:
    body["writes"] = 0


def excepted(body: Body) -> None:
    day = {"owner": "Dan", "reason": "x", "expires": "2099-01-01", "approved_by": "Eve"}
    body["playbook"]["exceptions"] = [{"credential": "vault:key:north/k1", **day}]


FOUND: dict[str, tuple[Edit, str]] = {
    "a write goes elsewhere": (edited(GRANTED, Kind.INTENTS, another_key), "which is not the change that it names"),
    "a write goes elsewhere, all through": (edited(GRANTED, Kind.INTENTS, another_key_all_through), "begins writes in west"),
    "a write of a type nobody approved": (edited(GRANTED, Kind.INTENTS, another_type), "that was not asked for"),
    "more than were approved": (edited(GRANTED, Kind.INTENTS, many_more), "and 100 were approved"),
    "another treatment": (edited(GRANTED, Kind.SWEEP, of_another_action), "begins another sweep than the plan on record says"),
    "a larger bound": (edited(GRANTED, Kind.SWEEP, without_exceptions), "begins another sweep than the plan on record says"),
    "an exception forgotten": (edited(GRANTED, Kind.SWEEP, excepted), "which is an exception"),
    "a receipt never begun": (edited(GRANTED, Kind.RECEIPTS, a_receipt_more), "that was never begun"),
    "an intent removed": (without(FIRST, Kind.INTENTS), "that was never begun"),
    "a row that says more": (edited(f"{GRANTED}/", Kind.SETTLED, written_in_words), "there is no receipt for it"),
    "settled without its rows": (edited(f"{GRANTED}/", Kind.SETTLED, no_rows), "counts other credentials or writes"),
    "settled with no rows at all": (edited(f"{GRANTED}/", Kind.SETTLED, rows_gone), "cannot be read as what it says it is, sweep.settled"),
    "settled otherwise": (edited(GRANTED, Kind.SETTLED, counts), "its own stream does not say that"),
    "a stream without its run": (without(GRANTED), f"of run {GRANTED}, which is no sweep in this journal"),
    "a stream removed": (without(FIRST), "its own stream does not say that"),
    "a stream of a batch never listed": (moved(FIRST, f"{GRANTED}/000099"), "which the sweep 251126-aaaaaa never listed"),
    "a stream given to another sweep": (moved(FIRST, f"{STOPPED}/000001"), "its own stream does not say that"),
    "a denied sweep": (edited(GRANTED, Kind.DECIDED, lambda body: body.update(answer="deny")), "without a valid approval"),
    "a sweep approved by whoever asked": (edited(GRANTED, Kind.DECIDED, lambda body: body.update(by="Ada")), "without a valid approval"),
    "a batch of nobody": (edited(GRANTED, Kind.LISTED, no_holders), "cannot be read as what it says it is, sweep.listed"),
    "nobody asked": (without(GRANTED, Kind.REQUESTED, Kind.DECIDED, Kind.CLOSED), "without a valid approval: nobody was asked"),
    "asked only later": (without(GRANTED, Kind.CLOSED), "nobody had approved it yet"),
    "a mandate that lasts": (edited(NIGHTLY, Kind.SWEEP, no_date), "signature does not hold"),
    "a mandate of no signatures": (edited(NIGHTLY, Kind.SWEEP, unsigned), "its mandate has 0 valid signature(s), and needs 1"),
    "a mandate of no signatures, before any write": (edited(NIGHTLY, Kind.SWEEP, unsigned), "begins a sweep without a valid approval"),
    "a mandate signed by nobody's key": (edited(stream_of("keys"), Kind.STANDING, one_more_signer), "signed with a key that is not theirs"),
    "a mandate of another sweep": (edited(stream_of("keys"), Kind.STANDING, for_another), "signature does not hold"),
    "a report that counts less": (edited(GRANTED, Kind.FINISHED, reported), "than what the sweep's events say"),
    "a sweep said to be none": (edited(GRANTED, Kind.OPENED, lambda body: body.update(sweep=False)), "this run is none"),
}


async def test_sweeps_on_record_are_sound(here: Hall) -> None:
    found = await audit(here.journal, known(here))
    assert (found.faults, found.unchecked) == ((), ())
    assert found.runs == len(SWEEPS), "what stands in streams is of no run of its own"


@pytest.mark.parametrize("name", FOUND)
async def test_what_is_rewritten_and_hashed_again_is_found(here: Hall, name: str) -> None:
    edit, words = FOUND[name]
    found = await rewritten(here, edit)
    assert any(words in fault.what for fault in found.faults), [str(fault) for fault in found.faults]


async def test_random_edits_of_sweeps_are_all_found(here: Hall) -> None:
    """With a head told outside, as every report tells one."""
    whole = await stored(here)
    told = {str(whole[-1]["hash"]): "in a report"}
    assert not (await audit(here.journal, known(here), told=told)).faults
    with closing(sqlite3.connect(here.folder / "journal.db")) as sql, sql:
        sql.execute("DROP TABLE events")
        sql.execute(f"CREATE TABLE events ({', '.join(COLUMNS)})")
    ways = (*ALTERING, *MOVING, a_run_removed)
    tried = 0
    for seed in range(220):
        way, rows = ways[seed % len(ways)], [dict(row) for row in whole]
        way(rows, Dice(seed))
        if rows == whole:
            continue
        become(here, rows)
        assert (await audit(here.journal, known(here), told=told)).faults, f"{way.__name__}, seed {seed}, was not found"
        tried += 1
    assert tried >= 200


async def test_any_value_changed_at_random_and_hashed_again_is_found(here: Hall) -> None:
    """By a proof or a head; the audit comes to its end whatever stands there."""
    told, before = await here.journal.head(), await stored(here)
    proven = 0
    for seed in range(60):
        dice = Dice(seed)

        def change(rows: list[Row], dice: Dice = dice) -> None:
            rows[:] = [dict(row) for row in before]
            row = dice.choice([row for row in rows if row["kind"].startswith("sweep.")])
            if dice.random() < 0.5:
                at = dice.choice([match.start() for match in re.finditer(r'(?<=":")[^"]', row["body"])] or [0])
                row["body"] = row["body"][:at] + ("~" if row["body"][at] != "~" else "-") + row["body"][at + 1 :]
            else:
                body = json.loads(row["body"])
                body[dice.choice(sorted(body))] = dice.choice([None, [], {}, "seven", -1, [1], {"a": []}])
                row["body"] = canonical(body)

        faults = (await rewritten(here, change, told=told)).faults
        assert faults, seed
        proven += len(faults) > 1
    assert proven > 25, "much of it is proven, head or no head"
