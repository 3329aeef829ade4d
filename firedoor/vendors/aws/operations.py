"""Every AWS operation that Firedoor calls. What is not here is not sent; the roles' IAM policies are generated from it."""

from __future__ import annotations

from typing import Final

from firedoor.canonical import JSON, canonical
from firedoor.vendors.access import Access, Operation

ASSUME_ROLE: Final = "sts:AssumeRole"
_REFUSALS: Final = ("404 NoSuchEntity", "409 LimitExceeded")
_POLICY_REFUSALS: Final = (
    "400 AWSOrganizationsNotInUseException",
    "400 ConcurrentModificationException",
    "400 ConstraintViolationException",
    "400 InvalidInputException",
    "400 MalformedPolicyDocumentException",
    "400 PolicyChangesInProgressException",
    "400 PolicyNotFoundException",
    "400 ServiceException",
    "400 TooManyRequestsException",
    "400 UnsupportedAPIEndpointException",
)


def _read(name: str) -> Operation:
    return Operation(name=name, permission=name, writes=False)


def _write(name: str, *refusals: str) -> Operation:
    return Operation(name=name, permission=name, writes=True, refusals=refusals)


OPERATIONS: Final[tuple[Operation, ...]] = (
    # AWS answers this one for any valid credentials, and no policy can deny it.
    Operation(name="sts:GetCallerIdentity", permission="", writes=False),
    _read("sts:GetAccessKeyInfo"),
    # Changes nothing in AWS but hands out credentials: the guard admits only the client's own request for a configured role.
    _read(ASSUME_ROLE),
    _read("iam:GetAccessKeyLastUsed"),
    _read("iam:GetRole"),
    _read("iam:GetUser"),
    _read("iam:GetUserPolicy"),
    _read("iam:ListAccessKeys"),
    _read("iam:ListUserPolicies"),
    _read("iam:ListUserTags"),
    _read("iam:ListUsers"),
    _write("iam:UpdateAccessKey", *_REFUSALS),
    _write("iam:PutUserPolicy", *_REFUSALS),
    # Repeated after a lost reply it answers NoSuchEntity, which the action takes for what it is: already gone.
    _write("iam:DeleteUserPolicy", *_REFUSALS),
    _read("identitystore:GetUserId"),
    _read("organizations:DescribeAccount"),
    _read("organizations:DescribePolicy"),
    _read("organizations:ListTargetsForPolicy"),
    # The whole document is sent and AWS compares no version: sent again by itself, it could take back what somebody wrote meanwhile.
    Operation(
        name="organizations:UpdatePolicy",
        permission="organizations:UpdatePolicy",
        writes=True,
        idempotent=False,
        refusals=_POLICY_REFUSALS,
    ),
    # The SDK calls the service sso-admin; permissions and signatures say sso.
    Operation(name="sso-admin:ListInstances", permission="sso:ListInstances", writes=False),
)


def permissions(access: Access) -> tuple[str, ...]:
    """What a role needs for a client of this access, sorted. Taking on roles is the base credentials' own permission."""
    wanted = {each.permission for each in OPERATIONS if access is Access.WRITE or not each.writes}
    return tuple(sorted(wanted - {"", ASSUME_ROLE}))


def session_policy(access: Access) -> str:
    """The inline session policy handed to every AssumeRole: whatever the role may do, this session may do no more than this."""
    statement: dict[str, JSON] = {"Effect": "Allow", "Action": list(permissions(access)), "Resource": "*"}
    return canonical({"Version": "2012-10-17", "Statement": [statement]})
