"""Take a suspended Okta user's second factors off.

Where it is known since when the account is suspect, exactly the factors enrolled since then go, each by itself: those are the ones that a
thief may have added. A factor whose date Okta does not tell counts as one of them. Without such a moment all factors go at once.

It is done only while the user is SUSPENDED. Taking factors off leaves the status as it is, and an active user's next factor is enrolled by
whoever comes first with the password or a live session. Until they are suspended the plan says so, and names the class that one approval
covers: what is in it by then is taken off. End the sessions before: it is not established that suspension keeps a live one from enrolling.

Okta Verify is one device to Okta: taking off its push or its FastPass takes off whatever else of it the person has, also what is older. A
phone number goes as a way to recover the password too. A phone that was only changed since then, on a factor enrolled before, does not show
by its date; Okta also does not list factors that the enrolment policy in force does not offer. Reset all of them where that matters.

Nothing can put a factor back: the person enrols again, the same device if they like, at their first sign-in after the suspension. They lose
nothing else, so it takes no second approver; but see to it that it is they who enrol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import Factor, OktaUser

GONE = "GONE"
CLASS = "factors"
MOST_FACTORS = 20  # Okta knows 13 types, some of which a person may enrol more than once
TAKE_ALONG = ("push", "signed_nonce")  # with either, the rest of Okta Verify goes
OKTA_VERIFY = (*TAKE_ALONG, "token:software:totp")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsState(Snapshot):
    """Okta's word for the user's status (GONE where there is no such user), and the factors they have enrolled, by id."""

    status: str
    factors: tuple[Factor, ...] = ()


class ResetFactors(Action[OktaUser, FactorsState]):
    """`DELETE /api/v1/users/{id}/factors/{fid}` for each factor, or `POST /api/v1/users/{id}/lifecycle/reset_factors`."""

    spec = Spec(
        id="okta.reset_factors",
        title="Take a suspended Okta user's second factors off",
        reads=frozenset({"okta.users.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.OWNER,
        limit=50,
        settle_within=10.0,
        sources=("okta.suspend_user",),
        unestablished=(
            "whether a session that is still open can enrol a factor for a suspended user; it is taken to be able to",
            "whether an authenticator of another maker's app goes together with Okta Verify's push; it is taken not to",
            "whether an e-mail factor that Okta enrols by itself comes back at once; the step would then end unverified",
            "whether resetting all factors also takes off those that the enrolment policy hides from the list",
        ),
        pages=(
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserFactor/",
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserLifecycle/",
        ),
    )
    target = OktaUser

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: OktaUser) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaUser) -> str:
        """The user's factors. Not the user: ending sessions holds that for as long as Okta's log lags."""
        return f"okta:factors:{target.user_id}"

    async def read(self, target: OktaUser) -> FactorsState:
        """Status and factors. A deactivated user's factors are not asked for: they open nothing, and none can be taken off."""
        try:
            status = (await self._okta.user(target.user_id)).status
            factors = () if status == "DEPROVISIONED" else await self._okta.factors(target.user_id)
        except NotFound:
            return FactorsState(status=GONE)
        return FactorsState(status=status, factors=tuple(sorted(factors, key=lambda factor: factor.id)))

    def plan(self, target: OktaUser, before: FactorsState) -> Plan:
        """A change for each factor enrolled since the moment that is suspect, or one for all; only while the user is SUSPENDED."""
        who, suspect = target.label, _suspect(target, before)
        match before.status:
            case "GONE":
                return Plan(reason=f"{who} is no longer in Okta")
            case "DEPROVISIONED":
                return Plan(reason=f"{who} is deactivated, so that no factor of theirs opens anything")
            case "SUSPENDED" if not suspect:
                since = f" that was enrolled since {_time(target.since)}" if target.since else ""
                return Plan(reason=f"{who} has no factor{since}", covers=(_cover(target),))
            case "SUSPENDED":
                changes = tuple(_unenrol(target, factor) for factor in suspect) if target.since else (_reset(target, suspect),)
                return Plan(changes=changes, covers=(_cover(target),), also_hit=_also_hit(target, before))
            case status:
                then = "; then these go: " + ", ".join(map(_named, suspect)) if suspect else ""
                words = f"{who} is {status}, and whoever comes first could enrol anew; factors go once the user is suspended{then}"
                return Plan(waits=words, covers=(_cover(target),))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call, harmless to repeat. A factor that is off already, with another one for instance, is done."""
        if change.key == "reset":
            await self._okta.reset_factors(change.at["user"])
            return self.receipt(change, intent)
        try:  # noqa: SIM105 - rooms stand on few modules
            await self._okta.unenroll_factor(change.at["user"], change.at["factor"], kind=change.at["type"])
        except NotFound:
            pass  # the next reading tells whether that is so
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What was taken off."""
        return Receipt(change=change.key, at=intent.at, facts={"factors": change.before["factors"]})

    def residuals(self, target: OktaUser, now: FactorsState) -> Sequence[Residual]:
        """What a list of factors does not show."""
        if now.status == GONE:
            return ()
        if now.status == "DEPROVISIONED":
            what = f"factors that Okta may have kept of {target.label}"
            return (Residual(what=what, until="the user is activated again", closes_by="resetting them before the user can sign in"),)
        return (
            *_older(target),
            Residual(
                what=f"factors of {target.label} that the enrolment policy in force does not offer: Okta does not list them",
                until="somebody takes them off",
                closes_by="a look at the person's page in the Admin Console",
            ),
        )


def _older(target: OktaUser) -> tuple[Residual, ...]:
    """What a date of enrolment does not tell of the factors that stay."""
    if target.since is None:
        return ()
    return (
        Residual(
            what=f"a telephone number changed on a factor that {target.label} enrolled before {_time(target.since)}: it may be the thief's",
            until="that factor is taken off",
            closes_by="asking the person for their numbers, or resetting all of their factors",
        ),
    )


def _suspect(target: OktaUser, now: FactorsState) -> tuple[Factor, ...]:
    """The factors to take off: enrolled since then, or at a time that nobody tells; all where no moment is known."""
    since = target.since
    return tuple(factor for factor in now.factors if since is None or factor.created is None or factor.created >= since)


def _cover(target: OktaUser) -> Cover:
    if target.since is None:
        return Cover(name=CLASS, says=f"every factor of {target.label}, all at once", at_most=1)
    return Cover(
        name=CLASS,
        says=f"every factor that {target.label} enrolled since {_time(target.since)}, at most {MOST_FACTORS}",
        at_most=MOST_FACTORS,
    )


def _also_hit(target: OktaUser, now: FactorsState) -> tuple[str, ...]:
    """Older factors that Okta takes off together with a suspect one."""
    going = _suspect(target, now)
    if not any(factor.type in TAKE_ALONG for factor in going):
        return ()
    older = [factor for factor in now.factors if factor not in going and factor.type in OKTA_VERIFY and factor.provider in ("OKTA", "")]
    return tuple(f"the {_named(factor)} of {target.label}: Okta Verify goes as a whole" for factor in older)


def _unenrol(target: OktaUser, factor: Factor) -> Change:
    return Change(
        key=f"unenroll:{factor.id}",
        subject=f"okta:factor:{factor.id}",
        says=f"take the {_named(factor)} off {target.label}",
        at={"user": target.user_id, "factor": factor.id, "type": factor.type},
        before={"factors": [_named(factor)]},
        after={"factor": "unenrolled"},
        cover=CLASS,
    )


def _reset(target: OktaUser, factors: Sequence[Factor]) -> Change:
    return Change(
        key="reset",
        subject=f"okta:factors:{target.user_id}",
        says=f"take every factor off {target.label}: " + ", ".join(map(_named, factors)),
        at={"user": target.user_id},
        before={"factors": [_named(factor) for factor in factors]},
        after={"factors": "none"},
        cover=CLASS,
    )


def _named(factor: Factor) -> str:
    maker = f" by {factor.provider}" if factor.provider not in ("OKTA", "") else ""
    return f"{factor.type} factor{maker} enrolled {_time(factor.created) if factor.created else 'at a time that Okta does not tell'}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
