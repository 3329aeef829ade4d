"""Whoever rewrites the journal and hashes all of it again: found by the proofs, and where nothing is proven, by a head told outside."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor.approval import Answer, Decision, Roster
from firedoor.audit import Audit, audit
from firedoor.canonical import canonical, digest, plain
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.proofs import Known
from firedoor.run import Order
from firedoor.seal import Seal
from tests.edits import COLUMNS, Dice, Row, rehash_all
from tests.fakes import KEYS, ROSTER, YES, Lab, lab, ordered, resumption
from tests.recorded import DOORS, RUNS, known

ELSE = Order(
    run="else", incident="i", playbook="fire", mode=Mode.LIVE, requester="Ada", asked=datetime.now(UTC), inputs={}, title="Shut the doors"
)

Body = dict[str, Any]
Edit = Callable[[list[Row]], None]


@pytest.fixture
async def it(recorded_once: Path, tmp_path: Path) -> AsyncIterator[Lab]:
    shutil.copy(recorded_once, tmp_path / "journal.db")
    async with lab(tmp_path, DOORS) as found:
        yield found


async def rewritten(it: Lab, edit: Edit, *, told: str = "", against: Known | None = None) -> Audit:
    """What the audit says once all was edited and hashed again; ``told``: the head that was told outside before."""
    heads = {told: "in a ticket"} if told else {}
    rows: list[Row] = [dict(row) async for row in it.journal.rows()]
    edit(rows)
    rehash_all(rows)
    with closing(sqlite3.connect(it.path)) as sql, sql:
        sql.execute("PRAGMA synchronous=OFF")
        sql.execute("DELETE FROM events")
        places = ", ".join(f":{column}" for column in COLUMNS)
        sql.executemany(f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES ({places})", rows)  # noqa: S608 - our own names
    return await audit(it.journal, against or known(it), told=heads)


def edited(run: str, kind: Kind, change: Callable[[Body], None], *, which: int = 0) -> Edit:
    """The body of one of a run's events of that kind changed."""

    def edit(rows: list[Row]) -> None:
        row = [one for one in rows if one["run"] == run and one["kind"] == kind][which]
        body = json.loads(row["body"])
        change(body)
        row["body"] = canonical(body)

    return edit


def setting(**values: object) -> Callable[[Body], None]:
    return lambda body: body.update(values)


def without(run: str, *kinds: Kind) -> Edit:
    def edit(rows: list[Row]) -> None:
        rows[:] = [row for row in rows if row["run"] != run or (kinds and row["kind"] not in kinds)]

    return edit


def inside(run: str, kind: Kind, path: str, value: object) -> Edit:
    """A value deep in a body changed, with all that hangs together by plain hashes: those need no key."""

    def change(body: Body) -> None:
        *way, last = path.split(".")
        place: Any = body
        for name in way:
            place = place[int(name) if name.isdigit() else name]
        place[last] = value

    return edited(run, kind, change)


def forged_decision(run: str, by: str, answer: Answer, *, signs: str = "", mac: bool = True) -> Edit:
    """A decision put on record in somebody's name, by somebody who has read the source and has a key of their own."""

    def edit(rows: list[Row]) -> None:
        at = next(number for number, row in enumerate(rows) if row["run"] == run and row["kind"] == Kind.REQUESTED)
        asked = json.loads(rows[at]["body"])
        asked.pop("mark")
        when = datetime.fromisoformat(asked["requested"]) + timedelta(seconds=1)
        decision = Decision(request=digest(asked), answer=answer, by=by, via="terminal", at=when, reason="")
        if mac:
            decision = replace(decision, proof=Seal(b"x" * 32).sign(decision))
        else:
            decision = replace(decision, proof=KEYS[signs].sign("something else").proof)
        new = {**dict.fromkeys(COLUMNS), "run": run, "at": rows[at]["at"], "kind": str(Kind.DECIDED), "body": canonical(decision)}
        rows.insert(at + 1, new)

    return edit


def copied_decision(rows: list[Row]) -> None:
    given = next(row for row in rows if row["run"] == "r1" and row["kind"] == Kind.DECIDED)
    at = next(number for number, row in enumerate(rows) if row["run"] == "denied" and row["kind"] == Kind.REQUESTED)
    rows.insert(at + 1, dict(given, run="denied"))


def invented_run(rows: list[Row]) -> None:
    """A run that nobody asked anybody about, but which wrote."""
    rows += [
        dict(row, run="new", body=row["body"].replace('"run":"r1"', '"run":"new"'))
        for row in rows
        if row["run"] == "r1" and row["kind"] in {Kind.OPENED, Kind.PLANNED, Kind.INTENT, Kind.RECEIPT}
    ]


def more_covered(body: Body) -> None:
    body["covers"] = {next(iter(body["effects"])): [{"name": "", "says": "all", "at_most": 9}]}


def another_change(body: Body) -> None:
    body["change"]["at"]["door"] = "vault"


def another_effect(body: Body) -> None:
    body["change"]["at"]["door"] = "vault"
    change = body["change"]
    body["effect"] = digest(
        {"action": "fake.shut", "key": change["key"], "subject": change["subject"], "at": change["at"], "after": change["after"]}
    )


def resumed(run: str, by: str) -> Edit:
    """A run gone on with, on the word of somebody who gave none."""

    def edit(rows: list[Row]) -> None:
        said = {"from": 0, **cast("Body", plain(resumption(ELSE, by)))}
        rows.append({**dict.fromkeys(COLUMNS), "run": run, "at": rows[-1]["at"], "kind": str(Kind.RESUMED), "body": canonical(said)})

    return edit


def reported_otherwise(body: Body) -> None:
    body["steps"][0]["outcome"] = "ALREADY"


def numbers_for_steps(body: Body) -> None:
    body["steps"] = [1, 2]


FOUND: dict[str, tuple[Edit, str]] = {
    "fewer need to approve": (edited("signed", Kind.REQUESTED, setting(required=1)), "its mark is false"),
    "nobody is barred": (edited("r1", Kind.REQUESTED, setting(barred=["Cem"])), "its mark is false"),
    "a class of changes is added": (edited("r1", Kind.REQUESTED, more_covered), "its mark is false"),
    "the request is marked by another key": (edited("r1", Kind.REQUESTED, setting(mark="mac:" + "0" * 64)), "its mark is false"),
    "the plan asks for something else": (inside("r1", Kind.PLANNED, "items.0.target.name", "vault"), "than the plan on record says"),
    "the plan says something else": (inside("r1", Kind.PLANNED, "items.0.plan.changes.0.says", "open all"), "than the plan on record says"),
    "somebody else decided": (edited("r1", Kind.DECIDED, setting(by="Cem")), "did not vouch"),
    "the requester decided": (edited("r1", Kind.DECIDED, setting(by="Ada")), "not theirs to decide"),
    "a stranger decided": (edited("r1", Kind.DECIDED, setting(by="Mallory")), "not theirs to decide"),
    "a denial is turned": (edited("denied", Kind.DECIDED, setting(answer="approve")), "did not vouch"),
    "another reason is given": (edited("denied", Kind.DECIDED, setting(reason="none")), "did not vouch"),
    "it was decided later": (edited("r1", Kind.DECIDED, setting(at="2099-01-01T00:00:00.000000Z")), "or not then"),
    "a signed reason is changed": (edited("signed", Kind.DECIDED, setting(reason="none")), "signature does not hold"),
    "a signature is exchanged": (edited("signed", Kind.DECIDED, setting(proof=KEYS["Ben"].sign("x").proof)), "signature does not hold"),
    "a signature is replaced by a mark": (edited("signed", Kind.DECIDED, setting(proof="mac:" + "0" * 64)), "only signatures count"),
    "a stop is somebody else's": (edited("stopped", Kind.STOP, setting(by="Ben")), "signature does not hold"),
    "a decision is forged": (forged_decision("denied", "Cem", Answer.APPROVE), "did not vouch"),
    "a signature is forged": (forged_decision("denied", "Cem", Answer.APPROVE, signs="Dan", mac=False), "signature does not hold"),
    "a decision is copied from another run": (copied_decision, "something else than what this run asked"),
    "a ruling is turned": (edited("denied", Kind.CLOSED, setting(ruling="granted")), "its mark is false"),
    "a ruling on nothing": (without("stopped", Kind.REQUESTED, Kind.STOP), "rules on a request that was never made"),
    "the approval is gone": (without("r1", Kind.DECIDED), "without a valid approval: it has 0 valid approval(s), and needs 1"),
    "one of two approvals is gone": (edited("signed", Kind.DECIDED, setting(by="Cem")), "signature does not hold"),
    "the request is gone too": (without("r1", Kind.REQUESTED, Kind.DECIDED, Kind.CLOSED), "without a valid approval: nobody was asked"),
    "a change is not the one it names": (edited("r1", Kind.INTENT, another_change), "not the change that it names"),
    "a write that nobody approved": (edited("r1", Kind.INTENT, another_effect), "not among what was approved"),
    "a write for another step": (edited("r1", Kind.INTENT, setting(item="shut/x")), "which is not in the plan"),
    "an intent is gone": (without("r1", Kind.INTENT), "which was never begun"),
    "a receipt is gone": (without("r1", Kind.RECEIPT), "there is no receipt for it"),
    "a step's end is another": (edited("r1", Kind.ENDED, setting(outcome="ALREADY")), "reports something else"),
    "a step ends that there is not": (edited("r1", Kind.ENDED, setting(item="x")), "which is not in the plan"),
    "the report is another": (edited("r1", Kind.FINISHED, reported_otherwise), "reports something else"),
    "the report counts fewer writes": (edited("r1", Kind.FINISHED, setting(writes=0)), "reports something else"),
    "the report is of numbers": (edited("r1", Kind.FINISHED, numbers_for_steps), "never writes in a run.finished"),
    "the order is another run's": (edited("r1", Kind.OPENED, setting(run="r2")), "order of another run"),
    "an order names another door": (
        edited("signed", Kind.OPENED, setting(inputs={"doors": ["d"]})),
        "is Ada's order, and its signature does not hold",
    ),
    "an order spares nothing": (edited("frozen", Kind.OPENED, setting(protected=True)), "is Ada's order, and its signature does not hold"),
    "an order rests on another standing approval": (inside("frozen", Kind.OPENED, "standing.most", 9), "its signature does not hold"),
    "an order is somebody else's": (
        edited("signed", Kind.OPENED, setting(requester="Ben")),
        "is Ben's order, and its signature does not hold",
    ),
    "an order is signed for another": (edited("signed", Kind.OPENED, setting(proof=ordered(ELSE).proof)), "its signature does not hold"),
    "an order has no signature": (edited("signed", Kind.OPENED, setting(proof="")), "its signature does not hold"),
    "an order says it is a schedule's": (edited("signed", Kind.OPENED, setting(via="schedule")), "and only sweeps have one"),
    "an order says it is a drill's": (edited("signed", Kind.OPENED, setting(via="drill")), "says that it is a drill's, and it is live"),
    "an order follows nothing": (edited("signed", Kind.OPENED, setting(via="firedoor")), "follows from another run, and names none"),
    "an order follows another one": (
        edited("signed", Kind.OPENED, setting(via="firedoor", follows="r1")),
        "asks for something else than run r1 did",
    ),
    "somebody goes on with a run": (resumed("denied", "Cem"), "is Cem's order to resume, and its signature does not hold"),
    "a live run becomes a drill": (edited("r1", Kind.OPENED, setting(mode="drill")), "asks for another run"),
    "a standing approval is widened": (edited("standing", Kind.STANDING, setting(most=99)), "signature does not hold"),
    "a standing approval lasts": (
        edited("standing", Kind.STANDING, setting(expires="2099-01-01T00:00:00.000000Z")),
        "signature does not hold",
    ),
    "it is signed by one for another": (
        edited("standing", Kind.STANDING, lambda body: body.update(signed={"Ada": body["signed"]["Ben"]})),
        "a key that is not theirs",
    ),
    "a run is removed that another undoes": (without("r1"), "names run r1, which is not in this journal"),
    "an undo is removed": (without("u1"), "names run u1, which is not in this journal"),
    "a run is invented": (invented_run, "without a valid approval: nobody was asked"),
    "a kind that there is not": (lambda rows: rows[8].update(kind="run.forgiven"), "of a kind that there is not, 'run.forgiven'"),
    "a run is opened twice": (lambda rows: rows.append(dict(rows[0], claim=None)), "opens the run a second time"),
    "a field is missing": (edited("r1", Kind.DECIDED, lambda body: body.pop("by")), "cannot be read as what it says it is"),
    "the report lacks its steps": (edited("r1", Kind.FINISHED, lambda body: body.pop("steps")), "cannot be read as what it says it is"),
    "a standing approval is none": (edited("standing", Kind.STANDING, lambda body: body.clear()), "cannot be read"),
    "a body is a list": (lambda rows: rows[3].update(body="[]"), "cannot be read, so nothing"),
    "a moment has no time zone": (edited("r1", Kind.DECIDED, setting(at="2026-01-01T00:00:00")), "never writes in a approval.decided"),
}


@pytest.mark.parametrize("name", FOUND)
async def test_a_rewrite_that_hashes_everything_again_is_found_by_the_proofs(it: Lab, name: str) -> None:
    edit, words = FOUND[name]
    found = await rewritten(it, edit)
    assert any(words in str(fault) for fault in found.faults), [str(fault) for fault in found.faults]
    assert all(fault.advice for fault in found.faults)
    assert not (await it.journal.audit()).faults, "the chain alone says nothing"


UNPROVEN: dict[str, Edit] = {
    "a note": edited("more", Kind.ENDED, setting(reason="it was nothing")),
    "when it was": lambda rows: rows[2].update(at="2020-01-01T00:00:00.000000Z"),
    "a receipt's facts": edited("r1", Kind.RECEIPT, lambda body: body["receipt"].update(facts={"before": "welded"})),
    "a whole run that no other names": without("signed"),
    "a first signature": lambda rows: rows.remove(next(row for row in rows if row["run"] == "standing")),
    "the newest run": lambda rows: rows.__delitem__(-1),
}


@pytest.mark.parametrize("name", UNPROVEN)
async def test_what_no_proof_covers_is_found_by_a_head_told_outside(it: Lab, name: str) -> None:
    found = await rewritten(it, UNPROVEN[name], told=await it.journal.head())
    assert [fault.what for fault in found.faults if "told outside (in a ticket)" in fault.what]
    assert "Keep a copy of the database" in found.faults[0].advice
    assert not found.heads[0].stands


async def test_any_value_changed_at_random_is_found_by_a_proof_or_a_head(it: Lab) -> None:
    told, before = await it.journal.head(), [dict(row) async for row in it.journal.rows()]
    proven = 0
    for seed in range(40):
        dice = Dice(seed)

        def change(rows: list[Row], dice: Dice = dice) -> None:
            rows[:] = [dict(row) for row in before]
            row = dice.choice(rows)
            at = dice.choice([match.start() for match in re.finditer(r'(?<=":")[^"]', row["body"])])
            row["body"] = row["body"][:at] + ("~" if row["body"][at] != "~" else "-") + row["body"][at + 1 :]

        faults = (await rewritten(it, change, told=told)).faults
        assert faults, seed
        proven += len(faults) > 1
    assert proven > 20, "most of it is proven, head or no head"


async def test_nothing_is_found_where_nothing_was_edited(it: Lab) -> None:
    asked = [event.hash for run in RUNS for event in await it.events(run) if event.kind in {Kind.REQUESTED, Kind.FINISHED}]
    found = await audit(it.journal, known(it), told=dict.fromkeys(asked, "in Slack"))
    assert (found.faults, found.unchecked) == ((), ())
    assert len(found.heads) == len(asked) == 14
    assert all(re.fullmatch(r"event \d+ \(run \w+, its number \d+\)", one.stands) for one in found.heads)


async def test_without_the_serving_processs_key_what_it_proves_is_told_as_not_checked(it: Lab) -> None:
    found = await audit(it.journal, known(it, seal=None))
    assert found.faults == ()
    assert {one.because for one in found.unchecked} == {"the serving process's key is not on this machine"}
    asked = len([event for run in RUNS for event in await it.events(run) if event.kind in {Kind.REQUESTED, Kind.CLOSED}])
    in_chat = [one.what for one in found.unchecked if "decision to" in one.what]
    assert len(found.unchecked) == asked + len(in_chat)
    assert in_chat == ["Ben's decision to deny", "Cem's decision to approve", "Ben's decision to approve", "Ben's decision to approve"]
    edit, _ = FOUND["a signed reason is changed"]
    assert "signature does not hold" in str((await rewritten(it, edit, against=known(it, seal=None))).faults[0]), "signatures need no key"


async def test_with_another_key_every_mark_is_a_fault_that_says_so(it: Lab) -> None:
    found = await audit(it.journal, known(it, seal=Seal(b"y" * 32)))
    assert found.faults
    assert all("another approval.key made it" in fault.advice or "valid approval" in fault.what for fault in found.faults)


async def test_a_roster_that_has_changed_since_is_told_as_not_checked(it: Lab) -> None:
    later = Roster(people=(*ROSTER.people, replace(YES, name="Eve", slack="U9", keys=())))
    found = await audit(it.journal, known(it, roster=lambda _: later, standing=later))
    assert found.faults == ()
    assert {one.what for one in found.unchecked if one.run == "signed"} == {
        "who might decide",
        "whose key signed Ada's order",
        "whose key signed Ben's decision to approve",
        "whose key signed Cem's decision to approve",
    }
    assert {one.what for one in found.unchecked if one.run == "standing"} == {
        "whose key signed Ben's standing approval",
        "whose key signed Cem's standing approval",
    }
    edit, _ = FOUND["a signed reason is changed"]
    changed = await rewritten(it, edit, against=known(it, roster=lambda _: None, standing=None))
    assert "signature does not hold" in str(changed.faults[0]), "by its own key at least, every signature must hold"


async def test_an_action_that_this_firedoor_does_not_have_is_told_as_not_checked(it: Lab) -> None:
    gone = known(it, tier=lambda *_: None)
    assert (await audit(it.journal, gone)).faults == (), "what was approved needs no such look"
    found = await rewritten(it, without("r1", Kind.REQUESTED, Kind.DECIDED, Kind.CLOSED), against=gone)
    assert {one.because for one in found.unchecked} >= {"this Firedoor has no action fake.shut"}


async def test_a_write_long_after_its_approval_lapsed_is_found(it: Lab) -> None:
    def late(rows: list[Row]) -> None:
        row = next(one for one in rows if one["run"] == "r1" and one["kind"] == Kind.INTENT)
        row["at"] = plain(datetime.now(UTC) + timedelta(hours=9))

    assert any("after its approval had lapsed" in str(fault) for fault in (await rewritten(it, late)).faults)


async def test_a_journal_of_before_orders_were_signed_has_no_faults_and_says_what_it_lacks(it: Lab) -> None:
    def of_before(rows: list[Row]) -> None:
        for row in rows:
            if row["kind"] == Kind.OPENED:
                body = json.loads(row["body"])
                row["body"] = canonical({name: value for name, value in body.items() if name not in {"via", "roster", "nonce", "proof"}})

    found = await rewritten(it, of_before)
    assert found.faults == ()
    assert {(one.what, one.because) for one in found.unchecked} == {("who gave the order", "orders did not say yet where they come from")}
    assert {one.run for one in found.unchecked} == set(RUNS)


async def test_a_run_that_ended_before_it_was_planned_is_no_fault(it: Lab) -> None:
    await it.journal.append("early", Kind.NOTED, {"prefect": "not reported"})
    assert (await audit(it.journal, known(it))).faults == ()
