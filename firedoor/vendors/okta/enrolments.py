"""The simulated org's second factors, and Okta's rules for enrolling them and taking them off.

Left out: what a factor proves at sign-in, activation by a code or a device (a factor works as soon as it is enrolled), enrolment policies,
and factors that Okta enrols by itself. Played at its worst for the defender: whoever holds a live session enrols without proving anything,
and suspension alone does not keep them from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from firedoor.vendors.okta.systemlog import Party
from firedoor.vendors.okta.world import FIRST_DAY, OktaWorld, User, WrongState

VERIFY: Final = ("push", "signed_nonce", "token:software:totp")


@dataclass(slots=True, kw_only=True)
class EnrolledFactor:
    """One enrolled factor; ``type`` is Okta's factorType."""

    id: str
    user: str
    type: str
    provider: str = "OKTA"
    status: str = "ACTIVE"
    created: datetime = FIRST_DAY

    @property
    def of_okta_verify(self) -> bool:
        """Whether it lives in the Okta Verify app, where factors come and go together."""
        return self.type in VERIFY and self.provider == "OKTA"


def held_by(world: OktaWorld, user: User) -> list[EnrolledFactor]:
    """The user's factors, oldest first."""
    return sorted((each for each in world.factors.values() if each.user == user.id), key=lambda each: (each.created, each.id))


def enrol(world: OktaWorld, user: User, kind: str, provider: str) -> EnrolledFactor:
    """One factor more, by the user's own hand."""
    factor = EnrolledFactor(id=world.mint("opf"), user=user.id, type=kind, provider=provider, created=world.clock())
    world.factors[factor.id] = factor
    world.log.write("user.mfa.factor.activate", at=world.clock(), actor=user.party, targets=[user.party])
    return factor


def unenrol(world: OktaWorld, user: User, factor: EnrolledFactor, *, by: Party) -> None:
    """Take one off, and with a push or a signed nonce the user's other Okta Verify factors. Raises `WrongState` for a deactivated user."""
    if user.status == "DEPROVISIONED":
        raise WrongState("from DEPROVISIONED")
    gone = [factor]
    if factor.type in VERIFY[:2]:
        gone += [each for each in held_by(world, user) if each.of_okta_verify and each is not factor]
    for each in gone:
        del world.factors[each.id]
        world.log.write("user.mfa.factor.deactivate", at=world.clock(), actor=by, targets=[user.party])


def reset(world: OktaWorld, user: User, *, by: Party) -> None:
    """Take all off. None left is fine; the user's status stays as it is. Raises `WrongState` for a deactivated user."""
    if user.status == "DEPROVISIONED":
        raise WrongState("from DEPROVISIONED")
    for each in held_by(world, user):
        del world.factors[each.id]
    world.log.write("user.mfa.factor.reset_all", at=world.clock(), actor=by, targets=[user.party])
