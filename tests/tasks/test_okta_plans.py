"""Plans of Okta's room over states that a run alone does not come to: what others did since, zones at their bounds, other proofs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from firedoor.model import Intent, Plan, Receipt, Tier
from firedoor.vendors.access import Access
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.restoring import Proof, Restoration
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.okta.zones import MOST_GATEWAYS, ZoneBlock, ZoneRecord
from firedoor.vendors.okta.zoneworld import entry_of
from tasks.okta.block_addresses import BlockAddresses, ZoneState
from tasks.okta.unsuspend_user import StatusSeen, UnsuspendUser

NOON = datetime(2023, 11, 23, 12, tzinfo=UTC)
BLOCK = ZoneBlock(zone_id="nzo1", zone_name="Firedoor", addresses=("203.0.113.7/32", "203.0.113.8/32"))
ZONE = ZoneRecord(
    id="nzo1", name="Firedoor", type="IP", status="ACTIVE", usage="BLOCKLIST", system=False, gateways=("192.0.2.0/29",), proxies=0
)
BLOCKING, RESTORING = BlockAddresses(cast("Any", None)), UnsuspendUser(cast("Any", None))
ADA = Restoration(user_id="00u1", login="ada@acme.example", verified_by="Ben Okafor", how=Proof.IN_PERSON, reference="INC-1")


def seen(*gateways: str, **fields: Any) -> ZoneState:
    return ZoneState(zone=replace(ZONE, gateways=gateways, **fields))


def undo(now: ZoneState, *added: str) -> Plan:
    return BLOCKING.plan_undo(BLOCK, [Receipt(change="block", at=NOON, facts={"added": list(added)})], now)


def test_what_was_approved_stays_the_same_effect_whatever_others_add_or_take_out() -> None:
    worlds = (seen("192.0.2.0/29"), seen("203.0.113.8/32"), seen("203.0.113.7-203.0.113.7", "10.0.0.0/8"))
    plans = [BLOCKING.plan(BLOCK, world) for world in worlds]
    assert len({change.effect("okta.block_addresses") for plan in plans for change in plan.changes}) == 1
    assert [plan.changes[0].before["open"] for plan in plans] == [
        ("203.0.113.7/32", "203.0.113.8/32"),
        ("203.0.113.7/32",),
        ("203.0.113.8/32",),
    ]


def test_every_address_is_shown_to_those_who_approve() -> None:
    many = replace(BLOCK, addresses=tuple(f"203.0.113.{n}/32" for n in range(200)))
    (change,) = BLOCKING.plan(many, seen("192.0.2.0/29")).changes
    assert all(address in change.says for address in many.addresses)
    assert "and 192 more" in BLOCKING.plan(many, seen("203.0.113.0/24")).reason


@pytest.mark.parametrize(("there", "fits"), [(MOST_GATEWAYS - 2, True), (MOST_GATEWAYS - 1, False)])
def test_a_zone_holds_a_thousand_entries(there: int, fits: bool) -> None:  # noqa: FBT001 - a table's column
    full = [f"10.0.{n // 256}.{n % 256}/32" for n in range(there)]
    plan = BLOCKING.plan(BLOCK, seen(*full))
    assert bool(plan.changes) is fits
    assert ("would hold 1001 entries, and Okta allows 1,000" in plan.impossible) is not fits
    assert BLOCKING.plan(BLOCK, seen(*full, "203.0.113.0/24", "192.0.2.1/32", "192.0.2.2/32")).reason, "a full one may cover it already"


def test_the_way_back_takes_out_what_is_ours_and_still_there() -> None:
    ours = ("203.0.113.7/32", "203.0.113.8/32")
    (change,) = undo(seen("192.0.2.0/29", *ours), *ours).changes
    assert change.before == {"entries": ours}
    (change,) = undo(seen("192.0.2.0/29", "203.0.113.0/24", "203.0.113.8-203.0.113.8"), *ours).changes
    assert change.before == {"entries": ("203.0.113.8/32",)}, "one that somebody took out is left, and so is a wider one that they put in"
    assert undo(seen("192.0.2.0/29", *ours)).reason == "this run added nothing to zone Firedoor"
    assert "no longer in Okta" in undo(ZoneState(), *ours).reason
    assert "any more" in undo(seen("203.0.113.0/24"), *ours).reason


async def test_what_somebody_else_added_in_between_is_not_ours_to_take_out() -> None:
    world = world_of(
        {
            "users": [{"id": "00uops", "login": "ops@acme.example"}],
            "zones": [{"id": "nzo1", "name": "Firedoor", "gateways": ["192.0.2.0/29"]}],
            "api_tokens": [{"token": "00t", "owner": "00uops"}],
        }
    )
    async with OktaSimulator(world) as okta, OktaClient(org_url=okta.url, token="00t", access=Access.WRITE) as client:
        action = BlockAddresses(client)
        (change,) = action.plan(BLOCK, await action.read(BLOCK)).changes
        world.zones["nzo1"].gateways.append(entry_of("203.0.113.7"))
        receipt = await action.apply(change, Intent(run="r", item="i", key="k", at=NOON, fence=1))
        assert receipt.facts == {"added": ("203.0.113.8/32",)}
        (back,) = action.plan_undo(BLOCK, [receipt], await action.read(BLOCK)).changes
        world.zones["nzo1"].gateways.append(entry_of("10.0.0.0/24"))
        await action.apply(back, Intent(run="r", item="i", key="k", at=NOON, fence=1))
    assert [entry["value"] for entry in world.zones["nzo1"].gateways] == ["192.0.2.0/29", "203.0.113.7-203.0.113.7", "10.0.0.0/24"]


def test_the_last_entry_is_not_taken_out() -> None:
    assert "at least one gateway or proxy" in undo(seen("203.0.113.7/32"), "203.0.113.7/32").impossible
    assert undo(seen("203.0.113.7/32", proxies=1), "203.0.113.7/32").changes
    assert undo(seen("203.0.113.7/32", "203.0.113.8/32"), "203.0.113.7/32").changes


@pytest.mark.parametrize("fields", [{"usage": "POLICY"}, {"status": "INACTIVE"}])
def test_a_zone_that_others_made_something_else_of_is_not_touched(fields: dict[str, str]) -> None:
    conflict = undo(seen("192.0.2.0/29", "203.0.113.7/32", **fields), "203.0.113.7/32").impossible
    assert "not as this run left it" in conflict
    assert "Look by hand" in conflict


def let_in(status: str) -> Plan:
    return RESTORING.plan_undo(ADA, [Receipt(change="unsuspend", at=NOON, facts={"status": "SUSPENDED"})], StatusSeen(status=status))


def test_the_way_back_from_letting_in() -> None:
    assert [change.key for change in let_in("ACTIVE").changes] == ["suspend"]
    assert let_in("SUSPENDED").reason
    assert "deactivate them instead" in let_in("RECOVERY").impossible, "their password was reset after it"
    for status in ("LOCKED_OUT", "PASSWORD_EXPIRED", "DEPROVISIONED", "GONE"):
        assert f"is {status}, not as this run left them" in let_in(status).impossible


def test_an_approval_of_one_proof_is_none_of_another() -> None:
    others = [replace(ADA, verified_by="Bea"), replace(ADA, how=Proof.VIDEO_CALL), replace(ADA, reference="INC-2")]
    plans = [RESTORING.plan(target, StatusSeen(status="SUSPENDED")) for target in (ADA, *others)]
    assert len({change.effect("okta.unsuspend_user") for plan in plans for change in plan.changes}) == 4
    assert RESTORING.spec.approvals is Tier.TWO


def test_factors_of_an_attacker_are_named_where_the_user_is_still_there() -> None:
    factors, password = RESTORING.residuals(ADA, StatusSeen(status="ACTIVE"))
    assert "okta.reset_factors before the suspension is lifted" in factors.closes_by
    assert "okta.reset_password at once after this" in password.closes_by
    assert not RESTORING.residuals(ADA, StatusSeen(status="GONE"))
