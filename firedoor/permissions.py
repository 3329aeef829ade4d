"""What Firedoor needs at a vendor, by what it is for: from what the units on the shelf declare, and what the clients ask for themselves.

Three identities that never mix: one looks before anything is approved, one sweeps, one contains. Nothing here is written by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

import yaml

from firedoor.action import Action
from firedoor.catalogue import AnyAction, AnyQuery, Catalogue
from firedoor.channels.slack import methods
from firedoor.errors import Misconfigured
from firedoor.playbook import Playbook
from firedoor.settings import Settings
from firedoor.source import Source
from firedoor.sweepbook import Sweep
from firedoor.vendors.access import OwnReads
from firedoor.vendors.aws import operations as aws_operations
from firedoor.vendors.aws import rolepolicy
from firedoor.vendors.aws.prepared import AwsPrepared, IpSet
from firedoor.vendors.okta import operations as okta_operations
from firedoor.vendors.slack import operations as slack_operations

MANIFEST: Final = "slack-manifest.yaml"
OWN_READS: Final[Mapping[str, OwnReads]] = {"aws": aws_operations.OWN_READS, "okta": okta_operations.OWN_READS}
ITSELF: Final = "Firedoor itself"

Unit: TypeAlias = type[AnyAction | AnyQuery | Source]


class Purpose(StrEnum):
    """What an identity is for."""

    PREVIEW = "preview"
    SWEEP = "sweep"
    CONTAIN = "contain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All that there is to do: the catalogue, the playbooks and the sweep playbooks."""

    known: Catalogue
    playbooks: Sequence[Playbook]
    sweeps: Sequence[Sweep]

    def contains(self) -> Iterator[Unit]:
        """The units of the playbooks. Queries are asked by who previews; but where no such identity is set up, that is who contains."""
        for book in self.playbooks:
            yield from (self.known.action(step.action) for step in book.steps)
            yield from (self.known.query(question.query) for question in book.queries.values())

    def swept(self) -> Iterator[Unit]:
        """The sources and treatments of the sweep playbooks."""
        for sweep in self.sweeps:
            yield from (self.known.source_of(kind) for kind in sweep.scope.types)
            yield from (self.known.action(name) for name in sweep.treat.values())


def needed(vendor: str, purpose: Purpose, on: Shelf) -> Mapping[str, frozenset[str]]:
    """Each permission that an identity of that purpose needs at a vendor, with the ids of the units that need it; `ITSELF` is Firedoor."""
    found: dict[str, set[str]] = {permission: {ITSELF} for permission in _own(vendor, purpose)}
    for unit in _units(purpose, on):
        if unit.spec.vendor == vendor:
            writes = unit.spec.writes if issubclass(unit, Action) and purpose is not Purpose.PREVIEW else frozenset[str]()
            for permission in unit.spec.reads | writes:
                found.setdefault(permission, set()).add(unit.spec.id)
    return {permission: frozenset(found[permission]) for permission in sorted(found)}


def _units(purpose: Purpose, on: Shelf) -> Iterator[Unit]:
    """A preview looks at whatever is contained or swept, and lists every credential there is."""
    if purpose is not Purpose.SWEEP:
        yield from on.contains()
    if purpose is not Purpose.CONTAIN:
        yield from on.swept()
    if purpose is Purpose.PREVIEW:
        yield from on.known.sources.values()


def _own(vendor: str, purpose: Purpose) -> frozenset[str]:
    own = OWN_READS[vendor]
    return own.always | {Purpose.PREVIEW: own.hunts | own.sweeps, Purpose.SWEEP: own.sweeps, Purpose.CONTAIN: frozenset[str]()}[purpose]


def aws_policy(purpose: Purpose, on: Shelf, settings: Settings) -> rolepolicy.Policy:
    """The IAM policy of the role that an account is worked in with. Raises `BadInput` where AWS would not take it."""
    prepared = AwsPrepared(
        ip_sets=tuple(IpSet(**one.model_dump()) for one in settings.aws_ip_sets),
        management_account=settings.aws_management_account,
        deny_policy=settings.aws_deny_policy,
        sso_policy=settings.aws_sso_policy,
    )
    return rolepolicy.role_policy(needed("aws", purpose, on), prepared)


def aws_base_policy(purpose: Purpose, settings: Settings) -> rolepolicy.Policy:
    """The IAM policy of the identity that takes on the roles of that purpose. Raises `BadInput` where none is set."""
    own = {Purpose.PREVIEW: settings.aws_preview_accounts, Purpose.SWEEP: settings.aws_sweep_accounts, Purpose.CONTAIN: {}}[purpose]
    roles = set((own or settings.aws_accounts).values()) - {""}
    if settings.aws_organization_role:
        roles.add(f"arn:*:iam::*:role/{settings.aws_organization_role}")
    return rolepolicy.base_policy(sorted(roles))


def okta_role(scopes: Collection[str]) -> str:
    """The administrator that an API token with these rights is made by, in words: scopes are for OAuth, and bind no token.

    Sources: help.okta.com, "Manage Okta API tokens" (a token has the rights of who made it) and "Standard administrator roles and
    permissions" (a read-only administrator views users, groups, apps and the log; super administrators alone view administrators).
    """
    if not any(scope.endswith(".manage") for scope in scopes):
        return (
            "An API token is bound by no scope: it may do what the administrator may who made it. Make it as a read-only administrator. "
            "Of Okta's standard roles only a super administrator sees who else administers (okta.roles.read); where that cannot be read, "
            "plans with people in them have to be signed."
        )
    return (
        "An API token is bound by no scope: it may do what the administrator may who made it. Make it as a super administrator that is a "
        "program's, with no other use, and hold it to your own network zone. Whether a lesser role suffices for every one of these is not "
        "established; none of Okta's other standard roles sees who administers (okta.roles.read)."
    )


def slack_calls() -> Mapping[str, Sequence[str]]:
    """The scopes of the bot's token, for a private channel, each with what needs it: what actions send, and how people are asked."""
    called = {operation.name: {operation.scope_in(private=True)} - {""} for operation in slack_operations.OPERATIONS}
    called[slack_operations.USER_INFO.name] |= {slack_operations.EMAIL_SCOPE}
    for name, needs in (*methods.METHODS.items(), ("slash command, shortcut", methods.FEATURES)):
        called[name] = called.get(name, set()) | needs
    scopes = sorted(set[str]().union(*called.values()))
    return {scope: sorted(name for name, needs in called.items() if scope in needs) for scope in scopes}


def slack_scopes() -> frozenset[str]:
    """All of them."""
    return frozenset(slack_calls())


def slack_reads(on: Shelf) -> frozenset[str]:
    """The scopes of a second token, with which everything before an approval is read, for a private channel."""
    units: Sequence[Unit] = (*on.known.actions.values(), *on.known.queries.values())
    scopes = frozenset[str]().union(*(one.spec.reads for one in units if one.spec.id.startswith("slack.")))
    return frozenset(scope for scope in scopes if not scope.startswith("channels:"))


def slack_preview_manifest(on: Shelf) -> Mapping[str, Any]:
    """The manifest of the app whose token that is: it has no features, and can post nothing."""
    return {
        "display_information": {"name": "Firedoor preview", "description": "Reads before anything is asked, and posts nothing"},
        "features": {"bot_user": {"display_name": "Firedoor preview", "always_online": False}},
        "oauth_config": {"scopes": {"bot": sorted(slack_reads(on))}},
        "settings": {"org_deploy_enabled": False, "socket_mode_enabled": False, "token_rotation_enabled": False},
    }


def slack_manifest(text: str) -> Mapping[str, Any]:
    """The app's manifest as data. Raises `Misconfigured` where it asks for other scopes than are used."""
    manifest: Mapping[str, Any] = yaml.safe_load(text)
    asked, used = set(manifest["oauth_config"]["scopes"]["bot"]), slack_scopes()
    if asked != used:
        parts = (("lacks", used - asked), ("asks in vain for", asked - used))
        said = " and ".join(f"{words} {', '.join(sorted(some))}" for words, some in parts if some)
        raise Misconfigured(f"{MANIFEST} {said}", advice="Mend it: its scopes are those of what Firedoor calls")
    return manifest
