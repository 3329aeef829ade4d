"""What CloudTrail's files tell of access keys: which were used, by whom and from where, and what was done with one and all it made.

A key that is in the files and in no listing is somebody's who is not known, or was deleted. No API lists the live sessions of a role: what
can be said of them is what is said here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from firedoor.errors import BadInput
from firedoor.finding import Finding
from firedoor.vendors.aws.trailfiles import GLOBAL_REGION, HOUR, LAG, Coverage, TrailRecord, files_of, records
from firedoor.vendors.aws.values import check_key_id, check_role_arn

MOST_KEYS: Final = 100_000
MOST_ADDRESSES: Final = 50
MOST_EVENTS: Final = 200
MOST_MADE: Final = 1000
MOST_CAME: Final = 500_000
MOST_GAPS: Final = 50


@dataclass(slots=True, kw_only=True)
class KeyUse:
    """How an access key was used. ``issuer`` is the role or user that a temporary key was issued for, ``minted_by`` the key it was asked
    for with, ``began`` when its session did, each where the files tell. ``addresses`` are the first `MOST_ADDRESSES`, ``more_addresses``
    counts uses from others.
    """

    key: str
    account: str
    principal: str
    issuer: str
    first: datetime
    last: datetime
    count: int = 0
    refused: int = 0
    addresses: list[str] = field(default_factory=list)
    more_addresses: int = 0
    regions: set[str] = field(default_factory=set)
    minted_by: str = ""
    began: datetime | None = None

    @property
    def temporary(self) -> bool:
        """Whether it is a session's."""
        return self.key.startswith("ASIA")

    def take(self, record: TrailRecord) -> None:
        """Count one use."""
        self.count += 1
        self.refused += bool(record.error)
        self.first, self.last = min(self.first, record.at), max(self.last, record.at)
        self.regions.add(record.region)
        self.began = self.began or record.began
        if record.ip and record.ip not in self.addresses:
            if len(self.addresses) < MOST_ADDRESSES:
                self.addresses.append(record.ip)
            else:
                self.more_addresses += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A temporary key that a reply gave out: when, asked for by whom (``principal``) with which key (``by``; empty: with none), for which
    role and principal (``given_to``), and until when it can live; each empty or None where the record does not say.
    """

    at: datetime
    account: str
    by: str
    principal: str
    role: str
    given_to: str
    ends: datetime | None

    @classmethod
    def of(cls, record: TrailRecord) -> Minted:
        """What the record of that reply tells."""
        return cls(
            at=record.at,
            account=record.account,
            by=record.key,
            principal=record.principal,
            role=record.role,
            given_to=record.given_to,
            ends=record.ends,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedKeys:
    """Every key that was seen from ``since`` until before ``until`` (None: no bound), by id, and every temporary one that was given out.

    ``left_out`` counts uses of keys beyond `MOST_KEYS`, ``minted_left_out`` replies with temporary keys beyond as many.
    """

    since: datetime | None
    until: datetime | None
    keys: Mapping[str, KeyUse]
    minted: Mapping[str, Minted]
    left_out: int
    minted_left_out: int
    coverage: Coverage

    @property
    def sessions(self) -> Sequence[KeyUse]:
        """The temporary ones: sessions that existed, as far as they did anything."""
        return [use for use in self.keys.values() if use.temporary]

    @property
    def limits(self) -> Sequence[str]:
        """What the answer does not cover, in words."""
        return limits(self.coverage, self.since, self.until, left_out=self.left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What was done with a key, and with the sessions and keys that came of it, directly or not.

    ``uses`` are that key's and theirs, ``events`` counts calls by name (the `MOST_EVENTS` most frequent), ``findings`` what should be
    judged.
    """

    key: str
    uses: Sequence[KeyUse]
    events: Mapping[str, int]
    findings: Sequence[Finding]
    coverage: Coverage
    limits: Sequence[str]


def used_keys(paths: Iterable[Path], since: datetime | None = None, until: datetime | None = None) -> UsedKeys:
    """Every access key that signed a request in the window. Raises `BadInput` where there are no files, or the window is empty."""
    files, coverage = _begun(paths, since, until)
    keys: dict[str, KeyUse] = {}
    minted: dict[str, Minted] = {}
    left_out = minted_left_out = 0
    for record in records(files, coverage):
        if not _within(record, since, until):
            continue
        if record.minted and record.minted not in minted and len(minted) >= MOST_KEYS:
            minted_left_out += 1
        elif record.minted:
            minted[record.minted] = Minted.of(record)
        if record.key and record.key not in keys and len(keys) >= MOST_KEYS:
            left_out += 1
        elif record.key:
            _use(keys, record).take(record)
    for key, one in minted.items():
        if key in keys:
            keys[key].minted_by = one.by
    return UsedKeys(
        since=since, until=until, keys=keys, minted=minted, left_out=left_out, minted_left_out=minted_left_out, coverage=coverage
    )


def activity_of(key: str, paths: Iterable[Path], since: datetime | None = None, until: datetime | None = None) -> Activity:
    """What was done with ``key`` in the window. The files are read twice: first for what came of it, since they are in no order of time.

    Raises `BadInput` as `used_keys` does, and where that is no key id.
    """
    check_key_id(key)
    files, first = _begun(paths, since, until)
    children: dict[str, list[str]] = {}
    edges = 0
    for record in records(files, first):
        came = [one for one in (record.minted, record.made) if one]
        if record.key and came and _within(record, since, until) and edges < MOST_CAME:
            edges += len(came)
            children.setdefault(record.key, []).extend(came)
    family = frozenset(_descent(key, children))
    coverage = Coverage(aside=first.aside)
    keys: dict[str, KeyUse] = {}
    events: Counter[str] = Counter()
    made: dict[tuple[str, str], TrailRecord] = {}
    for record in records(files, coverage):
        if record.key not in family or not _within(record, since, until):
            continue
        _use(keys, record).take(record)
        events[record.event] += 1
        if not record.error and len(made) < MOST_MADE:
            made |= {what: record for what in _made(record) if what not in made}
    cut = [f"more than {MOST_CAME} sessions and keys were made: what came of the last is not told"] if edges >= MOST_CAME else []
    findings = [_used(use, root=key) for use in keys.values()] + [
        _finding(kind, name, record, key) for (kind, name), record in made.items()
    ]
    return Activity(
        key=key,
        uses=list(keys.values()),
        events=dict(events.most_common(MOST_EVENTS)),
        findings=sorted(findings, key=lambda one: str(one.at)),
        coverage=coverage,
        limits=[*limits(coverage, since, until), *cut],
    )


def limits(coverage: Coverage, since: datetime | None, until: datetime | None, *, left_out: int = 0) -> Sequence[str]:
    """What the files do not tell of the window."""
    told = [f"{path}: {why}" for path, why in coverage.broken]
    if coverage.more_broken:
        told.append(f"{coverage.more_broken} more files could not be read to their end")
    if coverage.unread:
        told.append(f"{coverage.unread} records are of no known shape and were not read")
    if left_out:
        told.append(f"more than {MOST_KEYS} keys: {left_out} uses of others are not told; take a shorter window, or fewer files")
    told += _gaps(coverage, since or coverage.first, until or coverage.last)
    if coverage.regions and GLOBAL_REGION not in coverage.regions:
        told.append(f"no file of {GLOBAL_REGION}, where AWS records what IAM was asked")
    told.append(f"only these regions are covered: {', '.join(coverage.regions) or 'none'}; data events only where the trail records them")
    if coverage.last is not None and (until is None or until - coverage.last < LAG):
        told.append("CloudTrail delivers some minutes late, and promises no time: what is newest may be missing")
    return told


def _gaps(coverage: Coverage, since: datetime | None, until: datetime | None) -> Iterator[str]:
    """A line for each account and region with hours that nothing is known of."""
    by_place: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    for account, region, start, end in coverage.gaps(since, until) if since is not None and until is not None else ():
        by_place.setdefault((account, region), []).append((start, end))
    for number, ((account, region), gaps) in enumerate(by_place.items()):
        if number == MOST_GAPS:
            yield f"and {len(by_place) - MOST_GAPS} more accounts and regions with such hours"
            return
        hours = sum(round((end - start) / HOUR) for start, end in gaps)
        first = f"{gaps[0][0]:%Y-%m-%dT%H:%MZ} until {gaps[0][1]:%Y-%m-%dT%H:%MZ}"
        yield f"account {account}, {region}: {hours} hours without a record, first from {first}: nothing happened, or files are missing"


def _begun(paths: Iterable[Path], since: datetime | None, until: datetime | None) -> tuple[Sequence[Path], Coverage]:
    if since is not None and until is not None and since >= until:
        raise BadInput("the window ends before it begins", advice="Give --since and --until in their order")
    files, aside = files_of(paths)
    return files, Coverage(aside=aside)


def _within(record: TrailRecord, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= record.at) and (until is None or record.at < until)


def _use(keys: dict[str, KeyUse], record: TrailRecord) -> KeyUse:
    if record.key not in keys:
        keys[record.key] = KeyUse(
            key=record.key,
            account=record.account,
            principal=record.principal,
            issuer=record.issuer,
            first=record.at,
            last=record.at,
        )
    return keys[record.key]


def _descent(key: str, children: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The key, and all that came of it, each once."""
    known, following = {key}, [key]
    while following:
        one = following.pop()
        yield one
        new = [child for child in children.get(one, ()) if child not in known]
        known.update(new)
        following += new


def _made(record: TrailRecord) -> Iterator[tuple[str, str]]:
    if record.made:
        yield "key_made", record.made
    if record.minted and record.role:
        yield "role_taken", record.role
    if record.event == "CreateUser" and record.user:
        yield "user_made", f"{record.account}/{record.user}"
    if record.event == "CreateLoginProfile" and record.user:
        yield "password_made", f"{record.account}/{record.user}"


def _used(use: KeyUse, *, root: str) -> Finding:
    came = "" if use.key == root else f", which came of {root},"
    many = f"{use.count} times ({use.refused} refused)" if use.refused else f"{use.count} times"
    addresses = ", ".join(use.addresses[:5]) + (" and others" if len(use.addresses) > 5 or use.more_addresses else "")
    playbook, inputs = _contains(use.key, use.issuer)
    return Finding(
        rule="key_used",
        says=f"{use.key}{came} was used {many} as {use.principal or 'nobody named'} from {addresses or 'no address'}",
        subject=f"aws:access_key:{use.key}",
        at=use.first,
        evidence=f"CloudTrail, account {use.account}, {', '.join(sorted(use.regions))}, last {use.last:%Y-%m-%dT%H:%M:%SZ}",
        playbook=playbook,
        inputs=inputs,
    )


_SAYS: Final = {
    "key_made": "another access key was made with it: {name}",
    "role_taken": "a role was taken on with it: {name}",
    "user_made": "a user was made with it: {name}",
    "password_made": "a user was given a password for the console with it: {name}",
}


def _finding(kind: str, name: str, record: TrailRecord, root: str) -> Finding:
    if kind == "key_made":
        subject, contains = f"aws:access_key:{name}", _contains(name, "")
    elif kind == "role_taken":
        subject, contains = f"aws:role:{name}", _contains(root, name)
    else:
        subject, contains = f"aws:user:{name}", ("service-account-compromised", {"aws_users": (name,)})
    return Finding(
        rule=kind,
        says=_SAYS[kind].format(name=name) + f" (by {record.key} from {record.ip or 'no address'})",
        subject=subject,
        at=record.at,
        evidence=f"CloudTrail {record.event}, account {record.account}, {record.region}, {record.at:%Y-%m-%dT%H:%M:%SZ}",
        playbook=contains[0],
        inputs=contains[1],
    )


def _contains(key: str, role: str) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """What would contain a long-term key, and the sessions of a role that was taken on. A temporary key is closed by its role alone."""
    roles = {"roles": (role,)} if role and _passes(check_role_arn, role) else {}
    if key.startswith("AKIA") and _passes(check_key_id, key):
        return "leaked-aws-key", {"access_keys": (key,), **roles}
    return ("service-account-compromised", roles) if roles else ("", {})


def _passes(check: Callable[[str], str], text: str) -> bool:
    try:
        check(text)
    except BadInput:
        return False
    return True
