"""Plans over snapshots that no simulator shows, but a vendor may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from firedoor.model import Receipt
from firedoor.vendors.okta.values import Factor, OktaUser
from tasks.okta.reset_factors import FactorsState, ResetFactors
from tasks.okta.reset_password import PasswordState, ResetPassword
from tasks.okta.revoke_sessions import RevokeSessions, SessionState
from tasks.okta.suspend_user import SuspendUser, UserState

ADA = OktaUser(user_id="00u1", login="ada@acme.example")
SHUT = datetime(2023, 10, 18, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "proves"), [(-1, False), (0, True), (1, True)])
def test_a_clearing_proves_nothing_of_what_was_minted_after_it(seconds: int, proves: bool) -> None:  # noqa: FBT001 - a table's column
    """Okta's log may be read in the order of arrival: an entry that comes in late can tell of an earlier moment than was asked for."""
    seen = SessionState(since=SHUT, cleared=SHUT + timedelta(seconds=seconds))
    plan = RevokeSessions(cast("Any", None)).plan(ADA, seen)
    assert bool(plan.reason) is proves


def test_a_factor_without_a_date_counts_as_suspect() -> None:
    factor = Factor(id="ufs1", type="signed_nonce", provider="", status="ACTIVE", created=None)
    old = Factor(id="opf1", type="push", provider="OKTA", status="ACTIVE", created=SHUT - timedelta(days=1))
    plan = ResetFactors(cast("Any", None)).plan(replace(ADA, since=SHUT), FactorsState(status="SUSPENDED", factors=(factor, old)))
    (change,) = plan.changes
    assert "signed_nonce factor enrolled at a time that Okta does not tell" in change.says
    assert plan.also_hit == ("the push factor enrolled 2023-10-17 16:00:00 UTC of ada@acme.example: Okta Verify goes as a whole",)


@pytest.mark.parametrize(
    ("since", "bound", "changed", "enough"),
    [
        (None, None, SHUT, True),
        (SHUT, None, SHUT - timedelta(seconds=1), True),
        (SHUT, None, SHUT, False),
        (SHUT, None, None, False),
        (SHUT, SHUT + timedelta(hours=1), SHUT + timedelta(minutes=59), False),
        (SHUT, SHUT + timedelta(hours=1), SHUT + timedelta(hours=1), True),
    ],
)
def test_a_recovery_counts_where_this_run_or_an_earlier_time_vouches_for_it(
    since: datetime | None,
    bound: datetime | None,
    changed: datetime | None,
    enough: bool,  # noqa: FBT001 - a table's column
) -> None:
    target = replace(ADA, since=since, cleared_before=bound)
    plan = ResetPassword(cast("Any", None)).plan(target, PasswordState(status="RECOVERY", changed=changed))
    assert bool(plan.reason) is enough


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        ("SUSPENDED", "changes", "unsuspend ada"),
        ("ACTIVE", "reason", "no longer suspended"),
        ("DEPROVISIONED", "impossible", "not as this run left them, but DEPROVISIONED"),
        ("LOCKED_OUT", "impossible", "not as this run left them, but LOCKED_OUT"),
        ("GONE", "impossible", "no longer in Okta"),
    ],
)
def test_a_suspension_is_taken_back_only_where_it_still_stands(status: str, kind: str, words: str) -> None:
    ours = [Receipt(change="suspend", at=SHUT, facts={"status": "ACTIVE"})]
    plan = SuspendUser(cast("Any", None)).plan_undo(ADA, ours, UserState(status=status, changed=SHUT))
    assert words in (plan.changes[0].says if kind == "changes" else getattr(plan, kind))


@pytest.mark.parametrize(
    ("told", "changed", "ours"),
    [
        ("2023-10-18T16:00:01+00:00", SHUT + timedelta(seconds=1), True),
        ("2023-10-18T16:00:01+00:00", SHUT + timedelta(seconds=2), False),
        (None, SHUT + timedelta(seconds=90), True),
        (None, SHUT + timedelta(hours=1), False),
        ("2023-10-18T16:00:01+00:00", None, False),
    ],
)
def test_a_suspension_that_somebody_else_made_since_is_not_taken_back(
    told: str | None,
    changed: datetime | None,
    ours: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Lifted and suspended again, by human resources or for another incident: theirs to lift. A lost reply tells no exact time."""
    facts = {"status": "ACTIVE"} | ({"changed": told} if told else {})
    receipts = [Receipt(change="suspend", at=SHUT, facts=facts)]
    plan = SuspendUser(cast("Any", None)).plan_undo(ADA, receipts, UserState(status="SUSPENDED", changed=changed))
    assert bool(plan.changes) is ours
    assert ("was suspended anew" in plan.impossible) is not ours


def test_what_a_suspension_does_not_end_is_told() -> None:
    action = SuspendUser(cast("Any", None))
    tokens, elsewhere = action.residuals(ADA, UserState(status="SUSPENDED"))
    assert "API tokens of Okta that ada@acme.example made" in tokens.what
    assert "without Okta" in elsewhere.what
    assert action.residuals(ADA, UserState(status="GONE")) == ()


def test_a_number_changed_on_an_older_factor_is_told_where_older_ones_stay() -> None:
    action, now = ResetFactors(cast("Any", None)), FactorsState(status="SUSPENDED")
    told = [each.what for each in action.residuals(replace(ADA, since=SHUT), now)]
    assert any("telephone number changed on a factor" in what and "enrolled before 2023-10-18 16:00:00 UTC" in what for what in told)
    assert not any("telephone" in each.what for each in action.residuals(ADA, now))


def test_unlocked_and_not_suspended_is_no_end_to_be_content_with() -> None:
    unlocked = [Receipt(change="unlock", at=SHUT, facts={"status": "LOCKED_OUT"})]
    plan = SuspendUser(cast("Any", None)).plan_undo(ADA, unlocked, UserState(status="ACTIVE"))
    assert "Okta has no way to lock a user" in plan.impossible


def test_the_suspension_of_a_locked_user_is_the_same_change_as_that_of_an_active_one() -> None:
    action = SuspendUser(cast("Any", None))
    locked, active = (action.plan(ADA, UserState(status=status)) for status in ("LOCKED_OUT", "ACTIVE"))
    assert [change.key for change in locked.changes] == ["unlock", "suspend"]
    assert locked.changes[-1].effect("okta.suspend_user") == active.changes[0].effect("okta.suspend_user")
    assert locked.covers == active.covers
