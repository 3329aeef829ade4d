"""When each phase of a renewal is due, by what AWS shows and nothing else; and what it says of the key that it made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor.errors import BadInput
from firedoor.inventory import Credential, Disposition, State
from firedoor.model import Receipt, Standing
from firedoor.vendors.aws.renewal import KEPT, MOVED, SOONEST, RenewalState, off_tag, read_off
from firedoor.vendors.aws.rotation import KeyRotation
from firedoor.vendors.aws.secrets import Secret, version_of
from firedoor.vendors.aws.values import AccessKey, KeyStatus
from tasks.aws.renew_access_key import RenewAccessKey
from tests.tasks.harness import bout, cases, room

ACCOUNT, OLD, NEW = "111122223333", "AKIAAAAABBBBCCCCDDDD", "AKIAEEEEFFFFGGGGHHHH"
ARN = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:ci/aws-AbCdEf"
T = datetime(2023, 11, 1, 12, tzinfo=UTC)
TARGET = KeyRotation(account=ACCOUNT, user="ci", key=OLD, secret=ARN)
ACTION = RenewAccessKey(cast("Any", None))


def seen(
    now: datetime, *, status: KeyStatus = KeyStatus.ACTIVE, used: dict[str, datetime] | None = None, off: datetime | None = None
) -> RenewalState:
    """The old key of a year ago, and the new one, made at T and current."""
    keys = (AccessKey(id=OLD, status=status, created=T - timedelta(days=365)), AccessKey(id=NEW, status=KeyStatus.ACTIVE, created=T))
    uses: dict[str, datetime | None] = {OLD: None, NEW: None, **(used or {})}
    secret = Secret(versions={version_of(NEW): ("AWSCURRENT",)})
    return RenewalState(keys=keys, secret=secret, used=uses, now=now, off=OLD if off else "", off_since=off)


@pytest.mark.parametrize(
    ("used", "due"),
    [
        ({}, MOVED),
        ({NEW: T + timedelta(hours=1)}, SOONEST),
        ({NEW: T + timedelta(hours=1), OLD: T - timedelta(hours=1)}, SOONEST),
        ({NEW: T + timedelta(hours=1), OLD: T + timedelta(minutes=1)}, MOVED),
        ({OLD: T - timedelta(hours=1)}, MOVED),
    ],
)
def test_the_old_key_is_taken_off_once_its_users_have_moved_or_had_their_time(used: dict[str, datetime], due: timedelta) -> None:
    early = ACTION.plan(TARGET, seen(T + due - timedelta(seconds=1), used=used))
    assert (early.until, early.changes) == (T + due, ())
    assert [change.key for change in ACTION.plan(TARGET, seen(T + due, used=used)).changes] == ["deactivate", "note"]


def test_it_is_deleted_once_it_was_off_for_long_enough_by_the_tag() -> None:
    off = T + MOVED
    early = ACTION.plan(TARGET, seen(off + KEPT - timedelta(seconds=1), status=KeyStatus.INACTIVE, off=off))
    assert early.until == off + KEPT
    (change,) = ACTION.plan(TARGET, seen(off + KEPT, status=KeyStatus.INACTIVE, off=off)).changes
    assert change.key == "delete"
    (change,) = ACTION.plan(TARGET, seen(off + KEPT, status=KeyStatus.INACTIVE)).changes
    assert change.key == "note", "where nobody noted when it was taken off, the time begins now"
    later = seen(off + KEPT, status=KeyStatus.INACTIVE, off=off, used={OLD: off + timedelta(days=3)})
    assert [change.key for change in ACTION.plan(TARGET, later).changes] == ["note"], "it was on again meanwhile"


def test_a_phase_whose_time_has_not_come_does_not_undo_the_one_before() -> None:
    assert ACTION.judge(TARGET, seen(T)).standing is Standing.HOLDS
    assert ACTION.judge(TARGET, seen(T + MOVED)).standing is Standing.NOT_YET
    assert ACTION.judge(TARGET, replace(seen(T), secret=None)).standing is Standing.UNKNOWN


def test_the_new_key_is_not_renewed_in_its_turn_while_the_old_one_goes() -> None:
    new = replace(TARGET, key=NEW)
    assert "is itself the new one" in ACTION.plan(new, seen(T + timedelta(days=59))).reason
    assert "two keys" in ACTION.plan(new, seen(T + timedelta(days=60))).impossible, "the old one should be gone by then"
    stray = AccessKey(id=OLD, status=KeyStatus.ACTIVE, created=T + timedelta(days=1))
    crowded = replace(seen(T + timedelta(days=2)), keys=(stray, seen(T).keys[1]))
    assert "two keys" in ACTION.plan(new, crowded).impossible, "a younger key is not one that it replaces"


def test_a_tag_says_since_when_or_nothing() -> None:
    assert read_off(off_tag(OLD, T)) == (OLD, T)
    for text in ("", OLD, f"{OLD} soon", f"{OLD} 2023-11-01"):
        assert read_off(text) == ("", None)


def test_a_sweep_renews_a_key_whose_user_names_its_secret() -> None:
    listed = Credential(
        system="aws",
        kind="access_key",
        place=ACCOUNT,
        holder="ci",
        id=OLD,
        names=(),
        state=State.ACTIVE,
        tags={"firedoor:secret": ARN},
        facts={"path": "/team/"},
    )
    assert ACTION.target_of(listed) == replace(TARGET, path="/team/")
    assert ACTION.seen(listed) is None, "a listing shows neither the secret nor the other key"
    assert (RenewAccessKey.treats, RenewAccessKey.ends_as) == (listed.type, Disposition.ROTATED)
    with pytest.raises(BadInput, match="no tag firedoor:secret"):
        ACTION.target_of(replace(listed, tags={}))


def test_the_way_back_is_open_until_the_key_is_deleted() -> None:
    off, gone = Receipt(change="deactivate", at=T, facts={"status": "Active"}), Receipt(change="delete", at=T)
    only_new = replace(seen(T), keys=seen(T).keys[1:])
    assert [each.key for each in ACTION.plan_undo(TARGET, [off], seen(T, status=KeyStatus.INACTIVE)).changes] == ["activate"]
    assert "is active already" in ACTION.plan_undo(TARGET, [off], seen(T)).reason
    assert "was deleted since" in ACTION.plan_undo(TARGET, [off], only_new).impossible
    assert "was deleted, which nothing brings back" in ACTION.plan_undo(TARGET, [gone], only_new).impossible
    assert ACTION.residuals(TARGET, only_new) == ()
    assert "still works" in ACTION.residuals(TARGET, seen(T))[0].what


async def test_the_receipt_names_the_key_that_was_made(tmp_path: Path) -> None:
    """So that a sweep does not take it for one that came meanwhile."""
    case = next(case for case in cases() if (case.action, case.name) == ("aws.renew_access_key", "bringing_in"))
    async with room(case.action, case.data["world"], lag={}, settle=0.3) as at:
        plan = at.action.plan(TARGET, await at.action.read(TARGET))
        went = await bout(at.action, TARGET, plan, tmp_path)
        keys = at.at.state()[ACCOUNT]["users"]["ci"]["keys"]
    (made,) = keys.keys() - {OLD}
    assert [done.receipt.facts.get("made") for done in went.done] == [f"aws:access_key:{ACCOUNT}/{made}", None]
