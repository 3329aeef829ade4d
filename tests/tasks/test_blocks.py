"""Blocking addresses: what is approved, and what a receipt claims, while the set drifts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from firedoor.model import Intent
from firedoor.vendors.aws.ipsets import IpSetBlock
from tasks.aws.block_addresses import BlockAddresses, BlockState

A, B, C = "203.0.113.7/32", "203.0.113.8/32", "198.51.100.0/24"
TARGET = IpSetBlock(
    account="111122223333",
    region="eu-west-1",
    scope="REGIONAL",
    version="IPV4",
    name="attackers",
    id="0d3a6391-aacf-444c-b8b3-296941d1e720",
    addresses=(A, B, C),
)
ACTION = BlockAddresses(cast("Any", None))
INTENT = Intent(run="r", item="i", key="k", at=datetime(2023, 10, 18, 16, 0, tzinfo=UTC), fence=1)


def state(*missing: str, entries: int = 5) -> BlockState:
    entered = tuple(address for address in TARGET.addresses if address not in missing)
    return BlockState(missing=missing, entered=entered, entries=entries, version="IPV4")


def test_nobody_can_make_an_approved_block_look_new() -> None:
    plans = [ACTION.plan(TARGET, seen) for seen in (state(A, B, C), state(B), state(A, C, entries=70))]
    assert len({plan.changes[0].effect("aws.block_addresses") for plan in plans}) == 1
    assert [plan.changes[0].says.partition(" in ")[0] for plan in plans] == [f"block {A}, {B}, {C}", f"block {B}", f"block {A}, {C}"]


def test_a_receipt_claims_what_was_not_there() -> None:
    (change,) = ACTION.plan(TARGET, state(B)).changes
    assert ACTION.receipt(change, INTENT).facts == {"added": [B]}


def test_undo_takes_out_what_is_ours_and_still_there() -> None:
    receipts = [ACTION.receipt(ACTION.plan(TARGET, state(A, B)).changes[0], INTENT)]
    plans = [ACTION.plan_undo(TARGET, receipts, seen) for seen in (state(), state(A))]
    assert [plan.changes[0].says.partition(" out ")[0] for plan in plans] == [f"take {A}, {B}", f"take {B}"]
    assert len({plan.changes[0].effect("aws.block_addresses") for plan in plans}) == 1
    assert ACTION.plan_undo(TARGET, receipts, state(A, B)).reason
    assert ACTION.plan_undo(TARGET, receipts, BlockState(gone=True)).reason


@pytest.mark.parametrize(("entries", "room"), [(9_998, True), (9_999, False)])
def test_a_set_has_room_for_ten_thousand_entries(entries: int, room: bool) -> None:  # noqa: FBT001 - a table's column
    plan = ACTION.plan(TARGET, state(A, B, entries=entries))
    assert bool(plan.changes) is room
    assert ("no room for 2 more" in plan.impossible) is not room


def test_a_target_without_addresses_has_nothing_to_do() -> None:
    assert ACTION.plan(TARGET.only(()), BlockState(version="IPV4")).reason
