"""A System Log as a company of some hundred people writes it in a day, with an attacker's acts among it, of every kind a hunt looks for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from firedoor.vendors.okta import watchlist
from firedoor.vendors.okta.systemlog import Party
from firedoor.vendors.okta.watchlist import Only, Whom
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of

TOKEN = "00canaryHunt7Hq2vNzExampleOnly"
SESSION_SECRET = "102canarySessionThatOpensEverything"
OPS, HELPDESK, MALLORY = "00uops1", "00uhelp1", "00umallory1"
ROBOT = Party(id="0oarobot1", type="PublicClientApp", name="provisioning")
SUPPLIER = "supplier.example"
DAY = timedelta(hours=24)


@dataclass(slots=True, kw_only=True)
class Logbook:
    """What was written. ``planted`` and ``honest`` are the numbers of entries, with the rule that each must or does hit."""

    world: OktaWorld
    since: datetime
    planted: dict[int, str] = field(default_factory=dict)
    honest: dict[int, str] = field(default_factory=dict)
    robotic: int = 0

    def uuids(self, numbers: Mapping[int, str]) -> dict[str, str]:
        """Evidence as findings give it, by rule."""
        return {f"okta log {self.world.log.entries[number].shown()['uuid']}": rule for number, rule in numbers.items()}


def written(entries: int, *, planted: int = 40, honest: int = 12, seed: int = 7) -> Logbook:
    """A log of at least so many entries."""
    rng = random.Random(seed)  # noqa: S311 - the same log in every run
    people: list[dict[str, Any]] = [{"id": f"00uperson{n}", "login": f"person{n}@acme.example"} for n in range(300)]
    people += [{"id": OPS, "login": "ops@acme.example", "roles": ["SUPER_ADMIN"]}, {"id": HELPDESK, "login": "helpdesk@acme.example"}]
    people += [{"id": MALLORY, "login": "mallory@acme.example"}]
    world = world_of({"users": people, "api_tokens": [{"token": TOKEN, "owner": OPS}]})
    book = Logbook(world=world, since=datetime.now(UTC).replace(microsecond=0) - DAY)
    acts = sorted([*((rng.uniform(0.01, 0.99), True) for _ in range(planted)), *((rng.uniform(0.01, 0.99), False) for _ in range(honest))])
    rules = _rules()
    while len(world.log.entries) < entries:
        done = len(world.log.entries) / entries
        at = book.since + timedelta(seconds=1) + (DAY - timedelta(minutes=5)) * done
        if acts and done >= acts[0][0]:
            _, evil = acts.pop(0)
            _attack(book, next(rules), at) if evil else _honest(book, at, rng)
        else:
            _ordinary(book, at, rng)
    return book


def _rules() -> Iterator[str]:
    """Every rule in turn, again and again."""
    while True:
        yield from (watch.rule for watch in watchlist.WATCHED)
        yield from watchlist.JUDGED


def _attack(book: Logbook, rule: str, at: datetime) -> None:
    log = book.world.log
    mallory, number = book.world.users[MALLORY].party, len(log.entries)
    stranger = Party(id=f"00ustranger{number}", type="User", name=f"stranger{number}@acme.example")
    app = Party(id=f"0oaevil{number}", type="AppInstance", name="Evil")
    book.planted[number] = rule
    where = {"ip": "203.0.113.66", "session": SESSION_SECRET}
    if rule == "session_without_sign_on":
        log.write(watchlist.ADMIN_APP, at=at, actor=stranger, ip="203.0.113.66", session=f"{SESSION_SECRET}{number}")
    elif rule == "single_factor_session":
        log.write(watchlist.SESSION_BEGUN, at=at, actor=stranger)
        log.write(watchlist.EVALUATED, at=at, actor=stranger, outcome="ALLOW")
    elif rule == "supplier_entered":
        guest = Party(id=f"00uguest{number}", type="User", name=f"guest{number}@{SUPPLIER}")
        del book.planted[number]
        _sign_in(book, at, guest)
        book.planted[len(log.entries) - 1] = rule
    else:
        watch = next(watch for watch in watchlist.WATCHED if watch.rule == rule)
        before = sum(one == rule for one in book.planted.values()) - 1
        type_ = watch.types[before % len(watch.types)]
        kind = f"{type_}create" if type_.endswith(".") else type_
        about = book.world.users[OPS].party if watch.only is Only.SENSITIVE else stranger
        log.write(kind, at=at, actor=mallory, targets=[app if watch.whom is Whom.APP else about], **where)


def _honest(book: Logbook, at: datetime, rng: random.Random) -> None:
    """People help each other: this is what a hunt cannot tell from an attack."""
    rule, kind = rng.choice([("password_changed", "user.account.reset_password"), ("mfa_enrolled", "user.mfa.factor.activate")])
    book.honest[len(book.world.log.entries)] = rule
    user = book.world.users[f"00uperson{rng.randrange(300)}"].party
    book.world.log.write(kind, at=at, actor=book.world.users[HELPDESK].party, targets=[user])


def _ordinary(book: Logbook, at: datetime, rng: random.Random) -> None:
    log, user = book.world.log, book.world.users[f"00uperson{rng.randrange(300)}"].party
    draw = rng.random()
    if draw < 0.12:
        _sign_in(book, at, user)
    elif draw < 0.14:
        log.write(watchlist.SESSION_BEGUN, at=at, actor=user, outcome="FAILURE", reason="INVALID_CREDENTIALS")
    elif draw < 0.15:
        book.robotic += 1
        log.write("user.lifecycle.create", at=at, actor=ROBOT, targets=[user])
    elif draw < 0.2:
        log.write("application.user_membership.add", at=at, actor=ROBOT, targets=[user])
    elif draw < 0.21:
        log.write("user.account.update_password", at=at, actor=user, targets=[user], outcome="FAILURE")
    else:
        kind = rng.choice(
            ["user.authentication.sso", "app.oauth2.as.token.grant.access_token", "user.session.end", "group.user_membership.add"]
        )
        log.write(kind, at=at, actor=user, targets=[user], ip="198.51.100.7")


def _sign_in(book: Logbook, at: datetime, user: Party) -> None:
    """Entries of one sign-in, a little out of their order, as Okta may write them."""
    log, session = book.world.log, f"102ordinary{len(book.world.log.entries)}"
    log.write(watchlist.EVALUATED, at=at, actor=user, outcome="ALLOW")
    log.write(watchlist.FACTOR_USED, at=at + timedelta(milliseconds=300), actor=user, session=session)
    log.write(watchlist.SESSION_BEGUN, at=at + timedelta(milliseconds=200), actor=user, session=session)
