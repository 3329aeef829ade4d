"""The exercises there are, and the history each is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from firedoor.errors import BadInput, nearest
from firedoor.exercise.judge import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A delay of the real incident, and the footholds (by how their names begin) whose loss answers it in the exercise.

    ``actions`` are those that close them: on the real estate, where nobody attacks, their writes are what there is to time.
    """

    historical: str
    minutes: int
    here: str
    footholds: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An exercise: a name, the playbook that answers it, and its clocks."""

    name: str
    title: str
    playbook: str
    history: tuple[Clock, ...]

    def clocks(self, found: Judgement, *, alerted: float) -> list[Mapping[str, Any]]:
        """Each clock with its seconds from the alert to the last success of its footholds; None while one of them is still in."""
        return [
            {"historical": clock.historical, "minutes": clock.minutes, "here": clock.here, "seconds": _seconds(clock, found, alerted)}
            for clock in self.history
        ]

    def untouched(self) -> Mapping[str, Any]:
        """The report of an exercise in which nobody did anything."""
        return {
            "run": "",
            "incident": "",
            "playbook": self.playbook,
            "mode": "drill",
            "undoes": None,
            "requester": "",
            "outcome": "failed",
            "open": [],
            "plan": {"fingerprint": "", "changes": []},
            "approval": {"required": 0, "by": [], "ruling": "not asked", "seconds": None, "at": None},
            "steps": [],
            "seconds": {"plan": None, "approval": None, "contain": None, "total": None},
            "writes": 0,
            "residual": [],
            "ticket": None,
            "journal_head": "",
        }


def _seconds(clock: Clock, found: Judgement, alerted: float) -> float | None:
    meant = [one for one in found.footholds if one.name.startswith(clock.footholds)]
    if not meant or not all(one.locked_out for one in meant):
        return None
    return round(max(max(0.0, (one.last_success_at or alerted) - alerted) for one in meant), 2)


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "cloudflare-okta-2023": Scenario(
            name="cloudflare-okta-2023",
            title="Stolen Okta sessions, a service account's key and a service app's secret",
            playbook="identity-breach",
            history=(
                Clock(
                    historical="a service account disabled",
                    minutes=35,
                    here="the service account's keys, its sessions, its role and the service app dead",
                    footholds=("aws key", "sts session", "role session", "service app"),
                    actions=(
                        "aws.quarantine_user",
                        "aws.deactivate_access_keys",
                        "aws.revoke_user_sessions",
                        "aws.revoke_role_sessions",
                        "okta.deactivate_service_app",
                    ),
                ),
                Clock(
                    historical="the attacker's account disabled",
                    minutes=83,
                    here="the accounts the attacker used shut, with all that was minted and made from them",
                    footholds=("okta session", "oauth token", "okta api token"),
                    actions=("okta.suspend_user", "okta.revoke_sessions", "okta.revoke_grants", "okta.reset_factors"),
                ),
                Clock(
                    historical="the attacker's addresses blocked",
                    minutes=331,
                    here="the attacker's address shut out of the web site and of Okta",
                    footholds=("web site", "okta sign-in"),
                    actions=("okta.block_addresses", "aws.block_addresses"),
                ),
            ),
        )
    }
)


def named(name: str) -> Scenario:
    """The exercise of that name. Raises `BadInput`."""
    if name not in SCENARIOS:
        raise BadInput(f"there is no exercise {name!r}{nearest(name, SCENARIOS)}", advice=f"There is: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def answered_by(playbook: str) -> Scenario | None:
    """The exercise that a playbook answers, if any."""
    return next((one for one in SCENARIOS.values() if one.playbook == playbook), None)
