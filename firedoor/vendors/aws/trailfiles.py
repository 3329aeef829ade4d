"""CloudTrail's log files as it delivers them to S3: found in folders, read as a stream, each record through an allow-list.

Rests on AWS's pages "CloudTrail log file name format" and "CloudTrail record contents". CloudTrail delivers a file about every five minutes
and promises no time, may deliver a record twice, writes no file where nothing happened, and writes what IAM and STS's global endpoint were
asked to us-east-1 only. A record may hold secrets (the session token that AssumeRole gave, for one): what is not named here is dropped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from firedoor import moments
from firedoor.errors import BadInput, shown
from firedoor.jsonstream import items
from firedoor.textfile import pieces

LAG: Final = timedelta(minutes=15)
GLOBAL_REGION: Final = "us-east-1"
HOUR: Final = timedelta(hours=1)
MOST_BROKEN: Final = 100
LONGEST: Final = 200
LONGEST_SESSION: Final = 129_600  # seconds; what AWS gives at most, to a user that asks for a session of its own

_NAME: Final = re.compile(r"(?P<account>[0-9]{12})_CloudTrail_(?P<region>[a-z]{2}[a-z0-9-]{3,24})_(?P<stamp>[0-9]{8}T[0-9]{4}Z)_.+")
_KEY: Final = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,28}")
_ASIDE: Final = ("CloudTrail-Digest", "CloudTrail-Insight")

Object: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRecord:
    """One record. ``key`` signed the request (empty: none did, or an AWS service), ``minted`` and ``made`` are the ids of the temporary and
    of the long-term key that the reply gave, ``role`` and ``user`` whom it was about, ``error`` AWS's code where it was refused.
    ``began`` is when the session was made that signed it; ``given_to`` whom the temporary key is for, ``ends`` until when it can live.
    """

    at: datetime
    event: str
    region: str
    account: str
    key: str
    principal: str
    issuer: str
    ip: str
    error: str
    minted: str
    made: str
    role: str
    user: str
    began: datetime | None
    given_to: str
    ends: datetime | None


@dataclass(slots=True, kw_only=True)
class Coverage:
    """Which files were read, and what they cover: hours (the first of them, in UTC) by account and region.

    ``broken`` are files that were not read to their end, with why; ``more_broken`` how many beyond `MOST_BROKEN`. ``unread`` counts records
    of no known shape, ``aside`` files that hold no records (digests, insights).
    """

    files: int = 0
    records: int = 0
    first: datetime | None = None
    last: datetime | None = None
    hours: dict[str, dict[str, set[datetime]]] = field(default_factory=dict)
    broken: list[tuple[str, str]] = field(default_factory=list)
    more_broken: int = 0
    unread: int = 0
    aside: int = 0

    @property
    def whole(self) -> bool:
        """Whether every file that was given could be read to its end, record by record."""
        return not self.broken and not self.unread

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that any file is about."""
        return tuple(sorted({region for regions in self.hours.values() for region in regions}))

    def covers(self, account: str, region: str, at: datetime) -> None:
        """Note that the files know of an hour."""
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        self.hours.setdefault(account, {}).setdefault(region, set()).add(hour)

    def gaps(self, since: datetime, until: datetime) -> Sequence[tuple[str, str, datetime, datetime]]:
        """Hours of a window without any record or file: account, region, from, until before. It may be that nothing happened then."""
        start = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        found: list[tuple[str, str, datetime, datetime]] = []
        for account, regions in sorted(self.hours.items()):
            for region, known in sorted(regions.items()):
                hour, empty = start, None
                while hour < until:
                    if hour in known and empty is not None:
                        found.append((account, region, empty, hour))
                        empty = None
                    elif hour not in known and empty is None:
                        empty = hour
                    hour += HOUR
                if empty is not None:
                    found.append((account, region, empty, hour))
        return found


def files_of(paths: Iterable[Path]) -> tuple[Sequence[Path], int]:
    """The log files at or below the paths, each once, sorted, and how many files beside them hold no records. Links are not followed.

    Raises `BadInput` where a path is not there, or no log file is at any.
    """
    found: dict[Path, None] = {}
    aside = 0
    for path in paths:
        if not path.exists():
            raise BadInput(
                "there is no such file or folder", target=shown(str(path)), advice="Give the folder that the trail was copied to"
            )
        for one in [path] if path.is_file() else _below(path):
            if any(part in _ASIDE for part in one.parts):
                aside += 1
            else:
                found.setdefault(one.resolve())
    if not found:
        raise BadInput("no CloudTrail log file is there", advice="They end with .json or .json.gz, and lie in folders named CloudTrail")
    return sorted(found), aside


def records(files: Iterable[Path], coverage: Coverage) -> Iterator[TrailRecord]:
    """The records of the files, file by file. What they cover, and what could not be read, goes to ``coverage``."""
    for path in files:
        coverage.files += 1
        if named := _NAME.fullmatch(path.name):
            delivered = datetime.strptime(named["stamp"], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
            coverage.covers(named["account"], named["region"], delivered)
        try:
            for item in items(pieces(path), "Records"):
                if (record := _record(item)) is None:
                    coverage.unread += 1
                    continue
                _count(record, coverage)
                yield record
        except BadInput as broken:
            if len(coverage.broken) < MOST_BROKEN:
                coverage.broken.append((shown(path.name), broken.what))
            else:
                coverage.more_broken += 1


def _count(record: TrailRecord, coverage: Coverage) -> None:
    coverage.records += 1
    coverage.first = record.at if coverage.first is None else min(coverage.first, record.at)
    coverage.last = record.at if coverage.last is None else max(coverage.last, record.at)
    coverage.covers(record.account, record.region, record.at)


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names) if name.endswith((".json", ".json.gz")))


def _record(item: object) -> TrailRecord | None:
    """The allow-list. A record without its moment or its name is of no known shape."""
    if not isinstance(item, Mapping):
        return None
    who = _object(item, "userIdentity")
    reply, asked = _object(item, "responseElements"), _object(item, "requestParameters")
    at, event = moments.read(_text(item, "eventTime"), zone=False), _text(item, "eventName")
    context, principal = _object(who, "sessionContext"), _text(who, "arn") or _text(who, "principalId") or _text(who, "invokedBy")
    if at is None or not event:
        return None
    return TrailRecord(
        at=at,
        event=event,
        region=_text(item, "awsRegion") or "unknown",
        account=_text(item, "recipientAccountId") or _text(who, "accountId") or "unknown",
        key=_key(who),
        principal=principal,
        issuer=_text(_object(context, "sessionIssuer"), "arn"),
        ip=_text(item, "sourceIPAddress"),
        error=_text(item, "errorCode"),
        minted=_key(_object(reply, "credentials")),
        made=_key(_object(reply, "accessKey")),
        role=_text(asked, "roleArn"),
        user=_text(asked, "userName") or _text(_object(reply, "user"), "userName"),
        began=moments.read(_text(_object(context, "attributes"), "creationDate"), zone=False),
        given_to=_given_to(reply) or (principal if event == "GetSessionToken" else ""),
        ends=_ends(_object(reply, "credentials").get("expiration"), asked.get("durationSeconds"), at),
    )


def _given_to(reply: Object) -> str:
    return _text(_object(reply, "assumedRoleUser"), "arn") or _text(_object(reply, "federatedUser"), "arn")


def _ends(written: object, seconds: object, at: datetime) -> datetime | None:
    """The end as the reply gives it, in any way that CloudTrail writes it, or else as long after the reply as was asked for."""
    text = " ".join(written[:LONGEST].split()) if isinstance(written, str) else ""
    if (moment := moments.read(text, zone=False)) is not None:
        return moment
    for form in ("%b %d, %Y, %I:%M:%S %p", "%b %d, %Y %I:%M:%S %p"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return at + timedelta(seconds=seconds) if type(seconds) is int and 0 < seconds <= LONGEST_SESSION else None


def _object(item: Object, name: str) -> Object:
    value = item.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(item: Object, name: str) -> str:
    value = item.get(name)
    return "".join(one if one.isprintable() else "?" for one in value[:LONGEST]) if isinstance(value, str) else ""


def _key(item: Object) -> str:
    value = item.get("accessKeyId")
    return value if isinstance(value, str) and _KEY.fullmatch(value) else ""
