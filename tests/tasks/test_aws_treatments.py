"""AWS's treatments as a sweep uses them: a target and a reading from the listing alone, and what an undo finds later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from firedoor.errors import BadInput
from firedoor.inventory import Credential, State
from firedoor.model import Receipt
from firedoor.vendors.aws.keys import AwsKey, KeyState
from firedoor.vendors.aws.logins import UserCredential
from firedoor.vendors.aws.values import IamUser, KeyStatus
from tasks.aws.deactivate_access_key import DeactivateAccessKey
from tasks.aws.deactivate_service_credential import DeactivateServiceCredential
from tasks.aws.delete_login_profile import DeleteLoginProfile, LoginState

ACCOUNT, KEY = "111122223333", "AKIAAAAABBBBCCCCDDDD"
MOMENT = datetime(2023, 11, 23, 16, 0, tzinfo=UTC)
NOBODY: Any = cast("Any", None)
TARGET = AwsKey(account=ACCOUNT, user="ci", key=KEY, path="/team/")
LISTED = Credential(
    system="aws",
    kind="access_key",
    place=ACCOUNT,
    holder="ci",
    id=KEY,
    names=TARGET.names,
    state=State.ACTIVE,
    facts={"path": "/team/"},
)


@pytest.mark.parametrize(
    ("state", "status", "changes"),
    [(State.ACTIVE, KeyStatus.ACTIVE, 1), (State.INACTIVE, KeyStatus.INACTIVE, 0), (State.EXPIRED, KeyStatus.EXPIRED, 0)],
)
def test_a_key_as_listed_can_be_planned_for_without_another_reading(state: State, status: KeyStatus, changes: int) -> None:
    action = DeactivateAccessKey(NOBODY)
    listed = replace(LISTED, state=state)
    seen = action.seen(listed)
    assert action.target_of(listed) == TARGET
    assert seen == KeyState(status=status)
    assert len(action.plan(TARGET, seen).changes) == changes


def test_what_a_listing_does_not_show_is_asked_or_refused() -> None:
    action = DeactivateAccessKey(NOBODY)
    assert action.seen(replace(LISTED, state=State.UNKNOWN)) is None
    with pytest.raises(BadInput, match="the path of its user is missing"):
        action.target_of(replace(LISTED, facts={}))
    with pytest.raises(BadInput, match="temporary session"):
        action.target_of(replace(LISTED, id="ASIAAAAABBBBCCCCDDDD"))


OURS = Receipt(change=f"deactivate:{KEY}", at=MOMENT, facts={"key": KEY, "status": "Active"})


@pytest.mark.parametrize(
    ("receipts", "now", "words", "impossible"),
    [
        ([OURS], KeyState(status=KeyStatus.ACTIVE), "is active again already", False),
        ([OURS], KeyState(), "was deleted or has expired since", True),
        ([OURS], KeyState(gone=True), "was deleted or has expired since", True),
        ([OURS], KeyState(status=KeyStatus.EXPIRED), "was deleted or has expired since", True),
        ([], KeyState(status=KeyStatus.INACTIVE), "was not deactivated by this run", False),
    ],
)
def test_an_undo_activates_only_what_this_run_deactivated(
    receipts: list[Receipt],
    now: KeyState,
    words: str,
    impossible: bool,  # noqa: FBT001 - a table's column
) -> None:
    plan = DeactivateAccessKey(NOBODY).plan_undo(TARGET, receipts, now)
    assert words in plan.reason + plan.impossible
    assert bool(plan.impossible) is impossible
    assert not plan.changes


def test_a_password_as_listed_is_deleted_and_a_credential_for_a_service_deactivated() -> None:
    password = replace(LISTED, kind="login_profile", id="ci")
    delete = DeleteLoginProfile(NOBODY)
    assert delete.target_of(password) == IamUser(account=ACCOUNT, name="ci", path="/team/")
    assert delete.seen(password) == LoginState(password=True)
    assert delete.seen(replace(password, state=State.UNKNOWN)) is None
    service = replace(LISTED, kind="service_credential", id="ACCAAAAABBBBCCCCDDDD")
    deactivate = DeactivateServiceCredential(NOBODY)
    target = deactivate.target_of(service)
    assert target == UserCredential(account=ACCOUNT, user="ci", credential="ACCAAAAABBBBCCCCDDDD", path="/team/")
    assert deactivate.seen(service) == KeyState(status=KeyStatus.ACTIVE)
    for treatment in (delete, deactivate):
        with pytest.raises(BadInput, match="the path of its user is missing"):
            treatment.target_of(replace(LISTED, id="ACCAAAAABBBBCCCCDDDD", facts={}))
    with pytest.raises(BadInput, match="not the id of a service specific credential"):
        deactivate.target_of(replace(service, id="p4ssw0rd!"))


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (KeyState(status=KeyStatus.ACTIVE), "is active again already"),
        (KeyState(), "was deleted or has expired since"),
        (KeyState(status=KeyStatus.EXPIRED), "was deleted or has expired since"),
    ],
)
def test_a_credential_for_a_service_comes_back_only_from_where_this_run_left_it(now: KeyState, words: str) -> None:
    target = UserCredential(account=ACCOUNT, user="ci", credential="ACCAAAAABBBBCCCCDDDD")
    ours = Receipt(change="deactivate", at=MOMENT, facts={"status": "Active"})
    plan = DeactivateServiceCredential(NOBODY).plan_undo(target, [ours], now)
    assert words in plan.reason + plan.impossible
    assert not plan.changes


def test_nothing_is_left_of_a_key_whose_user_is_gone() -> None:
    action = DeactivateAccessKey(NOBODY)
    assert action.residuals(TARGET, KeyState(gone=True)) == ()
    assert KEY in action.residuals(TARGET, KeyState(status=KeyStatus.INACTIVE))[0].what
