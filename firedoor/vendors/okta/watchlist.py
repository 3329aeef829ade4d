"""What to look for in Okta's System Log after a breach: the watch list of the advice that followed Okta's own incident of 2023, as data.

Event types are those of Okta's published event type catalogue (developer.okta.com/docs/reference/api/event-types). A type that ends with a
dot stands for all below it. What the catalogue does not settle is in ``unestablished``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote_plus

MOST_FILTER: Final = 5_000  # characters once encoded: request lines of 8 KiB pass nearly everywhere; Okta's own bound is not published


class Whom(StrEnum):
    """Whom a finding is about, and so whom its playbook would contain: who did it, the user it was done to, or the app."""

    ACTOR = "actor"
    USER = "user"
    APP = "app"


class Only(StrEnum):
    """Which entries of a rule's types count: all, or those about an administrator or a sensitive app."""

    ALL = "all"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One rule. ``says`` is what happened, in words that go on with "for whom, by whom"."""

    rule: str
    says: str
    types: tuple[str, ...]
    whom: Whom
    only: Only = Only.ALL
    unestablished: str = ""


WATCHED: Final = (
    Watch(
        rule="user_made",
        says="a user was created, or made active again",
        types=("user.lifecycle.create", "user.lifecycle.activate", "user.lifecycle.reactivate", "user.lifecycle.unsuspend"),
        whom=Whom.USER,
    ),
    Watch(
        rule="user_unlocked",
        says="a locked out user was let in",
        types=("user.account.unlock_by_admin",),
        whom=Whom.USER,
    ),
    Watch(
        rule="password_changed",
        says="a password was changed or reset",
        types=("user.account.update_password", "user.account.reset_password"),
        whom=Whom.USER,
    ),
    Watch(
        rule="recovery_changed",
        says="an e-mail address by which an account is recovered was changed",
        types=("user.account.update_primary_email", "user.account.update_secondary_email"),
        whom=Whom.USER,
    ),
    Watch(
        rule="mfa_enrolled",
        says="a second factor was enrolled",
        types=("user.mfa.factor.activate", "device.enrollment.create"),
        whom=Whom.USER,
    ),
    Watch(
        rule="mfa_changed",
        says="a second factor was taken off, changed, or gone around",
        types=(
            "user.mfa.factor.deactivate",
            "user.mfa.factor.reset_all",
            "user.mfa.factor.suspend",
            "user.mfa.factor.unsuspend",
            "user.mfa.factor.update",
            "user.mfa.attempt_bypass",
        ),
        whom=Whom.USER,
    ),
    Watch(
        rule="mfa_weakened",
        says="a kind of second factor was switched for the whole org",
        types=("system.mfa.factor.", "security.authenticator.lifecycle."),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="privilege_granted",
        says="administrator rights were granted",
        types=(
            "user.account.privilege.grant",
            "group.privilege.grant",
            "app.oauth2.client.privilege.grant",
            "iam.resourceset.bindings.add",
        ),
        whom=Whom.USER,
    ),
    Watch(
        rule="privilege_revoked",
        says="administrator rights were taken away",
        types=(
            "user.account.privilege.revoke",
            "group.privilege.revoke",
            "app.oauth2.client.privilege.revoke",
            "iam.resourceset.bindings.delete",
        ),
        whom=Whom.ACTOR,
        unestablished="whether an entry that takes a binding away names whom it was taken from",
    ),
    Watch(
        rule="permissions_changed",
        says="what an administrator role may do was changed",
        types=(
            "iam.role.",
            "iam.resourceset.create",
            "iam.resourceset.update",
            "iam.resourceset.delete",
            "iam.resourceset.resources.",
            "iam.policy.",
        ),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="policy_overridden",
        says="a policy was overwritten",
        types=("policy.lifecycle.overwrite",),
        whom=Whom.ACTOR,
        unestablished="the catalogue says no more of it than: overwrite policy",
    ),
    Watch(
        rule="policy_changed",
        says="a policy, or a rule of one, was changed",
        types=(
            "policy.lifecycle.create",
            "policy.lifecycle.update",
            "policy.lifecycle.activate",
            "policy.lifecycle.deactivate",
            "policy.lifecycle.delete",
            "policy.rule.add",
            "policy.rule.update",
            "policy.rule.activate",
            "policy.rule.deactivate",
            "policy.rule.delete",
            "policy.mapping.create",
        ),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="zone_changed",
        says="a network zone was changed",
        types=("zone.", "security.zone."),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="app_delegated",
        says="an administrator, or somebody for a sensitive app, was given access",
        types=("application.user_membership.add", "application.user_membership.provision", "group.application_assignment.add"),
        whom=Whom.USER,
        only=Only.SENSITIVE,
    ),
    Watch(
        rule="consent_granted",
        says="an app was given a scope for everybody",
        types=("app.oauth2.admin.consent.grant",),
        whom=Whom.APP,
    ),
    Watch(
        rule="consent_revoked",
        says="a scope that an app had for everybody was taken away",
        types=("app.oauth2.admin.consent.revoke",),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="secret_read",
        says="a secret was shown to somebody",
        types=(
            "app.oauth2.client.read_client_secret",
            "system.idp.lifecycle.read_client_secret",
            "application.user_membership.show_password",
        ),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="support_entered",
        says="Okta's support was given access, or used it",
        types=("user.session.impersonation.", "support.org."),
        whom=Whom.USER,
        unestablished="whether an impersonation's first target is the person or the org; where no user is named, it is about who acted",
    ),
    Watch(
        rule="api_token_made",
        says="an API token was created, enabled or changed",
        types=("system.api_token.create", "system.api_token.enable", "system.api_token.update"),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="idp_changed",
        says="an identity provider, who can vouch for anybody, was created or changed",
        types=("system.idp.lifecycle.create", "system.idp.lifecycle.activate", "system.idp.lifecycle.update", "system.idp.key."),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="trust_widened",
        says="another org, server or site was trusted",
        types=(
            "account.org.add",
            "app.oauth2.trusted_server.add",
            "security.trusted_origin.create",
            "security.trusted_origin.activate",
            "application.configuration.enable_delauth_outbound",
        ),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="app_made",
        says="an app was created or made active",
        types=("application.lifecycle.create", "application.lifecycle.activate", "app.oauth2.client.lifecycle.create"),
        whom=Whom.APP,
    ),
    Watch(
        rule="app_secret_made",
        says="an app was given another secret or key",
        types=("app.oauth2.credentials.lifecycle.create", "app.oauth2.credentials.lifecycle.activate", "app.keys."),
        whom=Whom.APP,
    ),
    Watch(
        rule="group_rule_changed",
        says="a rule that puts people into groups was switched on or changed",
        types=(
            "group.user_membership.rule.trigger",
            "group.user_membership.rule.add_exclusion",
            "group.user_membership.rule.deactivated",
            "group.user_membership.rule.invalidate",
        ),
        whom=Whom.ACTOR,
        unestablished="the catalogue has no type for the making of a rule, so it is found by its first trigger",
    ),
    Watch(
        rule="suspicion_reported",
        says="somebody reported what they had not done themselves",
        types=("user.account.report_suspicious_activity_by_enduser",),
        whom=Whom.ACTOR,
    ),
    Watch(
        rule="log_silenced",
        says="a stream that carries the log elsewhere was changed",
        types=("system.log_stream.lifecycle.",),
        whom=Whom.ACTOR,
    ),
)

EVALUATED: Final = "policy.evaluate_sign_on"
FACTOR_USED: Final = "user.authentication.auth_via_mfa"
SESSION_BEGUN: Final = "user.session.start"
ADMIN_APP: Final = "user.session.access_admin_app"
SIGN_INS: Final = (EVALUATED, FACTOR_USED, SESSION_BEGUN, ADMIN_APP)

# Rules over several entries, or over who somebody is; `firedoor.hunting` judges them.
JUDGED: Final = {
    "supplier_entered": "somebody of a supplier named to the hunt began a session",
    "session_without_sign_on": "a session, or one in the Admin Console, began and no sign-on policy was seen to let that person in",
    "single_factor_session": "a session began and no factor was seen to be asked for in that sign-in",
}
JUDGED_UNESTABLISHED: Final = (
    "whether every way of signing in writes policy.evaluate_sign_on: a session that began in one that does not is a false hit",
    "how an org on Okta's older engine logs a second factor: there user.authentication.auth_via_mfa tells of second factors only",
)

_EXACT: Final = {type_: watch for watch in WATCHED for type_ in watch.types if not type_.endswith(".")}
_FAMILIES: Final = tuple((type_, watch) for watch in WATCHED for type_ in watch.types if type_.endswith("."))


def watch_of(event_type: str) -> Watch | None:
    """The rule that an event type falls under, if any."""
    found = _EXACT.get(event_type)
    return found if found is not None else next((watch for family, watch in _FAMILIES if event_type.startswith(family)), None)


def types() -> tuple[str, ...]:
    """Every type and family that a hunt wants to read."""
    return tuple(dict.fromkeys((*SIGN_INS, *(type_ for watch in WATCHED for type_ in watch.types))))


def filter_for(wanted: Iterable[str]) -> str:
    """Okta's filter for these types and families; empty where it would be too long to send, so that all must be read."""
    families = {type_ for type_ in wanted if type_.endswith(".")}
    exact = (type_ for type_ in wanted if not type_.endswith(".") and not any(type_.startswith(family) for family in families))
    parts = [f'eventType sw "{family}"' for family in sorted(families)] + [f'eventType eq "{type_}"' for type_ in exact]
    whole = " or ".join(parts)
    return whole if len(quote_plus(whole)) <= MOST_FILTER else ""
