"""Okta's actions in one run under one approval: what can only be done to a suspended user is approved while they are active."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

import tasks
from firedoor import catalogue
from firedoor.approval import Answer
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.engine import Engine
from firedoor.guard import Guard
from firedoor.inputs import bind
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.playbook import Playbook, find
from firedoor.run import Order, Via
from firedoor.stage import Plainly
from tests.fakes import ASKER, NO, YES, hasten, lab, outcomes
from tests.tasks.rooms import ROOMS

BOOK = Playbook.model_validate(
    {
        "playbook": "people",
        "title": "Shut stolen accounts",
        "about": "A test",
        "inputs": {
            "users": {"type": "okta_login", "many": True, "help": "whom", "example": "ada@acme.example"},
            "since": {"type": "text", "help": "since when", "example": "2023-10-18T16:00:00Z"},
        },
        "queries": {"people": {"query": "okta.find_users", "with": {"logins": "${inputs.users}", "since": "${inputs.since}"}}},
        "steps": [
            {"id": "suspend", "action": "okta.suspend_user", "for_each": "${queries.people}"},
            {"id": "sessions", "action": "okta.revoke_sessions", "for_each": "${queries.people}", "needs": ["suspend"]},
            {"id": "factors", "action": "okta.reset_factors", "for_each": "${queries.people}", "needs": ["suspend", "sessions"]},
            {"id": "grants", "action": "okta.revoke_grants", "for_each": "${queries.people}", "needs": ["suspend"]},
        ],
    }
)
WORLD: dict[str, Any] = {
    "users": [{"id": "00u1", "login": "ada@acme.example"}, {"id": "00u2", "login": "bob@acme.example", "status": "LOCKED_OUT"}],
    "sessions": [{"id": "sid-1", "user": "00u1"}],
    "factors": [
        {"id": "sms1", "user": "00u1", "type": "sms", "created": "2023-02-01T09:00:00Z"},
        {"id": "fwf1", "user": "00u1", "type": "webauthn", "provider": "FIDO", "created": "2023-10-18T16:05:00Z"},
    ],
    "grants": [{"id": "oag1", "user": "00u1", "client": "0oa1", "scope": "openid"}],
    "oauth_tokens": [{"id": "oar1", "client": "0oa1", "user": "00u1", "refresh": "rt-1"}],
}


async def contained(
    book: Playbook, world: dict[str, Any], inputs: dict[str, tuple[str, ...]], folder: Path, patch: pytest.MonkeyPatch
) -> tuple[list[str], Any]:
    """A run of the playbook's steps in Okta, approved as asked: how each item ended, and the world after."""
    hasten(patch)
    steps = tuple(step for step in book.steps if step.action.startswith("okta."))
    sources = {step.source for step in steps}
    book = book.model_copy(update={"steps": steps, "queries": {name: one for name, one in book.queries.items() if name in sources}})
    async with lab(folder, {}) as bench, ROOMS["okta"].open(world, {}) as at:
        known = catalogue.load(tasks)
        units = Units(
            actions={name: cast("Any", unit)(at.client) for name, unit in known.actions.items() if name.startswith("okta.")},
            queries={name: cast("Any", unit)(at.client) for name, unit in known.queries.items() if name.startswith("okta.")},
        )
        engine = Engine(
            journal=bench.journal,
            leases=Leases(bench.store, "one"),
            desk=Desk(journal=bench.journal, roster=bench.roster, seal=bench.seal),
            guard=Guard(protected={}, roster=bench.roster, limit=50, own_networks={}),
            channel=_Approving(bench),
            look=units,
            act=units,
        )
        order = Order(
            run="r1",
            incident="i",
            playbook=book.playbook,
            mode=Mode.LIVE,
            requester=ASKER.name,
            asked=datetime.now(UTC),
            inputs=bind(book, inputs),
            title="t",
            via=Via.SLACK,
        )
        report = await engine.contain(order, book, Plainly())
        return outcomes(report), at.state()


async def test_one_approval_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = {"users": ("ada@acme.example", "bob@acme.example"), "since": ("2023-10-18T16:00:00Z",)}
    ended, state = await contained(BOOK, WORLD, inputs, tmp_path, monkeypatch)
    assert ended == ["CHANGED", "CHANGED", "CHANGED", "CHANGED", "CHANGED", "ALREADY", "CHANGED", "ALREADY"]
    assert {user["status"] for login, user in state["users"].items() if login != "firedoor@acme.example"} == {"SUSPENDED"}
    assert set(state["factors"]) == {"sms1"}
    assert state["grants"] == {}
    assert not state["sessions"]["sid-1"]["live"]


@pytest.mark.parametrize(("since", "left"), [({}, set()), ({"since": ("2023-10-18T16:00:00Z",)}, {"sms1"})])
@pytest.mark.parametrize("name", ["session-hijack", "identity-breach"])
async def test_no_factor_stays_where_nobody_knows_since_when(
    name: str, since: dict[str, tuple[str, ...]], left: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, state = await contained(find(name), WORLD, {"users": ("ada@acme.example",), **since}, tmp_path, monkeypatch)
    assert ended == ["CHANGED"] * 4
    assert set(state["factors"]) == left


async def test_whoever_is_let_in_again_is_let_in_without_the_stolen_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each person by themselves: what cannot be done for one does not leave the other's password in force."""
    users = [
        {"id": "00u1", "login": "ada@acme.example", "password": "stolen", "status": "SUSPENDED"},
        {"id": "00u2", "login": "bob@acme.example", "password": "stolen", "status": "STAGED"},
    ]
    proof = {"verified_by": ("Grace Hopper",), "how": ("in_person",), "reference": ("HR-1234",)}
    inputs = {"users": ("ada@acme.example", "bob@acme.example"), **proof}
    ended, state = await contained(find("restore-user"), {"users": users}, inputs, tmp_path, monkeypatch)
    assert ended == ["CHANGED", "FAILED", "CHANGED", "FAILED"]
    assert state["users"]["ada@acme.example"]["status"] == "RECOVERY"


class _Approving:
    """A channel where as many as are needed approve whatever is asked."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench

    async def asked(self, ask: Any) -> None:
        desk = Desk(journal=self._bench.journal, roster=self._bench.roster, seal=self._bench.seal)
        for person in (YES, NO)[: int(ask.request.required)]:
            await desk.decide(ask.order.run, person, Answer.APPROVE, via="test")

    async def reminded(self, ask: object, urgency: int) -> None: ...

    async def begun(self, order: object) -> None: ...

    async def progressed(self, order: object, result: object) -> None: ...

    async def finished(self, order: object, report: object) -> None: ...

    async def where(self, run: str) -> str:
        del run
        return ""
