"""Judges entries of Okta's System Log by the watch list, one after another, oldest first. Pure.

What it remembers grows with the people it has hit, not with the log. An entry that is hit becomes a `Finding` that fills in a playbook. One
that was made by a known hand is told apart as expected, never dropped: the known hand may be the attacker's by now. One in Firedoor's own
name is expected only where somebody vouches for it, see `firedoor.vouching`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from firedoor.errors import BadInput
from firedoor.finding import Finding
from firedoor.vendors.okta import watchlist
from firedoor.vendors.okta.values import LogEntry, LogParty, check_id, check_login
from firedoor.vendors.okta.watchlist import Only, Watch, Whom

WINDOW: Final = timedelta(minutes=10)  # within which a sign-in's entries belong together, and how long before T reading begins
GRACE: Final = timedelta(minutes=1)  # by which Okta's entries of one sign-in may stand in another order
LONGEST: Final = 120
REFUSED: Final = frozenset({"FAILURE", "DENY"})
USERS: Final = frozenset({"User"})  # an AppUser is somebody's account in an app, with an id of its own
APPS: Final = frozenset({"AppInstance", "PublicClientApp", "PublicClientAppEntity"})
GROUPS: Final = frozenset({"UserGroup"})
_KINDS: Final = {**dict.fromkeys(USERS, "user"), **dict.fromkeys(APPS, "app")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the hunt was told. ``expected`` are ids and logins with why their acts are (an automation's); ``own`` those of Firedoor itself;
    ``suppliers`` the mail domains of suppliers; ``apps`` sensitive apps by id or label; ``admins`` ids of administrators. Capitals do not
    matter.
    """

    expected: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    suppliers: tuple[str, ...] = ()
    apps: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A finding, and why it was to be expected; empty where it was not.

    ``own``: Firedoor's own identity did it, and nobody named it as expected. ``at`` is when, ``targets`` the vendor's ids of what it was
    done to.
    """

    finding: Finding
    at: datetime
    expected: str = ""
    own: bool = False
    targets: frozenset[str] = frozenset()


def unvouched(hit: Hit, why: str) -> Hit:
    """The hit as a finding that says whose name it bears, and why nobody vouches for it."""
    return replace(hit, finding=replace(hit.finding, says=f"{hit.finding.says}; in Firedoor's own name, and {why}"))


class Judge:
    """Takes entries in their order and gives hits. ``since`` is T: what was published before it is context, and never hit.

    ``seen`` counts entries from T on, ``refused`` by rule what was tried and failed, ``repeated`` by rule further sign-ins of a person who
    is a hit already.
    """

    def __init__(self, *, since: datetime, known: Known | None = None) -> None:
        known = known or Known()
        self._since = since
        self._expected = {name.casefold(): why for name, why in known.expected.items()}
        self._own = frozenset(name.casefold() for name in known.own)
        self._suppliers = tuple(f"@{domain.casefold().removeprefix('@')}" for domain in known.suppliers)
        self._apps = frozenset(app.casefold() for app in known.apps)
        self._admins = frozenset(admin.casefold() for admin in known.admins)
        self._evaluated, self._factors = _Recent(), _Recent()
        self._begun: deque[LogEntry] = deque()
        self._people: set[tuple[str, str]] = set()
        self.seen = 0
        self.refused: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()

    def judge(self, entry: LogEntry) -> Iterator[Hit]:
        """The hits that this entry brings: itself, and sign-ins before it for which nothing more can come."""
        self.seen += entry.published >= self._since
        yield from self._settle(entry.published - GRACE)
        if entry.event_type in watchlist.SIGN_INS:
            yield from self._sign_in(entry)
        watch = watchlist.watch_of(entry.event_type)
        if watch is None or entry.published < self._since or (watch.only is Only.SENSITIVE and not self._sensitive(entry)):
            return
        if entry.outcome in REFUSED:
            self.refused[watch.rule] += 1
        else:
            yield self._hit(entry, watch.rule, watch.says, _about(entry, watch))

    def finish(self) -> Iterator[Hit]:
        """The hits that had to wait for what might have come after them."""
        yield from self._settle(None)

    def _sign_in(self, entry: LogEntry) -> Iterator[Hit]:
        if entry.outcome in REFUSED:
            return
        if entry.event_type == watchlist.EVALUATED:
            self._evaluated.add(entry)
        elif entry.event_type == watchlist.FACTOR_USED:
            self._factors.add(entry)
        elif entry.published >= self._since:
            self._begun.append(entry)
            if entry.event_type == watchlist.SESSION_BEGUN and entry.actor.name.casefold().endswith(self._suppliers or ("\0",)):
                yield from self._once("supplier_entered", entry)

    def _settle(self, before: datetime | None) -> Iterator[Hit]:
        while self._begun and (before is None or self._begun[0].published < before):
            entry = self._begun.popleft()
            if not self._evaluated.near(entry):
                says = watchlist.JUDGED["session_without_sign_on"]
                yield self._hit(entry, "session_without_sign_on", says, entry.actor)
            elif entry.event_type == watchlist.SESSION_BEGUN and not self._factors.near(entry):
                yield from self._once("single_factor_session", entry)
        if before is not None:
            self._evaluated.forget(before - WINDOW)
            self._factors.forget(before - WINDOW)

    def _once(self, rule: str, entry: LogEntry) -> Iterator[Hit]:
        """The first of each person; the others are counted."""
        if (rule, entry.actor.id) in self._people:
            self.repeated[rule] += 1
            return
        self._people.add((rule, entry.actor.id))
        yield self._hit(entry, rule, watchlist.JUDGED[rule], entry.actor)

    def _sensitive(self, entry: LogEntry) -> bool:
        return any(
            party.id.casefold() in self._admins or party.id.casefold() in self._apps or party.name.casefold() in self._apps
            for party in entry.targets
        )

    def _hit(self, entry: LogEntry, rule: str, says: str, about: LogParty) -> Hit:
        playbook, inputs = self._contained(about)
        where = f", from {shown(entry.ip)}" if entry.ip else ""
        to = f" ({_called(met)})" if (met := _met(entry, about)) is not None else ""
        finding = Finding(
            rule=rule,
            says=f"{says}{to}, by {_called(entry.actor)}{where}: {shown(entry.event_type)}",
            subject=f"okta:{_KINDS.get(about.type, 'party')}:{shown(about.id)}" if about.id else "",
            at=entry.published,
            evidence=f"okta log {shown(entry.uuid)}",
            playbook=playbook,
            inputs=inputs,
        )
        names = (entry.actor.id.casefold(), entry.actor.name.casefold())
        why = next((self._expected[name] for name in names if name in self._expected), "")
        return Hit(
            finding=finding,
            at=entry.published,
            expected=why,
            own=not why and not self._own.isdisjoint(names),
            targets=frozenset(party.id for party in entry.targets if party.id),
        )

    def _contained(self, about: LogParty) -> tuple[str, Mapping[str, tuple[str, ...]]]:
        """What would contain it. By id where there is one: a login may have been somebody else's when the entry was written."""
        if about.type in APPS and _passes(check_id, about.id):
            return "service-account-compromised", {"apps": (about.id,)}
        name = about.id if _passes(check_id, about.id) else about.name if _passes(check_login, about.name) else ""
        if about.type not in USERS or not name:
            return "", {}
        return "session-hijack", {"users": (name,), "since": (self._since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),)}


class _Recent:
    """When people and sessions were last seen doing something, for as long as it matters."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, datetime] = OrderedDict()

    def add(self, entry: LogEntry) -> None:
        for key in filter(None, (entry.actor.id, entry.session and f"session {entry.session}")):
            self._last[key] = entry.published
            self._last.move_to_end(key)

    def near(self, entry: LogEntry) -> bool:
        """Whether the same session or person was seen up to `WINDOW` before the entry, or just after it."""
        found = (self._last.get(key) for key in (entry.actor.id, f"session {entry.session}"))
        return any(at is not None and entry.published - WINDOW <= at <= entry.published + GRACE for at in found)

    def forget(self, before: datetime) -> None:
        while self._last and next(iter(self._last.values())) < before:
            self._last.popitem(last=False)


def shown(text: str) -> str:
    """A vendor's or a stranger's word in a sentence of ours: short, and without characters that hide or turn text."""
    return "".join(character if character.isprintable() else "?" for character in text[:LONGEST])


def _about(entry: LogEntry, watch: Watch) -> LogParty:
    """Whom the finding is about: as the rule says, else whoever acted."""
    wanted = {Whom.USER: USERS | APPS, Whom.APP: APPS, Whom.ACTOR: frozenset[str]()}[watch.whom]
    fitting = [party for party in entry.targets if party.type in wanted and party.id]
    return next((party for party in fitting if party.type in USERS), fitting[0] if fitting else entry.actor)


def _met(entry: LogEntry, about: LogParty) -> LogParty | None:
    """Whom to name beside the actor: whom the finding is about, else the person, group or app it was done to."""
    if about is not entry.actor:
        return about
    return next((party for party in entry.targets if party.type in USERS | GROUPS | APPS and party.id != entry.actor.id), None)


def _called(party: LogParty) -> str:
    name = party.name if party.name and party.name != "unknown" else party.id
    return shown(name) or "nobody named"


def _passes(check: Callable[[str], str], text: str) -> bool:
    try:
        check(text)
    except BadInput:
        return False
    return True
