"""The generated policies, held against what AWS says of each action in its Service Authorization Reference (as `policy_sentry` has it)."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from policy_sentry.querying.actions import get_action_data

from firedoor import permissions
from firedoor.permissions import Purpose
from firedoor.settings import Settings
from firedoor.vendors.aws import rolepolicy
from firedoor.vendors.aws.operations import ASSUME_ROLE, OPERATIONS
from tests.permissions.shelves import ON
from tests.permissions.test_needs import PREPARED

pytestmark = pytest.mark.identities

READS: Final = {"Read", "List"}
ROLES: Final = ["arn:aws:iam::111122223333:role/FiredoorContain", "arn:*:iam::*:role/Firedoor"]
PURPOSES = pytest.mark.parametrize("purpose", Purpose)


def known(action: str) -> list[dict[str, Any]]:
    """What AWS says of an action, a row a type of resource; fails where it knows none of that name, letter by letter."""
    service, _, name = action.partition(":")
    found: Any = get_action_data(service, name)
    assert found, f"AWS knows no {action}"
    rows = [row for row in found[service] if row["action"] == action]
    assert rows, f"AWS writes {action} in another way"
    return rows


def level(action: str) -> str:
    (only,) = {str(row["access_level"]) for row in known(action)}
    return only


@PURPOSES
def test_every_action_is_one_of_awss_and_a_preview_has_only_reads(purpose: Purpose) -> None:
    levels = {action: level(action) for action in permissions.needed("aws", purpose, ON)}
    writes = {action: found for action, found in levels.items() if found not in READS}
    assert bool(writes) is (purpose is not Purpose.PREVIEW), writes


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.permission], ids=lambda one: one.name)
def test_what_the_table_calls_a_write_is_one_to_aws(operation: Any) -> None:
    """AWS counts taking on a role among the writes: it changes nothing, and the guard admits only the roles that are configured."""
    assert operation.writes is (level(operation.permission) not in READS) or operation.name == ASSUME_ROLE


@pytest.mark.parametrize("settings", [{}, PREPARED], ids=["bare", "prepared"])
@PURPOSES
def test_every_condition_and_resource_is_one_that_aws_weighs(purpose: Purpose, settings: dict[str, Any]) -> None:
    assert _weighed(permissions.aws_policy(purpose, ON, Settings(**settings))) or not settings or purpose is Purpose.SWEEP


def test_so_is_that_of_the_roles_to_take_on() -> None:
    assert _weighed(rolepolicy.base_policy(ROLES)) == len(ROLES)


def _weighed(policy: Any) -> int:
    """How many resources a policy names; each is of a type that AWS knows for each of the actions there, and so is each condition key."""
    narrowed = 0
    for statement in policy["Statement"]:
        keys = {key for about in statement.get("Condition", {}).values() for key in about}
        given = statement["Resource"]
        resources = [] if given == "*" else [given] if isinstance(given, str) else given
        narrowed += len(resources)
        for action in statement["Action"]:
            rows = known(action)
            assert keys <= {key for row in rows for key in row["condition_keys"]}, (action, keys)
            assert all(any(_is_one(resource, row["resource_arn_format"]) for row in rows) for resource in resources), action
    return narrowed


def _is_one(resource: str, form: str) -> bool:
    """Whether a resource is written as AWS writes that type: ``arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}``."""
    return form != "*" and re.fullmatch(re.sub(r"\\\$\\\{[^}]*\}", "[^:]+", re.escape(form)), resource) is not None
