"""Who may do what, as AWS enforces it: some seconds behind what its API already shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from firedoor.vendors.aws.controls import Controls
from firedoor.vendors.aws.policy import Asked
from firedoor.vendors.aws.world import Standing, Thing, read, things

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class SimClock:
    """The simulated AWS's clock: this machine's, put forward or back."""

    offset: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """What AWS says the time is."""
        return datetime.now(UTC) + self.offset

    def shift(self, by: timedelta) -> None:
        """Let time pass at once (or run back)."""
        self.offset += by


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Temporary credentials. They live on their own: the key that minted them does not end them, only expiry or a deny does.

    ``sso_user`` is the person's id in a session that Identity Center handed out.
    """

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    thing: Thing
    arn: str
    issued: datetime
    expires: datetime
    policy: str = ""
    sso_user: str = ""


class Standings:
    """What every thing was, by time. `of` answers as of ``lag()`` seconds ago; changes must be told with `note`."""

    def __init__(self, clock: SimClock, lag: Callable[[], float]) -> None:
        self._clock = clock
        self._lag = lag
        self._history: dict[Thing, list[tuple[datetime, Standing | None]]] = {}
        self._owners: dict[str, Thing] = {}
        self.sessions: dict[str, Session] = {}
        self.controls = Controls(clock.now, lag)

    def settle(self, account: str) -> None:
        """Take an account as it is now for as it always was."""
        for thing in things(account):
            self._keep(thing, _BEFORE_ALL)

    def note(self, thing: Thing) -> None:
        """A thing may have changed just now."""
        self._keep(thing, self._clock.now())

    def owner(self, key_id: str) -> Thing | None:
        """The user a key is or was a key of: AWS remembers deleted ones too."""
        return self._owners.get(key_id)

    def of(self, thing: Thing) -> Standing | None:
        """A thing as it is enforced now; None where it does not exist yet, or no more."""
        due = self._clock.now() - timedelta(seconds=self._lag())
        history = self._history.get(thing, [])
        return next((standing for since, standing in reversed(history) if since <= due), None)

    def asked(self, action: str, resource: str | None, thing: Thing, session: Session | None) -> Asked:
        """A request as policies see it. A session of a role or user goes by the ARN of the role or user."""
        standing = self.of(thing)
        return Asked(
            action=action,
            resource=resource,
            issued=session.issued if session else None,
            principal=standing.arn if standing else "",
            sso_user=session.sso_user if session else "",
        )

    def documents(self, thing: Thing) -> tuple[str, ...]:
        """Every policy that speaks of what a user or role may do."""
        standing = self.of(thing)
        if standing is None:
            return ()
        policies = [Thing(kind="policy", account=thing.account, name=arn) for arn in standing.managed]
        groups = [Thing(kind="group", account=thing.account, name=name) for name in standing.groups]
        return standing.policies + tuple(document for each in (*policies, *groups) for document in self.documents(each))

    def _keep(self, thing: Thing, since: datetime) -> None:
        standing = read(thing)
        self._history.setdefault(thing, []).append((since, standing))
        if standing is not None:
            self._owners.update(dict.fromkeys(standing.keys, thing))
