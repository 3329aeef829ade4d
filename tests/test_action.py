"""What an action is by default: verified by planning again, undone not at all, and one approver more for what never comes back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firedoor.action import Action, NotUndoable
from firedoor.model import Change, Intent, Reversal, Standing, Tier
from tests.fakes import Door, Seen, Shut, Vendor, spec


@pytest.mark.parametrize(
    ("tier", "reversal", "approvals"),
    [
        (Tier.AUTO, Reversal.EXACT, Tier.AUTO),
        (Tier.ONE, Reversal.OWNER, Tier.ONE),
        (Tier.ONE, Reversal.PARTIAL, Tier.ONE),
        (Tier.AUTO, Reversal.NEVER, Tier.ONE),
        (Tier.ONE, Reversal.NEVER, Tier.TWO),
        (Tier.TWO, Reversal.NEVER, Tier.TWO),
    ],
)
def test_what_never_comes_back_needs_one_approver_more(tier: Tier, reversal: Reversal, approvals: Tier) -> None:
    assert spec("x", tier=tier, reversal=reversal).approvals is approvals


@pytest.mark.parametrize(("status", "standing"), [("open", Standing.NOT_YET), ("shut", Standing.HOLDS), ("stuck", Standing.UNKNOWN)])
async def test_it_is_verified_by_planning_again(status: str, standing: Standing) -> None:
    verdict = await Shut(Vendor({"a": {"k": status}})).verify(Door(name="a"), ())
    assert verdict.standing is standing
    assert verdict.says


def test_it_refuses_to_be_undone_and_says_what_to_do() -> None:
    with pytest.raises(NotUndoable) as refusal:
        Action.plan_undo(Shut(Vendor({})), Door(name="a"), (), Seen(keys={}))
    assert refusal.value.advice


def test_its_receipt_names_the_change_and_its_time() -> None:
    now = datetime.now(UTC)
    change = Change(key="k", subject="s", says="x", after={})
    receipt = Action.receipt(Shut(Vendor({})), change, Intent(run="r", item="i", key="key", at=now, fence=1))
    assert (receipt.change, receipt.at, receipt.facts, receipt.settled) == ("k", now, {}, "reply")
    assert spec("x").vendor == "fake"
