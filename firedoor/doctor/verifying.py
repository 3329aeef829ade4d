"""Where the facts about vendors stand that nobody here could confirm: at the tenants that are set up, by what people have put on record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from firedoor import signing, wiring
from firedoor.approval import Person
from firedoor.doctor import probes, record
from firedoor.doctor.probes import Shown
from firedoor.doctor.sandbox import by_hand, commands
from firedoor.doctor.tenants import VENDORS, tenants
from firedoor.errors import BadInput, FiredoorError, nearest, shown
from firedoor.facts import Established, Fact, gathered, line_of, newest, stream_of
from firedoor.journal import Kind
from firedoor.measured import Measured, Measuring
from firedoor.permissions import Shelf
from firedoor.settings import Settings

if TYPE_CHECKING:
    from firedoor.terminal import Signer


class Standing(StrEnum):
    """Where a fact stands."""

    FAILS = "does not hold"
    OPEN = "to be established"
    HOLDS = "holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A unit that rests on a fact: how to have it do its work, by commands or (``by_hand``) else, and what the journal has of it.

    A source is given no time.
    """

    unit: str
    commands: Sequence[str]
    by_hand: str
    measured: Measured
    settle_within: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One fact at the tenants that are set up. ``said`` is the newest word on it that counts, ``elsewhere`` the newest of other tenants;
    ``uncounted`` is a newer one that is not signed by anybody on today's roster. ``shown``: what a look at the tenant showed by itself.
    """

    fact: Fact
    tenants: tuple[str, ...]
    grounds: tuple[Ground, ...]
    said: Established | None
    elsewhere: Established | None
    uncounted: Established | None
    shown: Shown | None = None

    @property
    def standing(self) -> Standing:
        """By the newest word that counts; where there is none, by what was shown."""
        holds = self.said.holds if self.said is not None else self.shown.holds if self.shown is not None else None
        return {None: Standing.OPEN, True: Standing.HOLDS, False: Standing.FAILS}[holds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All of them. ``untold`` are vendors that did not tell which tenant they are, and why; ``absent`` those that are not set up.

    ``against`` are actions of which the journal has steps that were not seen to hold in the time that they are given.
    """

    stands: tuple[Stand, ...]
    against: tuple[Ground, ...] = ()
    untold: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def check_vendor(name: str) -> None:
    """Raise `BadInput` where it is no vendor's name; an empty one stands for all."""
    if name and name not in VENDORS:
        raise BadInput(f"facts are told of {', '.join(VENDORS)}, and not of {shown(name)}{nearest(name, VENDORS)}")


async def look(settings: Settings, on: Shelf, *, vendor: str = "") -> Verification:
    """Where they stand now; of one vendor, where it is named. Only looks. Raises `BadInput` where nothing is set up, `JournalError`."""
    wanted = [vendor] if vendor else VENDORS
    found: dict[str, Sequence[str]] = {}
    untold: dict[str, str] = {}
    for name in wanted:
        try:
            found[name] = await tenants(settings, name)
        except FiredoorError as error:
            untold[name] = error.what
    if not untold and not any(found.values()):
        if vendor:
            raise BadInput(f"{vendor} is not set up here", advice="Set it up as README.md says")
        none = f"none of {', '.join(VENDORS[:-1])} and {VENDORS[-1]} is set up here"
        raise BadInput(none, advice="Set up at least one of them, as README.md says")
    facts = [fact for fact in gathered(on.known) if found.get(fact.vendor)]
    measuring = Measuring({name: unit.spec.hold for name, unit in on.known.actions.items()})
    await record.measure(settings, measuring)
    counting, others = await on_record(settings, facts)
    stands = [_stand(fact, found[fact.vendor], on, measuring, counting, others) for fact in facts]
    looks = await probes.shown(settings, {(one.fact.vendor, one.fact.says) for one in stands if one.said is None})
    return Verification(
        stands=tuple(replace(one, shown=looks.get((one.fact.vendor, one.fact.says))) for one in stands),
        against=tuple(
            ground
            for name, unit in on.known.actions.items()
            if found.get(unit.spec.vendor) and speaks_against(ground := _ground(name, on, measuring))
        ),
        untold=untold,
        absent=tuple(name for name, there in found.items() if not there),
    )


async def on_record(settings: Settings, facts: Sequence[Fact]) -> tuple[Sequence[Established], Sequence[Established]]:
    """What was put on record of these facts: what counts, since somebody on today's roster has signed it, and what does not."""
    known = {fact.digest for fact in facts}
    said = [one for one in await record.established(settings) if one.fact in known]
    counts = await asyncio.gather(*(asyncio.to_thread(one.counts, settings.roster) for one in said))
    judged = list(zip(said, counts, strict=True))
    return [one for one, counted in judged if counted], [one for one, counted in judged if not counted]


def speaks_against(ground: Ground) -> bool:
    """Whether the journal has a step that was not seen to hold in the time that the action is given."""
    most, given = ground.measured.most, ground.settle_within
    return bool(ground.measured.unverified) or (most is not None and given is not None and most > given)


def _stand(  # noqa: PLR0917 - what is known of one fact
    fact: Fact, there: Sequence[str], on: Shelf, measuring: Measuring, counting: Sequence[Established], others: Sequence[Established]
) -> Stand:
    said, uncounted = newest(counting, fact, there), newest(others, fact, there)
    away = {name for one in counting for name in one.tenants} - set(there)
    return Stand(
        fact=fact,
        tenants=tuple(there),
        grounds=tuple(_ground(unit, on, measuring) for unit in fact.units),
        said=said,
        elsewhere=newest([one for one in counting if not set(one.tenants) & set(there)], fact, away),
        uncounted=uncounted if uncounted is not None and (said is None or uncounted.at > said.at) else None,
    )


def _ground(unit: str, on: Shelf, measuring: Measuring) -> Ground:
    action = on.known.actions.get(unit)
    ready = commands(unit, on)
    return Ground(
        unit=unit,
        commands=ready,
        by_hand="" if ready else by_hand(unit, on),
        measured=measuring.found.get(unit) or Measured(),
        settle_within=action.spec.settle_within if action is not None else None,
    )


def check_signer(settings: Settings, signer: Signer) -> Person:
    """Whose key it is. Raises `BadInput` where it is nobody's on the roster."""
    person = settings.roster.by_key(signer.public)
    if person is None:
        raise BadInput("that key is nobody's on the roster", advice="Add it to your keys under [[people]] in firedoor.toml")
    return person


async def put_on_record(settings: Settings, stand: Stand, signer: Signer, *, holds: bool, note: str) -> Established:
    """What somebody saw of a fact, signed by them. Raises `BadInput` and `BrokenOff` with nothing recorded, `JournalError`."""
    person = check_signer(settings, signer)
    said = Established(
        vendor=stand.fact.vendor,
        fact=stand.fact.digest,
        says=stand.fact.says,
        holds=holds,
        tenants=stand.tenants,
        note=line_of(note),
        by=person.name,
        at=datetime.now(UTC),
        roster=settings.roster.hash,
    )
    signature = await signer.signed(said.document)
    if not signing.holds(said.document, signature.proof, person.keys, hardware=False):
        raise BadInput("the signature is not one by a key of yours, that is on the roster", advice="Sign with a key that is")
    said = said.signed_with(signature.proof)
    async with wiring.open_journal(settings) as (_, journal):
        await journal.append(stream_of(said.vendor), Kind.ESTABLISHED, said)
    return said
