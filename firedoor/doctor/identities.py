"""The three identities that Firedoor has at a vendor, and what the catalogue wants each to be allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from firedoor.permissions import OWN_READS, Purpose, Shelf, needed
from firedoor.settings import Settings

# The settings that have a second or third credential in the place of the first, by vendor: who contains, who previews, who sweeps.
SETTINGS: Final[Mapping[str, tuple[str, str, str]]] = {
    "okta": ("okta_api_token", "okta_preview_api_token", "okta_sweep_api_token"),
    "aws": ("aws_accounts", "aws_preview_accounts", "aws_sweep_accounts"),
    "slack": ("slack_bot_token", "slack_preview_bot_token", ""),
    "jira": ("jira_api_token", "jira_preview_api_token", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One of them. ``setting`` is where it is set, ``settings`` are those with which a client that only reads goes by this identity.

    ``reads`` and ``writes`` are the vendor's permissions that the units of the catalogue declare for its work. ``first``: it is the one
    that contains, at which all that is no matter of identity is looked at, once. ``never`` are permissions that it is better off
    without: what only looks should not be able to change a thing, whoever gets hold of it.
    """

    setting: str
    settings: Settings = field(repr=False)
    reads: frozenset[str]
    writes: frozenset[str]
    first: bool
    never: frozenset[str] = frozenset()

    @property
    def needs(self) -> frozenset[str]:
        """All of its permissions."""
        return self.reads | self.writes


def identities(vendor: str, settings: Settings, on: Shelf) -> Sequence[Identity]:
    """Those that are set up at a vendor, the one that contains first. It sweeps and previews too, where there is nobody else to."""
    names = dict(zip((Purpose.CONTAIN, Purpose.PREVIEW, Purpose.SWEEP), SETTINGS[vendor], strict=True))
    others = [purpose for purpose in (Purpose.PREVIEW, Purpose.SWEEP) if names[purpose] and getattr(settings, names[purpose])]
    contains, previews = names[Purpose.CONTAIN], names[Purpose.PREVIEW]
    changes = _all(one.spec.writes for one in on.known.actions.values() if one.spec.vendor == vendor)

    def made(setting: str, *purposes: Purpose, never: frozenset[str] = frozenset()) -> Identity:
        update: dict[str, Any] = {contains: getattr(settings, setting), previews: {} if vendor == "aws" else None}
        needs = _all(_needs(vendor, purpose, on) for purpose in purposes)
        goes_by = settings.model_copy(update=update)
        return Identity(
            setting=setting, settings=goes_by, reads=needs - changes, writes=needs & changes, first=setting == contains, never=never
        )

    return [
        made(contains, *(purpose for purpose in Purpose if purpose not in others)),
        *(made(names[purpose], purpose, never=changes if purpose is Purpose.PREVIEW else frozenset()) for purpose in others),
    ]


def _needs(vendor: str, purpose: Purpose, on: Shelf) -> frozenset[str]:
    """What an identity needs for one purpose: where clients ask for nothing of their own, what the units declare for people to be told."""
    if vendor in OWN_READS:
        return frozenset(needed(vendor, purpose, on))
    actions = [one.spec for one in on.known.actions.values() if one.spec.vendor == vendor]
    finds = _all(one.spec.reads for one in on.known.queries.values() if one.spec.id.startswith(f"{vendor}."))
    return finds | _all(one.reads for one in actions) | _all(one.writes for one in actions if purpose is Purpose.CONTAIN)


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return f"FIREDOOR_{setting.upper()}"


def _all(permissions: Any) -> frozenset[str]:
    return frozenset().union(*permissions)
