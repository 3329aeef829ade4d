"""Every AWS operation that Firedoor calls. What is not here is not sent; the roles' IAM policies are generated from it."""

from __future__ import annotations

from typing import Final

from firedoor.canonical import JSON, canonical
from firedoor.vendors.access import Access, Operation, OwnReads

ASSUME_ROLE: Final = "sts:AssumeRole"
SIMULATE: Final = "iam:SimulatePrincipalPolicy"
ATTACH: Final = "iam:AttachUserPolicy"
DETACH: Final = "iam:DetachUserPolicy"
TAG: Final = "iam:TagUser"
LIST_ACCOUNTS: Final = "organizations:ListAccounts"
# Of any key in the world, so it is asked with the base credentials.
KEY_INFO: Final = "sts:GetAccessKeyInfo"
KEY_LAST_USED: Final = "iam:GetAccessKeyLastUsed"
_REFUSALS: Final = ("404 NoSuchEntity", "409 LimitExceeded")
_OF_ROLES: Final = (*_REFUSALS, "400 UnmodifiableEntity")
_OF_WAF: Final = (
    "400 WAFDuplicateItemException",
    "400 WAFInvalidOperationException",
    "400 WAFInvalidParameterException",
    "400 WAFLimitsExceededException",
    "400 WAFNonexistentItemException",
    "400 WAFOptimisticLockException",
)
_OF_SECRETS: Final = (
    "400 InvalidParameterException",
    "400 InvalidRequestException",
    "400 LimitExceededException",
    "400 ResourceNotFoundException",
)
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


def _write(name: str, *refusals: str, idempotent: bool = True) -> Operation:
    return Operation(name=name, permission=name, writes=True, refusals=refusals, idempotent=idempotent)


OPERATIONS: Final[tuple[Operation, ...]] = (
    # AWS answers this one for any valid credentials, and no policy can deny it.
    Operation(name="sts:GetCallerIdentity", permission="", writes=False),
    _read(KEY_INFO),
    # Changes nothing in AWS but hands out credentials: the guard admits only the client's own request for a configured role.
    _read(ASSUME_ROLE),
    # Has AWS write down what it knows anyway; AWS itself counts it among the reads.
    _read("iam:GenerateCredentialReport"),
    _read(KEY_LAST_USED),
    _read("iam:GetCredentialReport"),
    _read("iam:GetLoginProfile"),
    _read("iam:GetRole"),
    _read("iam:GetRolePolicy"),
    _read("iam:GetUser"),
    _read("iam:GetUserPolicy"),
    _read("iam:ListAccessKeys"),
    _read("iam:ListAttachedUserPolicies"),
    _read("iam:ListRolePolicies"),
    _read("iam:ListServiceSpecificCredentials"),
    _read("iam:ListUserPolicies"),
    _read("iam:ListUserTags"),
    _read("iam:ListUsers"),
    # Asks AWS what a user or role may do; nothing of it is done.
    _read(SIMULATE),
    _write("iam:UpdateAccessKey", *_REFUSALS),
    _write("iam:PutUserPolicy", *_REFUSALS),
    # Repeated after a lost reply it answers NoSuchEntity, which the action takes for what it is: already gone.
    _write("iam:DeleteUserPolicy", *_REFUSALS),
    # Of AWS's own deny alone: the guard refuses every other policy.
    _write(ATTACH, *_REFUSALS, "400 InvalidInput", "400 PolicyNotAttachable"),
    _write(DETACH, *_REFUSALS, "400 InvalidInput"),
    _write("iam:PutRolePolicy", *_OF_ROLES),
    _write("iam:DeleteRolePolicy", *_OF_ROLES),
    # Each call makes another key, with a secret that only its reply holds.
    _write("iam:CreateAccessKey", *_REFUSALS, idempotent=False),
    _write("iam:DeleteAccessKey", *_REFUSALS),
    _write(TAG, *_REFUSALS, "400 InvalidInput", "409 ConcurrentModification"),
    _write("iam:DeleteLoginProfile", *_REFUSALS, "409 EntityTemporarilyUnmodifiable"),
    _write("iam:UpdateServiceSpecificCredential", "404 NoSuchEntity"),
    _read("wafv2:GetIPSet"),
    # A repetition after a lost reply comes with a lock token that is spent: AWS refuses it, and the set is read again.
    _write("wafv2:UpdateIPSet", *_OF_WAF),
    _read("secretsmanager:DescribeSecret"),
    _read("secretsmanager:GetResourcePolicy"),
    _read("secretsmanager:ListSecretVersionIds"),
    _read("secretsmanager:ListSecrets"),
    # The same request token with the same value does nothing the second time.
    _write(
        "secretsmanager:PutSecretValue",
        *_OF_SECRETS,
        "400 DecryptionFailure",
        "400 EncryptionFailure",
        "400 ResourceExistsException",
    ),
    _write("secretsmanager:UpdateSecretVersionStage", *_OF_SECRETS),
    # While a rotation is under way AWS refuses another one, the same again too: what became of it is read.
    _write(
        "secretsmanager:RotateSecret",
        "400 InvalidParameterException",
        "400 InvalidRequestException",
        "400 ResourceNotFoundException",
        idempotent=False,
    ),
    _read("identitystore:GetUserId"),
    _read("organizations:DescribeAccount"),
    _read("organizations:DescribePolicy"),
    _read(LIST_ACCOUNTS),
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

# Every account of the organization may be worked in, and the doctor asks what each identity may do. Whose a key is that a file or a log
# names, AWS is asked in its account.
OWN_READS: Final = OwnReads(
    always=frozenset({LIST_ACCOUNTS, SIMULATE}),
    hunts=frozenset({KEY_INFO, KEY_LAST_USED}),
    sweeps=frozenset({KEY_INFO, KEY_LAST_USED}),
)


def permissions(access: Access) -> tuple[str, ...]:
    """What a role needs for a client of this access, sorted. Taking on roles is the base credentials' own permission."""
    wanted = {each.permission for each in OPERATIONS if access is Access.WRITE or not each.writes}
    return tuple(sorted(wanted - {"", ASSUME_ROLE}))


def session_policy(access: Access) -> str:
    """The inline session policy handed to every AssumeRole: whatever the role may do, this session may do no more than this."""
    statement: dict[str, JSON] = {"Effect": "Allow", "Action": list(permissions(access)), "Resource": "*"}
    return canonical({"Version": "2012-10-17", "Statement": [statement]})
