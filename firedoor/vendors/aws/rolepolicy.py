"""The IAM policies of Firedoor's own roles, written from the actions needed: a statement a service, narrowed where that is certain.

Only what an operator prepared has a name by daylight: IP sets, policies of the organization, roles to take on. Whom an incident concerns
nobody knows before, so users, roles and secrets are not narrowed. Sources: the Service Authorization Reference (resource types and
condition keys of each action), and IAM's "IAM and AWS STS quotas".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from firedoor.canonical import JSON, canonical
from firedoor.errors import BadInput
from firedoor.vendors.aws.denials import DENY_ALL
from firedoor.vendors.aws.operations import ASSUME_ROLE, ATTACH, DETACH, KEY_INFO, TAG
from firedoor.vendors.aws.prepared import AwsPrepared
from firedoor.vendors.aws.renewal import OFF

MOST_CHARACTERS: Final = 6144  # of a managed policy, white space not counted
_ANY: Final = "*"
_OF_A_POLICY: Final = frozenset({"organizations:DescribePolicy", "organizations:ListTargetsForPolicy", "organizations:UpdatePolicy"})
_OF_AN_IP_SET: Final = frozenset({"wafv2:GetIPSet", "wafv2:UpdateIPSet"})

Policy: TypeAlias = dict[str, JSON]
Condition: TypeAlias = Mapping[str, Mapping[str, str]]


def role_policy(actions: Iterable[str], prepared: AwsPrepared) -> Policy:
    """The policy of whoever works in an account: exactly these actions. Raises `BadInput` where AWS would not take it."""
    return _policy({action: _narrowed(action, prepared) for action in actions})


def base_policy(roles: Sequence[str]) -> Policy:
    """The policy of the identity that takes these roles on, by ARN, and does nothing else. Raises `BadInput` where there are none."""
    if not roles:
        raise BadInput(
            "no role is set that could be taken on, so the base credentials do all the work themselves",
            advice="Name roles in [aws_accounts], [aws_preview_accounts] and [aws_sweep_accounts], or leave out --base",
        )
    return _policy({ASSUME_ROLE: (tuple(roles), {}), KEY_INFO: ((_ANY,), {})})


def _narrowed(action: str, prepared: AwsPrepared) -> tuple[tuple[str, ...], Condition]:
    """The resources that an action is allowed on, and the condition under which."""
    found: tuple[str, ...] = ()
    if action in {ATTACH, DETACH}:
        return (_ANY,), {"ArnEquals": {"iam:PolicyARN": DENY_ALL}}
    if action == TAG:
        return (_ANY,), {"ForAllValues:StringEquals": {"aws:TagKeys": OFF}}
    if action in _OF_A_POLICY:
        place = f"arn:*:organizations::{prepared.management_account or _ANY}:policy/o-*/service_control_policy"
        found = tuple(f"{place}/{one}" for one in sorted({prepared.deny_policy, prepared.sso_policy} - {""}))
    if action in _OF_AN_IP_SET:
        found = tuple(sorted(one.arn(_ANY) for one in prepared.ip_sets))
    return found or (_ANY,), {}


def _policy(wanted: Mapping[str, tuple[tuple[str, ...], Condition]]) -> Policy:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for action in sorted(wanted):
        service = action.partition(":")[0]
        alike[canonical([service, *wanted[action]])].append(action)
    counted: defaultdict[str, int] = defaultdict(int)
    statements: list[JSON] = []
    for actions in alike.values():
        service = actions[0].partition(":")[0]
        counted[service] += 1
        resources, condition = wanted[actions[0]]
        statement: dict[str, JSON] = {
            "Sid": f"{service.capitalize()}{counted[service] if counted[service] > 1 else ''}",
            "Effect": "Allow",
            "Action": [*actions],
            "Resource": resources[0] if len(resources) == 1 else [*resources],
        }
        statements.append(statement | ({"Condition": {key: dict(value) for key, value in condition.items()}} if condition else {}))
    policy: Policy = {"Version": "2012-10-17", "Statement": statements}
    if (size := len(canonical(policy))) > MOST_CHARACTERS:
        raise BadInput(
            f"this policy has {size} characters, and AWS takes {MOST_CHARACTERS} in a managed one",
            advice="Give the role a managed policy for each statement, or keep fewer playbooks on the shelf",
        )
    return policy
