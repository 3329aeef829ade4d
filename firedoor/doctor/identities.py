"""The three identities that Firedoor has at a vendor, and what the catalogue wants each to be allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from firedoor.catalogue import Catalogue
from firedoor.settings import Settings
from firedoor.treatment import Treatment

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


def identities(vendor: str, settings: Settings, known: Catalogue) -> Sequence[Identity]:
    """Those that are set up at a vendor, the one that contains first. It sweeps and previews too, where there is nobody else to."""
    contains, previews, sweeps = SETTINGS[vendor]
    actions = [one.spec for one in known.actions.values() if one.spec.vendor == vendor]
    treatments = [one.spec for one in known.actions.values() if one.spec.vendor == vendor and issubclass(one, Treatment)]
    finds = _all(one.spec.reads for one in known.queries.values() if one.spec.id.partition(".")[0] == vendor)
    lists = _all(one.spec.reads for one in known.sources.values() if one.spec.vendor == vendor)
    looks, changes = finds | _all(one.reads for one in actions), _all(one.writes for one in actions)
    has_sweeper = bool(sweeps and getattr(settings, sweeps))

    def as_(setting: str) -> Settings:
        update: dict[str, Any] = {contains: getattr(settings, setting), previews: {} if vendor == "aws" else None}
        return settings.model_copy(update=update)

    found = [
        Identity(
            setting=contains, settings=as_(contains), reads=looks | (frozenset() if has_sweeper else lists), writes=changes, first=True
        )
    ]
    if getattr(settings, previews):
        found.append(Identity(setting=previews, settings=as_(previews), reads=looks, writes=frozenset(), first=False, never=changes))
    if has_sweeper:
        reads, writes = lists | _all(one.reads for one in treatments), _all(one.writes for one in treatments)
        found.append(Identity(setting=sweeps, settings=as_(sweeps), reads=reads, writes=writes, first=False))
    return found


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return f"FIREDOOR_{setting.upper()}"


def _all(permissions: Any) -> frozenset[str]:
    return frozenset().union(*permissions)
