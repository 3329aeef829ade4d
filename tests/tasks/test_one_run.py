"""Okta's actions in one run under one approval: what can only be done to a suspended user is approved while they are active."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Answer
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.engine import Engine
from firedoor.guard import Guard
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.playbook import Playbook
from firedoor.run import Order
from firedoor.stage import Plainly
from tasks.okta.find_users import FindUsers
from tasks.okta.reset_factors import ResetFactors
from tasks.okta.revoke_grants import RevokeGrants
from tasks.okta.revoke_sessions import RevokeSessions
from tasks.okta.suspend_user import SuspendUser
from tests.fakes import ASKER, YES, hasten, lab, outcomes
from tests.tasks.rooms import ROOMS

ACTIONS: tuple[type[Any], ...] = (SuspendUser, RevokeSessions, ResetFactors, RevokeGrants)
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


async def test_one_approval_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    async with lab(tmp_path, {}) as bench, ROOMS["okta"].open(WORLD, {}) as at:
        units = Units(actions={unit.spec.id: unit(at.client) for unit in ACTIONS}, queries={"okta.find_users": FindUsers(at.client)})
        engine = Engine(
            journal=bench.journal,
            leases=Leases(bench.store, "one"),
            desk=Desk(journal=bench.journal, roster=bench.roster, seal=bench.seal),
            guard=Guard(protected={}, roster=bench.roster, limit=50, own_networks={}),
            channel=_Approving(bench),
            look=units,
            act=units,
        )
        inputs = {"users": ("ada@acme.example", "bob@acme.example"), "since": ("2023-10-18T16:00:00Z",)}
        order = Order(
            run="r1",
            incident="i",
            playbook="people",
            mode=Mode.LIVE,
            requester=ASKER.name,
            asked=datetime.now(UTC),
            inputs=inputs,
            title="t",
        )
        report = await engine.contain(order, BOOK, Plainly())
        state: Any = at.state()
    assert outcomes(report) == ["CHANGED", "CHANGED", "CHANGED", "CHANGED", "CHANGED", "ALREADY", "CHANGED", "ALREADY"], report["open"]
    assert {user["status"] for login, user in state["users"].items() if login != "firedoor@acme.example"} == {"SUSPENDED"}
    assert set(state["factors"]) == {"sms1"}
    assert state["grants"] == {}
    assert not state["sessions"]["sid-1"]["live"]


class _Approving:
    """A channel where Ben approves whatever is asked."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench

    async def asked(self, ask: Any) -> None:
        desk = Desk(journal=self._bench.journal, roster=self._bench.roster, seal=self._bench.seal)
        await desk.decide(ask.order.run, YES, Answer.APPROVE, via="test")

    async def progressed(self, order: object, result: object) -> None: ...

    async def finished(self, order: object, report: object) -> None: ...
