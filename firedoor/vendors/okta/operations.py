"""The one table of Okta calls that Firedoor makes. The guard admits nothing else, and it is the record of the scopes that are needed.

Names, paths and scopes are those of Okta's Management API specification (operationId, path, security).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from firedoor.vendors.access import Operation, OwnReads

_PARAMETER: Final = re.compile(r"\{\w+\}")
_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_BENDS_A_PATH: Final = re.compile(r"[/\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOperation(Operation):
    """One HTTP call. ``path`` is the vendor's template, with a ``{name}`` for each parameter. ``takes_body``: it carries a JSON object.

    ``never`` are words that make another call of it where a parameter stands.
    """

    method: str
    path: str
    takes_body: bool = False
    never: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The part of the API that it belongs to, which is what Okta counts requests by: ``users``, ``apps``, ``logs``."""
        return self.path.split("/")[3]

    @property
    def bucket(self) -> str:
        """The same with the vendor: ``okta:apps``."""
        return f"okta:{self.family}"

    def fill(self, *arguments: str) -> str:
        """The path with ``arguments`` in place of its parameters, in their order, percent-encoded."""
        values = iter(arguments)
        return _PARAMETER.sub(lambda _: quote(next(values), safe=""), self.path)

    def matches(self, method: str, path: str) -> bool:
        """Whether a raw (still encoded) path is this operation. A parameter that decodes to a slash or to dots is never one."""
        if method != self.method:
            return False
        wanted, given = self.path.split("/"), path.split("/")
        return len(wanted) == len(given) and all(
            _is_parameter(segment) and unquote(segment) not in self.never if _PARAMETER.fullmatch(template) else segment == template
            for template, segment in zip(wanted, given, strict=True)
        )


def _is_parameter(segment: str) -> bool:
    value = unquote(segment)
    return bool(_SEGMENT.fullmatch(segment)) and value not in {".", ".."} and not _BENDS_A_PATH.search(value)


GET_USER: Final = HttpOperation(name="getUser", method="GET", path="/api/v1/users/{id}", permission="okta.users.read", writes=False)
# A second suspend is refused with 400 although the world is as wanted, so after a lost reply the caller reads back.
SUSPEND_USER: Final = HttpOperation(
    name="suspendUser",
    method="POST",
    path="/api/v1/users/{id}/lifecycle/suspend",
    permission="okta.users.manage",
    writes=True,
    idempotent=False,
)
UNSUSPEND_USER: Final = HttpOperation(
    name="unsuspendUser",
    method="POST",
    path="/api/v1/users/{id}/lifecycle/unsuspend",
    permission="okta.users.manage",
    writes=True,
    idempotent=False,
)
REVOKE_USER_SESSIONS: Final = HttpOperation(
    name="revokeUserSessions", method="DELETE", path="/api/v1/users/{userId}/sessions", permission="okta.users.manage", writes=True
)
LIST_USER_CLIENTS: Final = HttpOperation(
    name="listUserClients", method="GET", path="/api/v1/users/{userId}/clients", permission="okta.users.read", writes=False
)
LIST_REFRESH_TOKENS: Final = HttpOperation(
    name="listRefreshTokensForUserAndClient",
    method="GET",
    path="/api/v1/users/{userId}/clients/{clientId}/tokens",
    permission="okta.users.read",
    writes=False,
)
# Unlocking who is not locked out is refused with 403, so after a lost reply the caller reads back.
UNLOCK_USER: Final = HttpOperation(
    name="unlockUser",
    method="POST",
    path="/api/v1/users/{id}/lifecycle/unlock",
    permission="okta.users.manage",
    writes=True,
    idempotent=False,
    refusals=("403 E0000032",),
)
# Each call makes another one-time link. That a wrong status is refused with E0000038 is recorded for reactivateUser, its nearest kin.
RESET_PASSWORD: Final = HttpOperation(
    name="resetPassword",
    method="POST",
    path="/api/v1/users/{id}/lifecycle/reset_password",
    permission="okta.users.manage",
    writes=True,
    idempotent=False,
    refusals=("403 E0000038",),
)
LIST_FACTORS: Final = HttpOperation(
    name="listFactors", method="GET", path="/api/v1/users/{userId}/factors", permission="okta.users.read", writes=False
)
RESET_FACTORS: Final = HttpOperation(
    name="resetFactors", method="POST", path="/api/v1/users/{id}/lifecycle/reset_factors", permission="okta.users.manage", writes=True
)
# A second one answers 404, which says that it is done.
UNENROLL_FACTOR: Final = HttpOperation(
    name="unenrollFactor",
    method="DELETE",
    path="/api/v1/users/{userId}/factors/{factorId}",
    permission="okta.users.manage",
    writes=True,
)
LIST_USER_GRANTS: Final = HttpOperation(
    name="listUserGrants", method="GET", path="/api/v1/users/{userId}/grants", permission="okta.users.read", writes=False
)
REVOKE_USER_GRANTS: Final = HttpOperation(
    name="revokeUserGrants", method="DELETE", path="/api/v1/users/{userId}/grants", permission="okta.users.manage", writes=True
)
REVOKE_CLIENT_TOKENS: Final = HttpOperation(
    name="revokeTokensForUserAndClient",
    method="DELETE",
    path="/api/v1/users/{userId}/clients/{clientId}/tokens",
    permission="okta.users.manage",
    writes=True,
)
GET_APPLICATION: Final = HttpOperation(
    name="getApplication", method="GET", path="/api/v1/apps/{appId}", permission="okta.apps.read", writes=False
)
# Repeated, the recorded service answers both with 200 again.
DEACTIVATE_APPLICATION: Final = HttpOperation(
    name="deactivateApplication",
    method="POST",
    path="/api/v1/apps/{appId}/lifecycle/deactivate",
    permission="okta.apps.manage",
    writes=True,
)
ACTIVATE_APPLICATION: Final = HttpOperation(
    name="activateApplication", method="POST", path="/api/v1/apps/{appId}/lifecycle/activate", permission="okta.apps.manage", writes=True
)
LIST_APP_TOKENS: Final = HttpOperation(
    name="listOAuth2TokensForApplication", method="GET", path="/api/v1/apps/{appId}/tokens", permission="okta.apps.read", writes=False
)
REVOKE_APP_TOKENS: Final = HttpOperation(
    name="revokeOAuth2TokensForApplication", method="DELETE", path="/api/v1/apps/{appId}/tokens", permission="okta.apps.manage", writes=True
)
LIST_ROLE_ASSIGNEES: Final = HttpOperation(
    name="listUsersWithRoleAssignments", method="GET", path="/api/v1/iam/assignees/users", permission="okta.roles.read", writes=False
)
LIST_LOG_EVENTS: Final = HttpOperation(name="listLogEvents", method="GET", path="/api/v1/logs", permission="okta.logs.read", writes=False)
LIST_ADMIN_ROLES: Final = HttpOperation(
    name="listAssignedRolesForUser", method="GET", path="/api/v1/users/{userId}/roles", permission="okta.roles.read", writes=False
)
GET_NETWORK_ZONE: Final = HttpOperation(
    name="getNetworkZone", method="GET", path="/api/v1/zones/{zoneId}", permission="okta.networkZones.read", writes=False
)
# It replaces the whole zone: sent again after a lost reply, it would undo what somebody else changed in between.
REPLACE_NETWORK_ZONE: Final = HttpOperation(
    name="replaceNetworkZone",
    method="PUT",
    path="/api/v1/zones/{zoneId}",
    permission="okta.networkZones.manage",
    writes=True,
    idempotent=False,
    takes_body=True,
    refusals=("400 E0000001",),
)
# No Link header, and no limit: the list is whole.
LIST_API_TOKENS: Final = HttpOperation(
    name="listApiTokens", method="GET", path="/api/v1/api-tokens", permission="okta.apiTokens.read", writes=False
)
GET_API_TOKEN: Final = HttpOperation(
    name="getApiToken", method="GET", path="/api/v1/api-tokens/{apiTokenId}", permission="okta.apiTokens.read", writes=False
)
# A second one answers 404, which says that it is done. With "current" in place of an id it would be our own token that is revoked.
REVOKE_API_TOKEN: Final = HttpOperation(
    name="revokeApiToken",
    method="DELETE",
    path="/api/v1/api-tokens/{apiTokenId}",
    permission="okta.apiTokens.manage",
    writes=True,
    never=("current",),
)
LIST_APPLICATIONS: Final = HttpOperation(
    name="listApplications", method="GET", path="/api/v1/apps", permission="okta.apps.read", writes=False
)
LIST_CLIENT_SECRETS: Final = HttpOperation(
    name="listOAuth2ClientSecrets", method="GET", path="/api/v1/apps/{appId}/credentials/secrets", permission="okta.apps.read", writes=False
)
# Each call makes another secret, and a third one is refused.
CREATE_CLIENT_SECRET: Final = HttpOperation(
    name="createOAuth2ClientSecret",
    method="POST",
    path="/api/v1/apps/{appId}/credentials/secrets",
    permission="okta.apps.manage",
    writes=True,
    idempotent=False,
    takes_body=True,
    refusals=("400 E0000001",),
)
# The only secret of a client is not deactivated. What a second call answers is not recorded, so after a lost reply the caller reads back.
DEACTIVATE_CLIENT_SECRET: Final = HttpOperation(
    name="deactivateOAuth2ClientSecret",
    method="POST",
    path="/api/v1/apps/{appId}/credentials/secrets/{secretId}/lifecycle/deactivate",
    permission="okta.apps.manage",
    writes=True,
    idempotent=False,
    refusals=("400 E0000001",),
)
ACTIVATE_CLIENT_SECRET: Final = HttpOperation(
    name="activateOAuth2ClientSecret",
    method="POST",
    path="/api/v1/apps/{appId}/credentials/secrets/{secretId}/lifecycle/activate",
    permission="okta.apps.manage",
    writes=True,
    idempotent=False,
)
# Only an inactive one; a second call answers 404, which says that it is done.
DELETE_CLIENT_SECRET: Final = HttpOperation(
    name="deleteOAuth2ClientSecret",
    method="DELETE",
    path="/api/v1/apps/{appId}/credentials/secrets/{secretId}",
    permission="okta.apps.manage",
    writes=True,
    refusals=("400 E0000001",),
)
LIST_CLIENT_KEYS: Final = HttpOperation(
    name="listJwk", method="GET", path="/api/v1/apps/{appId}/credentials/jwks", permission="okta.apps.read", writes=False
)
# Signing keys only. As with secrets, nobody recorded a second call.
DEACTIVATE_CLIENT_KEY: Final = HttpOperation(
    name="deactivateOAuth2ClientJsonWebKey",
    method="POST",
    path="/api/v1/apps/{appId}/credentials/jwks/{keyId}/lifecycle/deactivate",
    permission="okta.apps.manage",
    writes=True,
    idempotent=False,
    refusals=("400 E0000001",),
)
ACTIVATE_CLIENT_KEY: Final = HttpOperation(
    name="activateOAuth2ClientJsonWebKey",
    method="POST",
    path="/api/v1/apps/{appId}/credentials/jwks/{keyId}/lifecycle/activate",
    permission="okta.apps.manage",
    writes=True,
    idempotent=False,
)
LIST_GROUP_USERS: Final = HttpOperation(
    name="listGroupUsers", method="GET", path="/api/v1/groups/{groupId}/users", permission="okta.groups.read", writes=False
)
GET_USER_GRANT: Final = HttpOperation(
    name="getUserGrant", method="GET", path="/api/v1/users/{userId}/grants/{grantId}", permission="okta.users.read", writes=False
)
# A second one answers 404, which says that it is done.
REVOKE_USER_GRANT: Final = HttpOperation(
    name="revokeUserGrant", method="DELETE", path="/api/v1/users/{userId}/grants/{grantId}", permission="okta.users.manage", writes=True
)

OPERATIONS: Final = (
    GET_USER,
    SUSPEND_USER,
    UNSUSPEND_USER,
    REVOKE_USER_SESSIONS,
    LIST_USER_CLIENTS,
    LIST_REFRESH_TOKENS,
    UNLOCK_USER,
    RESET_PASSWORD,
    LIST_FACTORS,
    RESET_FACTORS,
    UNENROLL_FACTOR,
    LIST_USER_GRANTS,
    REVOKE_USER_GRANTS,
    REVOKE_CLIENT_TOKENS,
    GET_APPLICATION,
    DEACTIVATE_APPLICATION,
    ACTIVATE_APPLICATION,
    LIST_APP_TOKENS,
    REVOKE_APP_TOKENS,
    LIST_ROLE_ASSIGNEES,
    LIST_LOG_EVENTS,
    LIST_ADMIN_ROLES,
    GET_NETWORK_ZONE,
    REPLACE_NETWORK_ZONE,
    LIST_API_TOKENS,
    GET_API_TOKEN,
    REVOKE_API_TOKEN,
    LIST_APPLICATIONS,
    LIST_CLIENT_SECRETS,
    CREATE_CLIENT_SECRET,
    DEACTIVATE_CLIENT_SECRET,
    ACTIVATE_CLIENT_SECRET,
    DELETE_CLIENT_SECRET,
    LIST_CLIENT_KEYS,
    DEACTIVATE_CLIENT_KEY,
    ACTIVATE_CLIENT_KEY,
    LIST_GROUP_USERS,
    GET_USER_GRANT,
    REVOKE_USER_GRANT,
)

# Who we are, who administers the org, and what its log tells.
OWN_READS: Final = OwnReads(
    always=frozenset(operation.permission for operation in (GET_USER, LIST_ROLE_ASSIGNEES, LIST_ADMIN_ROLES)),
    hunts=frozenset({LIST_LOG_EVENTS.permission}),
)


@lru_cache(maxsize=4096)
def find(method: str, path: str) -> HttpOperation | None:
    """The operation that a request would be, if it is one of the table."""
    return next((operation for operation in OPERATIONS if operation.matches(method, path)), None)
