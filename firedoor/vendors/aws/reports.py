"""The credential report of an account: when each user's password and keys were last used, in one reading. Reached as `AwsClient.reports`.

Source: "Getting credential reports for your AWS account", IAM User Guide. AWS hands out the same report for four hours. It knows keys by
their user and their date alone, and it is the only place where the keys of the root user show.
"""

from __future__ import annotations

import asyncio
import csv
import io
import zlib
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from firedoor.errors import Unavailable
from firedoor.inventory import UNKNOWN_USE, LastUse
from firedoor.vendors.aws.calls import Calls
from firedoor.vendors.aws.replies import VENDOR, malformed

ROOT: Final = "<root_account>"
# How long AWS hands out the same report, so how far behind what it says may be.
BEHIND: Final = timedelta(hours=4)
_GENERATE: Final = "iam:GenerateCredentialReport"
_GET: Final = "iam:GetCredentialReport"
# Since when IAM takes note of the use of keys and passwords: of older ones "never" may mean "before that".
_KEYS_WATCHED_SINCE: Final = datetime(2015, 4, 22, tzinfo=UTC)
_PASSWORDS_WATCHED_SINCE: Final = datetime(2014, 10, 20, tzinfo=UTC)
_LOOKS: Final = 24
_FIRST_PAUSE: Final = 0.1
_KEPT: Final = 10  # reports: a sweep is in eight accounts at a time
_BETWEEN: Final = "\t"  # which is in no field, as no line's end is; a user's name may have a comma
_TOGETHER: Final = 64  # lines
_KEY: Final = ("active", "last_rotated", "last_used_date")
_WANTED: Final = (
    *("arn", "password_enabled", "password_last_changed", "password_last_used"),
    *(f"access_key_{place}_{name}" for place in (1, 2) for name in _KEY),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedKey:
    """One of the two keys that a user may have, by its place in the report (1 or 2). ``made`` None: the report does not say. ``used`` None:
    AWS has seen no use of it.
    """

    place: int
    active: bool
    made: datetime | None
    used: datetime | None

    @property
    def last_use(self) -> LastUse:
        """What AWS knows of its use."""
        return _told(self.used, since=self.made, watched=_KEYS_WATCHED_SINCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedUser:
    """A user's line. ``password`` is whether there is one (None: the report does not say, as of the root user)."""

    arn: str
    password: bool | None
    password_made: datetime | None
    password_used: datetime | None
    keys: tuple[ReportedKey, ...]

    @property
    def path(self) -> str:
        """The user's path, out of the ARN."""
        _, _, rest = self.arn.partition(":user/")
        return f"/{rest.rpartition('/')[0]}/" if "/" in rest else "/"

    @property
    def password_use(self) -> LastUse:
        """What AWS knows of the password's use."""
        if not self.password:
            return UNKNOWN_USE
        return _told(self.password_used, since=self.password_made, watched=_PASSWORDS_WATCHED_SINCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReport:
    """An account's report, as of ``made`` on AWS's clock; none that was made where that is None."""

    made: datetime | None = None
    users: Mapping[str, ReportedUser] = field(default_factory=dict)

    def key_use(self, user: str, made: datetime) -> LastUse:
        """The last use of the user's key of that date, in whole seconds as the report has it. UNKNOWN where it has no such key, or two."""
        line = self.users.get(user)
        found = [key for key in line.keys if key.made == made.replace(microsecond=0)] if line else []
        return found[0].last_use if len(found) == 1 else UNKNOWN_USE


NO_REPORT: Final = CredentialReport()


class Reports:
    """The reports of the configured accounts, each read anew once AWS would make another, the last few of them kept.

    ``pause`` is in seconds, the longest between two looks.
    """

    def __init__(self, calls: Calls) -> None:
        self.pause = 2.0
        self._calls = calls
        self._held: OrderedDict[str, CredentialReport] = OrderedDict()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, account: str) -> CredentialReport:
        """An account's report. Raises `Unavailable` where AWS does not get it done in time."""
        async with self._turns[account]:
            held = self._held.get(account)
            if held is None or held.made is None or self._calls.now() - held.made >= BEHIND:
                self._held[account] = held = await self._fetch(account)
            self._held.move_to_end(account)
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
            return held

    async def _fetch(self, account: str) -> CredentialReport:
        for look in range(_LOOKS):
            if (await self._calls.call(account, _GENERATE, target=account)).get("State") == "COMPLETE":
                break
            await asyncio.sleep(min(self.pause, _FIRST_PAUSE * 2**look))  # where AWS has one already, it is there at once
        else:
            what = f"{_GENERATE}: AWS does not get the report done"
            raise Unavailable(what, vendor=VENDOR, operation=_GENERATE, target=account, advice="Try again in some minutes")
        match await self._calls.call(account, _GET, target=account):
            case {"Content": bytes(content), "GeneratedTime": datetime() as made}:
                try:
                    return CredentialReport(made=made, users=_read(content))
                except (KeyError, ValueError, csv.Error):
                    failure = malformed(self._calls.known(_GET), "the report cannot be read", target=account)
            case _:
                failure = malformed(self._calls.known(_GET), "the reply holds no report", target=account)
        raise failure


class _Lines(Mapping[str, ReportedUser]):
    """Users by name. Each one's line is kept as AWS wrote it, in order and its name first, and read when asked for.

    A report may have thousands of lines that are much alike, and a sweep holds some reports at a time: so they are packed, some dozens
    together. Whoever asks goes through the users in order, mostly, so the part that was asked for last stays unpacked.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        ordered = sorted(lines)
        parts = [ordered[at : at + _TOGETHER] for at in range(0, len(ordered), _TOGETHER)]
        self._count = len(ordered)
        self._first = [_name(part[0]) for part in parts]
        self._packed = [zlib.compress("\n".join(part).encode(), 1) for part in parts]
        self._unpacked: tuple[int, Sequence[str]] = (-1, ())

    def __getitem__(self, name: str) -> ReportedUser:
        lines, begins = self._part(bisect_right(self._first, name) - 1), f"{name}{_BETWEEN}"
        place = bisect_left(lines, begins)
        if place == len(lines) or not lines[place].startswith(begins):
            raise KeyError(name)
        return _user(dict(zip(_WANTED, lines[place].split(_BETWEEN)[1:], strict=True)))

    def __iter__(self) -> Iterator[str]:
        return (_name(line) for number in range(len(self._packed)) for line in self._part(number))

    def __len__(self) -> int:
        return self._count

    def _part(self, number: int) -> Sequence[str]:
        if number < 0:
            return ()
        if self._unpacked[0] != number:
            self._unpacked = number, zlib.decompress(self._packed[number]).decode().split("\n")
        return self._unpacked[1]


def _name(line: str) -> str:
    return line.partition(_BETWEEN)[0]


def _read(content: bytes) -> Mapping[str, ReportedUser]:
    """The fields that are wanted, and no other. Raises `KeyError`, `ValueError` or `csv.Error` for what is no such report."""
    lines: list[str] = []
    for row in csv.DictReader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=""), strict=True):
        if None in row or None in row.values():
            raise ValueError("no line is shorter or longer than the first")
        _user(row)
        lines.append(_BETWEEN.join((row["user"], *(row[name] for name in _WANTED))))
        if lines[-1].count(_BETWEEN) != len(_WANTED) or "\n" in lines[-1]:
            raise ValueError("no field has a tab or a line's end")
    found = _Lines(lines)
    if ROOT not in found:
        raise ValueError("the root user is in every report")
    return found


def _user(row: Mapping[str, str]) -> ReportedUser:
    return ReportedUser(
        arn=row["arn"],
        password={"true": True, "false": False}.get(row["password_enabled"].lower()),
        password_made=_moment(row["password_last_changed"]),
        password_used=_moment(row["password_last_used"]),
        keys=tuple(key for place in (1, 2) if (key := _key(row, place)) is not None),
    )


def _key(row: Mapping[str, str], place: int) -> ReportedKey | None:
    name = f"access_key_{place}"
    active, made = row[f"{name}_active"].lower() == "true", _moment(row[f"{name}_last_rotated"])
    return ReportedKey(place=place, active=active, made=made, used=_moment(row[f"{name}_last_used_date"])) if active or made else None


def _moment(text: str) -> datetime | None:
    """A moment; None for the words that AWS writes where there is none. Raises `ValueError` for anything else."""
    if text in {"N/A", "no_information", "not_supported"}:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment of the report has no time zone")
    return moment


def _told(used: datetime | None, *, since: datetime | None, watched: datetime) -> LastUse:
    if used is None and (since is None or since < watched):
        return UNKNOWN_USE
    return LastUse.told(used, behind=BEHIND)
