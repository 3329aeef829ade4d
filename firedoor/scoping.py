"""What the command line asks to scope an incident: hunts over Okta's System Log, HAR files and CloudTrail, and lists of what was leaked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from firedoor import clients, har, importing
from firedoor.canonical import JSON, plain
from firedoor.errors import BadInput, FiredoorError, NotFound, Rejected, VendorError, shown
from firedoor.finding import Finding
from firedoor.fingerprints import Fingerprints
from firedoor.hunting import WINDOW, Hit, Judge, Known, unvouched
from firedoor.leaks import Leak, containment, finding
from firedoor.settings import load
from firedoor.vendors.access import Access
from firedoor.vendors.aws.trail import activity_of
from firedoor.vendors.okta import watchlist

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from firedoor.vendors.aws.values import KeyOwner
    from firedoor.vendors.okta.client import OktaClient
    from firedoor.vendors.okta.values import LogEntry

AT_ONCE: Final = 8
MOST_LISTED: Final = 10_000
KEPT: Final = timedelta(days=90)
LAG: Final = timedelta(minutes=1)

Vouch: TypeAlias = Callable[[Sequence[Hit]], Awaitable[Sequence[Hit]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A finding by a known hand, and why it was to be expected. ``named``: whoever hunts named that hand."""

    finding: Finding
    why: str
    named: bool = True


@dataclass(slots=True, kw_only=True)
class Hunt:
    """What a hunt over the System Log found.

    ``entries`` is how many were read, ``narrowed`` whether Okta sent only those that the rules look at. ``refused`` and ``repeated`` count
    by rule what is not listed one by one, see `firedoor.hunting.Judge`; ``left_out`` findings beyond `MOST_LISTED`. ``incomplete`` says why
    the log was not read whole, ``notes`` what else limits the answer.
    """

    since: datetime
    until: datetime
    findings: list[Finding] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    entries: int = 0
    narrowed: bool = True
    refused: Mapping[str, int] = field(default_factory=dict)
    repeated: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0
    incomplete: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Whether all was looked at, and nothing found but acts of hands that were named as known."""
        return not (self.findings or self.left_out or self.incomplete) and all(one.named for one in self.expected)

    def take(self, hit: Hit) -> None:
        """List a hit, where there is still room."""
        if len(self.findings) + len(self.expected) >= MOST_LISTED:
            self.left_out += 1
        elif hit.expected:
            self.expected.append(Expected(finding=hit.finding, why=hit.expected, named=not hit.own))
        else:
            self.findings.append(hit.finding)


async def hunt_okta(
    since: datetime,
    until: datetime | None = None,
    *,
    expected: Sequence[str] = (),
    suppliers: Sequence[str] = (),
    apps: Sequence[str] = (),
) -> Hunt:
    """Hunt over the System Log of the configured org. Raises `Misconfigured` or `VendorError` where Okta cannot be asked at all."""
    async with AsyncExitStack() as stack:
        at = await clients.connect(stack, load(), frozenset({"okta"}), Access.READ, None)
        if "okta" in at.missing:
            raise at.missing["okta"]
        okta: OktaClient = at.by_vendor["okta"]
        known = Known(
            expected=dict.fromkeys(expected, "it was named as expected"),
            own=frozenset(name.removeprefix("okta:user:") for name in at.own),
            suppliers=tuple(suppliers),
            apps=frozenset(apps),
        )
        return await hunt_since(okta, since, until, known=known, vouch=_by_journal)


async def _by_journal(hits: Sequence[Hit]) -> Sequence[Hit]:
    """What the journal of this installation tells of acts in Firedoor's own name."""
    from firedoor.vouching import vouched  # noqa: PLC0415 - the journal is opened only where there are such acts
    from firedoor.wiring import open_journal  # noqa: PLC0415

    try:
        async with open_journal(load()) as (_, journal):
            return await vouched(journal, hits)
    except FiredoorError as error:
        return [unvouched(hit, f"the journal could not be read to tell ({error.what})") for hit in hits]


async def _by_nobody(hits: Sequence[Hit]) -> Sequence[Hit]:
    return [unvouched(hit, "no journal is at hand to tell") for hit in hits]


async def hunt_since(okta: OktaClient, since: datetime, until: datetime | None = None, *, known: Known, vouch: Vouch = _by_nobody) -> Hunt:
    """Everything of the watch list from ``since`` until ``until`` (else now, on Okta's clock).

    ``vouch`` tells of acts in Firedoor's own name which of them a run of it wrote; they come last.

    Memory does not grow with the log. An error in the middle does not lose what was found before it: it makes the hunt incomplete.
    Raises `BadInput` for times in the wrong order, and the vendor's error where not one entry could be read.
    """
    now = await okta.now()
    hunt = Hunt(since=since, until=min(until, now) if until is not None else now)
    if since >= hunt.until:
        raise BadInput("the hunt begins after its end", target=shown(since.isoformat()), advice="Give --since a moment in the past")
    if since < now - KEPT:
        hunt.incomplete = f"Okta keeps its log for {KEPT.days} days, and the hunt begins before that"
    if hunt.until > now - LAG:
        hunt.notes.append("entries of the last minute may not show yet: hunt again for them")
    judge = Judge(since=since, known=await _with_admins(okta, known, hunt))
    for hit in await vouch(await _read(okta, hunt, judge)):
        hunt.take(hit)
    hunt.entries, hunt.refused, hunt.repeated = judge.seen, dict(judge.refused), dict(judge.repeated)
    return hunt


async def _read(okta: OktaClient, hunt: Hunt, judge: Judge) -> Sequence[Hit]:
    """Read the log and take in what is found; the hits in Firedoor's own name are given back, `MOST_LISTED` at most."""
    own: list[Hit] = []

    def take(hit: Hit) -> None:
        if hit.own and len(own) < MOST_LISTED:
            own.append(hit)
        else:
            hunt.take(hit)

    try:
        async for entry in _entries(okta, hunt):
            for hit in judge.judge(entry):
                take(hit)
    except VendorError as error:
        if not judge.seen:
            raise
        hunt.incomplete = f"the log could not be read to its end: {error.what}"
    for hit in judge.finish():
        take(hit)
    return own


async def _entries(okta: OktaClient, hunt: Hunt) -> AsyncIterator[LogEntry]:
    """The entries that the rules look at, and perhaps all others. Where Okta refuses the filter, all are read, and looked at here."""
    start, narrow = hunt.since - WINDOW, watchlist.filter_for(watchlist.types())
    hunt.narrowed = bool(narrow)
    begun = False
    try:
        async for entry in okta.log_entries(since=start, until=hunt.until, filter=narrow):
            begun = True
            yield entry
    except Rejected:
        if begun or not narrow:
            raise
        hunt.narrowed = False
    if not hunt.narrowed and narrow:
        async for entry in okta.log_entries(since=start, until=hunt.until):
            yield entry


async def _with_admins(okta: OktaClient, known: Known, hunt: Hunt) -> Known:
    try:
        found = await okta.super_administrators()
    except VendorError as error:
        hunt.notes.append(f"who administers Okta could not be read, so access given to administrators was not looked for: {error.what}")
        return known
    return replace(known, admins=known.admins | {user.id for user in found})


def trail_of(key: str, paths: Sequence[Path], since: datetime | None, until: datetime | None) -> Mapping[str, JSON]:
    """What CloudTrail's files tell of an access key, as data; ``whole``: every file could be read to its end. Raises `BadInput`."""
    found = activity_of(key, paths, since, until)
    coverage = found.coverage
    told = plain({**{name: getattr(found, name) for name in ("key", "uses", "events", "findings", "limits")}, "whole": coverage.whole})
    assert isinstance(told, Mapping)
    return {
        **told,
        "coverage": {"files": coverage.files, "records": coverage.records, "first": plain(coverage.first), "last": plain(coverage.last)},
    }


async def scan_har(path: Path, *, ask_aws: bool = False) -> Mapping[str, JSON]:
    """The credentials in a HAR file, as data. ``ask_aws``: whose its access keys are, AWS is asked. Raises `BadInput`, `Misconfigured`."""
    settings = load()
    scanned = har.scan(path, Fingerprints.kept_in(settings.state_dir))
    leaks = list(scanned.leaks.values())
    if ask_aws:
        async with AsyncExitStack() as stack:
            at = await clients.connect(stack, settings, frozenset({"aws"}), Access.READ, None)
            if "aws" in at.missing:
                raise at.missing["aws"]
            leaks = await with_owners(leaks, at.by_vendor["aws"])
    now = datetime.now(UTC)
    told = plain(
        {
            "file": path.name,
            "leaks": leaks,
            "findings": [finding(leak, now) for leak in leaks],
            "left_over": [leak.name for leak in leaks if not leak.owner],
            **{
                name: getattr(scanned, name)
                for name in ("entries", "redacted", "other_cookies", "unread", "left_out", "incomplete", "whole")
            },
        }
    )
    assert isinstance(told, Mapping)
    return told


def import_file(path: Path) -> tuple[Mapping[str, JSON], str]:
    """A list of leaked credentials, as data and as CSV. Raises `BadInput`, `Misconfigured`."""
    found = importing.read(path, Fingerprints.kept_in(load().state_dir))
    now = datetime.now(UTC)
    told = plain(
        {
            "file": path.name,
            "leaks": found.leaks,
            "findings": [finding(leak, now) for leak in found.leaks if containment(leak)[0]],
            "no_owner": sum(not leak.owner for leak in found.leaks),
            **{name: getattr(found, name) for name in ("rows", "twice", "left", "more_left", "doubts", "incomplete", "whole")},
        }
    )
    assert isinstance(told, Mapping)
    return told, importing.as_csv(found.leaks)


async def with_owners(leaks: Sequence[Leak], aws: KnowsKeys) -> list[Leak]:
    """The same leaks, with the owners of those access keys that AWS knows. A key that it does not know stays without one."""

    async def owned(leak: Leak) -> Leak:
        if leak.kind != "access_key" or leak.owner or not leak.id.startswith("AKIA"):
            return leak
        async with gate:
            try:
                user = (await aws.key_owner(leak.id)).user
            except (BadInput, NotFound, Rejected):
                return leak
        return replace(leak, owner=f"aws:user:{user.account}/{user.name}")

    gate = asyncio.Semaphore(AT_ONCE)
    return list(await asyncio.gather(*(owned(leak) for leak in leaks)))


class KnowsKeys(Protocol):
    """What can say whose an access key is."""

    async def key_owner(self, key_id: str) -> KeyOwner:
        """The owner. Raises `BadInput`, `NotFound` or `Rejected` for who is not known."""


def report(hunt: Hunt) -> Mapping[str, JSON]:
    """The hunt as data."""
    told = plain(hunt)
    assert isinstance(told, Mapping)
    return told
