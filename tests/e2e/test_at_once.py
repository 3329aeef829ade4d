"""Twenty people in four processes who ask for the same, over one database and one simulated company."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firedoor.approval import Answer
from firedoor.desk import Desk
from firedoor.journal import Journal, Kind
from firedoor.seal import Seal
from firedoor.settings import load
from firedoor.store import Store
from tests.apart import Ended, workers
from tests.company import Company, company
from tests.e2e.test_turns import heard, hijack, record, until

pytestmark = pytest.mark.e2e


@pytest.fixture
async def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    async with company(tmp_path, log_lag=0.0) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


async def test_of_twenty_who_ask_for_the_very_same_one_begins_and_the_others_are_told(acme: Company, database: str) -> None:
    """Five people in each of four processes, in the same instant. It is approved once all others have their answer."""
    environment = {**acme.environment, "FIREDOOR_DATABASE_URL": database}
    people = [str(person["name"]) for person in acme.estate.people]
    asks = [hijack(acme, approves=False, requester=people[number % 2]) for number in range(5)]
    async with workers(environment, *[asks] * 4) as found, Store(database) as store:
        for worker in found:
            worker.go()
        journal = Journal(store)
        waiting, expected = list[Ended](), 19

        async def answered() -> bool:
            for worker in found:
                while worker.theirs.poll():
                    waiting.append(await worker.ended())
            return len(waiting) == expected

        await until(answered)
        [run] = {one.before for one in waiting}
        await until(lambda: _asked(journal, run))
        assert await journal.runs() == [run]
        asker = (await record(database, run)).order.requester
        assert all(f"asked for by {asker}" in one.error and "Nothing was changed." in one.error for one in waiting)
        assert not acme.okta.accepted_writes
        desk = Desk(journal=journal, roster=load().roster, seal=Seal.kept_in(acme.folder / "state"))
        other = next(person for person in people if person != asker and person != people[-1])
        await desk.decide(run, desk.roster.by_name(other), Answer.APPROVE, via="test")
        expected = 20
        await until(answered)
        done = waiting[-1]
        assert done.report["outcome"] == "contained"
    assert acme.okta.accepted_writes["suspendUser"] == 1


async def _asked(journal: Journal, run: str) -> bool:
    return Kind.REQUESTED in [event.kind for event in await journal.events(run)]


async def test_twenty_orders_of_the_same_end_as_if_it_ran_once_and_each_tells_the_truth(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    async with company(tmp_path / "alone", log_lag=0.0) as other, workers(other.environment, [hijack(other)]) as [worker]:
        worker.go()
        once = await worker.ended()
        wrote = other.okta.accepted_writes
    async with company(tmp_path, log_lag=0.0) as acme:
        orders = [[hijack(acme, since=5 * process + number) for number in range(5)] for process in range(4)]
        async with workers(acme.environment, *orders) as found:
            for worker in found:
                worker.go()
            ended = await heard(found, 5)
    assert [one.error for one in ended if one.error] == []
    assert len({one.run for one in ended}) == 20
    assert {one.report["outcome"] for one in ended} == {"contained"}
    assert acme.okta.accepted_writes == wrote
    changed = Counter(step for one in ended for step, outcome in one.outcomes.items() if outcome == "CHANGED")
    assert changed == Counter(step for step, outcome in once.outcomes.items() if outcome == "CHANGED")
    assert {outcome for one in ended for outcome in one.outcomes.values()} == {"CHANGED", "ALREADY"}
    made = [change for one in ended for step in one.report["steps"] for change in step["changes"]]
    assert len(made) == len(set(made)) == sum(len(step["changes"]) for step in once.report["steps"])
