"""End a user's Okta sessions and revoke their OAuth tokens.

All sessions at Okta end, remembered devices are forgotten, and every OAuth refresh and access token issued for the user is revoked. The
person simply signs in again, once they may.

Okta lists no sessions. That they ended is proved by Okta's own System Log: a `user.session.clear` for this user at or after T, where T is
Okta's clock when the write was begun, later than the verified suspension. Refresh tokens can be listed, and none may be left.

It cannot reach what applications hold of their own: their session cookies, and access tokens that a resource server checks offline. These
are named in the report's residual list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaUser

CLEARED = "user.session.clear"
SHUT = ("SUSPENDED", "DEPROVISIONED")
CLASS = "sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState(Snapshot):
    """``gone``: Okta has no such user. ``since``: nothing new can have been minted from then on, or None. ``cleared``: the last clearing
    that the log shows. ``tokens``: ids of refresh tokens that live.
    """

    gone: bool = False
    since: datetime | None = None
    cleared: datetime | None = None
    tokens: tuple[str, ...] = ()


class RevokeSessions(Action[OktaUser, SessionState]):
    """`DELETE /api/v1/users/{id}/sessions?oauthTokens=true`."""

    spec = Spec(
        id="okta.revoke_sessions",
        title="End a user's Okta sessions and revoke their OAuth tokens",
        reads=frozenset({"okta.users.read", "okta.logs.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.OWNER,
        limit=50,
        settle_within=90.0,
        sources=("okta.suspend_user",),
        unestablished=(
            "that clearing a user's sessions is logged as user.session.clear with the user among its targets",
            "how long the System Log may lag; 30 s was seen, 90 s are allowed for",
        ),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserSessions/",),
    )
    target = OktaUser

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: OktaUser) -> datetime:
        """Okta's; never ahead of it, so that the entry of the clearing itself cannot be older than T."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaUser) -> str:
        """The user's sessions. The log that proves their end may be late, and nobody who changes the user's status has to wait for it."""
        return f"okta:sessions:{target.user_id}"

    async def read(self, target: OktaUser) -> SessionState:
        """Status, refresh tokens, and the System Log as far back as it can matter."""
        try:
            user = await self._okta.user(target.user_id)
            tokens = await self._okta.refresh_tokens(target.user_id)
        except NotFound:
            return SessionState(gone=True)
        shut = user.status_changed if user.status in SHUT else None
        since = max((moment for moment in (shut, target.cleared_before) if moment is not None), default=None)
        live = tuple(sorted(token.id for token in tokens if token.status == "ACTIVE"))
        return SessionState(since=since, cleared=await self._last_clearing(target, since), tokens=live)

    async def _last_clearing(self, target: OktaUser, since: datetime | None) -> datetime | None:
        if since is None:
            return None
        wanted = f'eventType eq "{CLEARED}" and target.id eq "{target.user_id}"'
        events = await self._okta.log_events(filter=wanted, since=since)
        return max((event.published for event in events if event.outcome == "SUCCESS"), default=None)

    def plan(self, target: OktaUser, before: SessionState) -> Plan:
        """One change, unless a clearing came after the last moment at which anything could be minted."""
        if before.gone:
            return Plan(reason=f"{target.label} is no longer in Okta")
        # Whoever lets the user in again while people approve must not keep the sessions that they open by it.
        covers = (Cover(name=CLASS, says=f"every session and OAuth token of {target.label}, all at once", at_most=1),)
        if before.since is not None and before.cleared is not None and before.cleared >= before.since and not before.tokens:
            words = f"Okta's log shows the sessions of {target.label} ended at {before.cleared:%H:%M:%S} UTC, and none since"
            return Plan(reason=words, covers=covers)
        change = Change(
            key="revoke",
            subject=f"okta:sessions:{target.user_id}",
            says=f"end every Okta session of {target.label} and revoke their OAuth tokens",
            at={"user": target.user_id},
            after={"sessions": "none from before T", "oauth_tokens": "none from before T"},
            cover=CLASS,
        )
        return Plan(changes=(change,), covers=covers)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call, harmless to repeat."""
        await self._okta.revoke_user_sessions(change.at["user"])
        return self.receipt(change, intent)

    def residuals(self, target: OktaUser, now: SessionState) -> Sequence[Residual]:
        """What Okta cannot reach."""
        del now
        return (
            Residual(
                what=f"sessions that web and native applications opened for {target.label} by SAML or OpenID Connect",
                until="each application's own session lifetime ends",
                closes_by="signing the user out in the application, or Okta's Universal Logout where it is supported",
            ),
            Residual(
                what=f"OAuth access tokens of {target.label} that a resource server checks offline",
                until="they expire: an hour after issue by default, a day at the most",
                hours=24,
                closes_by="introspection at the resource server, or a new signing key for its authorization server",
            ),
        )
