"""Lists of leaked credentials that others made, as credentials to be accounted for: secret scanners' findings, and breach notices.

Understood are gitleaks' JSON, TruffleHog's JSON lines, and CSV or JSON with columns of any of the names below. A secret in a row becomes a
fingerprint; what looks like one stands in no other field. A row that cannot be read is left over, with its number, and not guessed at.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from firedoor import tokens
from firedoor.errors import BadInput
from firedoor.fingerprints import Fingerprints
from firedoor.leaks import UNKNOWN, Leak, clean
from firedoor.tabular import Left, Row, rows

MOST_LEAKS: Final = 200_000
MOST_LEFT: Final = 10_000
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "system": ("system", "service", "vendor", "platform", "product", "application", "app"),
    "kind": ("kind", "type", "credential_type", "secret_type", "token_type", "credential"),
    "id": ("id", "key_id", "access_key_id", "credential_id", "token_id", "client_id", "identifier"),
    "secret": ("secret", "token", "value", "password", "key", "secret_value", "fingerprint", "hash", "sha256"),
    "owner": ("owner", "user", "username", "user_name", "login", "email", "account", "responsible", "contact"),
    "given_to": ("given_to", "supplier", "third_party", "shared_with", "partner", "exposed_by", "breached_party"),
}
_LIKE_A_SECRET: Final = re.compile(r"(?![0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\Z)[A-Za-z0-9/+=_-]{32,}")
_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):user/(?:.*/)?(?P<name>[A-Za-z0-9_+=,.@-]{1,64})")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_SYSTEMS: Final = (
    "aws",
    "okta",
    "slack",
    "github",
    "gitlab",
    "atlassian",
    "jira",
    "cloudflare",
    "gcp",
    "azure",
    "stripe",
    "twilio",
    "sendgrid",
)


@dataclass(slots=True, kw_only=True)
class Imported:
    """What a file says. ``leaks`` are its credentials, each once; ``twice`` the rows that name one again, with the row that did so first.

    ``left`` are rows that could not be read, ``more_left`` how many beyond `MOST_LEFT`. ``incomplete`` says why not all of it was read.
    """

    leaks: list[Leak] = field(default_factory=list)
    rows: int = 0
    twice: list[tuple[int, int]] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    more_left: int = 0
    incomplete: str = ""

    @property
    def whole(self) -> bool:
        """Whether every row was understood."""
        return not self.left and not self.incomplete


def read(path: Path, fingerprints: Fingerprints) -> Imported:
    """All of a file, at most `MOST_LEAKS` credentials. Raises `BadInput` where not even its first row can be."""
    found, at = Imported(), dict[tuple[str, str, str], int]()
    broken: BadInput | None = None
    try:
        for one in credentials(path, fingerprints):
            found.rows += 1
            if len(found.leaks) >= MOST_LEAKS:
                found.incomplete = f"it names more than {MOST_LEAKS} credentials: the rows from {_number(one)} on were not read"
                break
            _take(found, at, one)
    except BadInput as error:
        broken = error
    if broken is not None:
        if not found.rows:
            raise broken.with_traceback(None)  # whose frames hold what was being read
        found.incomplete = f"after row {found.rows}: {broken.what}"
    return found


def credentials(path: Path, fingerprints: Fingerprints) -> Iterator[Leak | Left]:
    """The rows of a file one by one, as credentials; memory does not grow with the file. Raises `BadInput` as soon as it cannot go on."""
    for row in rows(path):
        yield row if isinstance(row, Left) else _understood(row, fingerprints)


def as_csv(leaks: Iterable[Leak]) -> str:
    """The credentials as CSV. A cell that a spreadsheet would take for a formula is written as text."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = ("system", "kind", "id", "fingerprint", "owner", "given_to", "row", "where")
    writer.writerow(names)
    writer.writerows([_cell(str(getattr(leak, name))) for name in names] for leak in leaks)
    return file.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _take(found: Imported, at: dict[tuple[str, str, str], int], one: Leak | Left) -> None:
    if isinstance(one, Left):
        if len(found.left) < MOST_LEFT:
            found.left.append(one)
        else:
            found.more_left += 1
        return
    if (place := at.get(one.key)) is None:
        at[one.key] = len(found.leaks)
        found.leaks.append(one)
        return
    first = found.leaks[place]
    if first.owner and one.owner and first.owner.casefold() != one.owner.casefold():
        _take(found, at, Left(number=one.row, why=f"it names another owner than row {first.row} for the same credential"))
        return
    found.leaks[place] = replace(first, owner=first.owner or one.owner, given_to=first.given_to or one.given_to, times=first.times + 1)
    found.twice.append((one.row, first.row))


def _number(one: Leak | Left) -> int:
    return one.number if isinstance(one, Left) else one.row


def _understood(row: Row, fingerprints: Fingerprints) -> Leak | Left:
    if "ruleid" in row.cells:
        return _gitleaks(row, fingerprints)
    if "detectorname" in row.cells:
        return _trufflehog(row, fingerprints)
    known = {name for names in COLUMNS.values() for name in names}
    if not known & row.cells.keys():
        if row.number <= 2:
            raise BadInput("no column says what leaked", advice=f"Name one of them, for example: {', '.join(COLUMNS)}")
        return Left(number=row.number, why="it is no finding of a scanner that is known, and no field says what leaked")
    return _listed(row, fingerprints)


def _gitleaks(row: Row, fingerprints: Fingerprints) -> Leak | Left:
    """From gitleaks' finding: RuleID, Secret, File, StartLine, Fingerprint. Who committed it is not who it belongs to."""
    rule, secret, place = (_text(row.cells, name) for name in ("ruleid", "secret", "fingerprint"))
    where = f"{_text(row.cells, 'file')}:{_text(row.cells, 'startline')}"
    return _leak(row, fingerprints, secret, rule=rule, where=where, place=place)


def _trufflehog(row: Row, fingerprints: Fingerprints) -> Leak | Left:
    """From TruffleHog's result: DetectorName, Raw, SourceMetadata, ExtraData. A detector that asked AWS tells whose a key is."""
    data = _object(_object(row.cells, "sourcemetadata"), "Data")
    source = next((one for one in data.values() if isinstance(one, Mapping)), {})
    where = f"{_text(source, 'file') or _text(source, 'link')}:{_text(source, 'line')}"
    arn = _ARN.fullmatch(_text(_object(row.cells, "extradata"), "arn"))
    owner = f"aws:user:{arn['account']}/{arn['name']}" if arn else ""
    return _leak(row, fingerprints, _text(row.cells, "raw"), rule=_text(row.cells, "detectorname"), where=where, owner=owner)


def _leak(row: Row, fingerprints: Fingerprints, secret: str, *, rule: str, where: str, place: str = "", owner: str = "") -> Leak | Left:
    """What a scanner found. Where it was told to hide the secret, the place is all there is to know it by."""
    named = f"row {row.number}, {clean(where)}" if len(where) > 1 and not _secret_in(where) else f"row {row.number}"
    kind = re.sub(r"[^a-z0-9]+", "_", rule.casefold()).strip("_")
    if not kind or _LIKE_A_SECRET.fullmatch(kind):
        return Left(number=row.number, why="the scanner does not say what it found")
    system = next((one for one in _SYSTEMS if kind.split("_")[0].startswith(one)), UNKNOWN)
    token = next(tokens.in_text(secret), None)
    if token is not None:
        system, kind, owner = token.system if token.system != UNKNOWN else system, token.kind, owner or token.owner
    known = token.id if token is not None else ""
    mark = "" if known or tokens.redacted(secret) else fingerprints.of(token.secret if token is not None else secret)
    if not known and not mark:
        known = clean(place) if place and not _secret_in(place) else ""
    if not known and not mark:
        return Left(number=row.number, why="the secret was taken out, and nothing else tells it from others")
    return Leak(system=system, kind=kind, row=row.number, where=named, owner=owner, id=known, fingerprint=mark)


def _listed(row: Row, fingerprints: Fingerprints) -> Leak | Left:
    """A row of a list that people keep."""
    said = {what: next((text for name in names if (text := _text(row.cells, name))), "") for what, names in COLUMNS.items()}
    if (torn := next((what for what, text in said.items() if "\ufffd" in text), None)) is not None:
        return Left(number=row.number, why=f"its {torn} is not in UTF-8")
    if (odd := next((what for what in ("system", "kind", "owner", "given_to") if _secret_in(said[what])), None)) is not None:
        return Left(number=row.number, why=f"its {odd} looks like a secret, and was not read")
    identity, secret = said["id"], said["secret"]
    if identity and _secret_in(identity):
        identity, secret = "", secret or identity
    token = next(tokens.in_text(identity or secret), None)
    if not identity and not secret:
        return Left(number=row.number, why="it has neither an id nor a secret")
    if not identity and tokens.redacted(secret):
        return Left(number=row.number, why="its secret was taken out, and it has no id")
    system = said["system"].casefold() or (token.system if token is not None and token.system != UNKNOWN else "")
    if not system:
        return Left(number=row.number, why="it does not say of which system the credential is")
    identity = identity or (token.id if token is not None else "")
    kind = re.sub(r"[^a-z0-9]+", "_", said["kind"].casefold()).strip("_") or (token.kind if token is not None else "credential")
    return Leak(
        system=clean(system),
        kind=clean(kind),
        row=row.number,
        where=f"row {row.number}",
        id=clean(identity),
        fingerprint="" if identity else fingerprints.of(secret),
        owner=clean(said["owner"]) or (token.owner if token is not None else ""),
        given_to=clean(said["given_to"]),
    )


def _secret_in(text: str) -> bool:
    """Whether a word that is to be shown looks like something that is not."""
    found = next(tokens.in_text(text), None)
    return (found is not None and found.kind != "access_key") or any(_LIKE_A_SECRET.fullmatch(word) for word in text.split())


def _text(cells: Mapping[str, object], name: str) -> str:
    value = cells.get(name)
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _object(cells: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = cells.get(name)
    return value if isinstance(value, Mapping) else {}
