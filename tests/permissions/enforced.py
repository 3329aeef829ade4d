"""The generated policies in force: put on Firedoor's own roles in the simulated AWS, in the place of all that these may do otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firedoor.canonical import JSON, canonical
from firedoor.vendors.access import Access
from firedoor.vendors.aws.gate import Record
from firedoor.vendors.aws.rolepolicy import Policy, base_policy
from firedoor.vendors.aws.simulator import HOME, ROLES, AwsSimulator
from firedoor.vendors.aws.world import iam_of


def put_in_force(aws: AwsSimulator, policies: Mapping[Access, Policy]) -> None:
    """Firedoor's roles may do this and no more; who takes them on, take them on."""
    roles = sorted(role for access in policies for role in aws.roles(access).values())
    iam_of(HOME).put_user_policy("firedoor", "firedoor", canonical(base_policy(roles)))
    aws._standings.settle(HOME)
    for access, policy in policies.items():
        for account in aws.roles(access):
            iam_of(account).put_role_policy(ROLES[access], "firedoor", canonical(policy))
            aws._standings.settle(account)


def refused(aws: AwsSimulator) -> Sequence[Record]:
    """The requests that AWS refused for want of a permission, or that nobody could judge."""
    return [record for record in aws.requests if record.status in {403, 501} or "AccessDenied" in record.code]


def actions_of(policy: Mapping[str, JSON]) -> list[str]:
    """Every action that a policy allows, in its order."""
    statements = policy["Statement"]
    assert isinstance(statements, list)
    return [action for statement in statements for action in statement["Action"]]
