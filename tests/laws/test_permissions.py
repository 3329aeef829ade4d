"""Whatever a case really asked of its vendor is in what `firedoor permissions` prints for the identity that does it."""

from __future__ import annotations

from typing import Final

import pytest

from firedoor.permissions import Purpose, needed, slack_scopes
from firedoor.vendors.aws import operations as aws_operations
from firedoor.vendors.aws.operations import ASSUME_ROLE
from firedoor.vendors.okta import operations as okta_operations
from tests.permissions.shelves import ON, needed_for
from tests.tasks.harness import CATALOGUE, cases, ended

ACTIONS: Final = [name for name in sorted(CATALOGUE.actions) if name.partition(".")[0] in {"aws", "okta"}]
READS: Final = {one.permission for one in (*aws_operations.OPERATIONS, *okta_operations.OPERATIONS) if not one.writes}


@pytest.mark.parametrize("name", ACTIONS)
def test_all_that_is_asked_is_granted(name: str) -> None:
    used = frozenset[str]().union(*(ended(case).used for case in cases() if case.action == name)) - {ASSUME_ROLE}
    assert used
    assert used <= needed_for(name).keys()
    assert used & READS <= needed(name.partition(".")[0], Purpose.PREVIEW, ON).keys(), "and what it looks at, a preview may look at"


@pytest.mark.parametrize("name", ["slack.notify"])
def test_all_that_is_asked_of_slack_is_granted(name: str) -> None:
    used = frozenset[str]().union(*(ended(case).used for case in cases() if case.action == name))
    public = {scope for scope in used if scope.startswith("channels:")}  # a public channel stands in for a private one
    assert used - public <= slack_scopes()
    assert {scope.replace("channels:", "groups:") for scope in public} <= slack_scopes()
