"""Lists of leaked credentials that others made, as credentials to be accounted for: secret scanners' findings, and breach notices.

Understood are gitleaks' JSON, TruffleHog's JSON lines, and CSV or JSON with columns of any of the names below. A secret in a row becomes a
fingerprint; what looks like one stands in no other field. A row that cannot be read is left over, with its number, and not guessed at.
One whose kind nobody recognises, or whose own form says otherwise than it does, is a credential to account for, and told with its doubt.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from firedoor import kinds, tokens
from firedoor.errors import BadInput, shown
from firedoor.fingerprints import Fingerprints
from firedoor.leaks import LONGEST, UNKNOWN, Leak, clean
from firedoor.tabular import Left, Row, rows
from firedoor.tokens import Token

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

    ``left`` are rows that could not be read, ``more_left`` how many beyond `MOST_LEFT`. ``doubts`` are rows that were read, and whose kind
    is unrecognised or contradicted by their own form. ``incomplete`` says why not all of it was read.
    """

    leaks: list[Leak] = field(default_factory=list)
    rows: int = 0
    twice: list[tuple[int, int]] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    more_left: int = 0
    doubts: list[Left] = field(default_factory=list)
    incomplete: str = ""

    @property
    def whole(self) -> bool:
        """Whether every row was read."""
        return not self.left and not self.incomplete


def read(path: Path, fingerprints: Fingerprints) -> Imported:
    """All of a file, at most `MOST_LEAKS` credentials. Raises `BadInput` where not even its first row can be, or there is none."""
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
    if not found.rows:
        raise BadInput("the file names no credential: it has no rows", target=shown(path.name), advice="Export it again, with its rows")
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
    if one.doubt:
        found.doubts.append(Left(number=one.row, why=one.doubt))
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
    kind = _plain(rule)
    if not kind or _LIKE_A_SECRET.fullmatch(kind):
        return Left(number=row.number, why="the scanner does not say what it found")
    if not place.isprintable() or len(place) > LONGEST:
        return Left(number=row.number, why="its place is no word that can be shown, and so cannot be told from others")
    system = next((one for one in _SYSTEMS if kind.split("_")[0].startswith(one)), UNKNOWN)
    meant = kinds.recognised(system, rule, scanner=True)
    token = next(tokens.in_text(secret), None)
    if token is not None:
        system, meant, owner = token.system if token.system != UNKNOWN else system, _kind_of(token), owner or token.owner
    known = token.id if token is not None else ""
    mark = "" if known or tokens.redacted(secret) else fingerprints.of(token.secret if token is not None else secret)
    if not known and not mark:
        known = clean(place) if place and not _secret_in(place) else ""
    if not known and not mark:
        return Left(number=row.number, why="the secret was taken out, and nothing else tells it from others")
    doubt = "" if meant or not kinds.listed(system) else _unrecognised(system, rule)
    return Leak(system=system, kind=meant or kind, row=row.number, where=named, owner=owner, id=known, fingerprint=mark, doubt=doubt)


def _listed(row: Row, fingerprints: Fingerprints) -> Leak | Left:
    """A row of a list that people keep."""
    said = {what: next((text for name in names if (text := _text(row.cells, name))), "") for what, names in COLUMNS.items()}
    identity, secret = said["id"], said["secret"]
    if identity and _secret_in(identity):
        identity, secret = "", secret or identity
    told = list(tokens.in_text(identity or secret))
    token = told[0] if told else None
    identity = token.id if token is not None and token.id else identity
    system, kind, doubt = _what(said["system"], said["kind"], identity, token)
    if (
        why := _unread(said)
        or _untold(system, identity, secret)
        or ("it names two credentials" if len({one.id for one in told}) > 1 else "")
    ):
        return Left(number=row.number, why=why)
    return Leak(
        system=clean(system),
        kind=clean(kind),
        row=row.number,
        where=f"row {row.number}",
        id=clean(identity),
        fingerprint="" if identity else fingerprints.of(secret),
        owner=clean(said["owner"]) or (token.owner if token is not None else ""),
        given_to=clean(said["given_to"]),
        doubt=doubt,
    )


def _unread(said: Mapping[str, str]) -> str:
    """Why what stands in a row cannot be taken as it stands; empty where it can."""
    for what, text in said.items():
        if "\ufffd" in text:
            return f"its {what} is not in UTF-8"
        if what in ("system", "kind", "owner", "given_to") and _secret_in(text):
            return f"its {what} looks like a secret, and was not read"
        if what in ("system", "kind", "id") and not text.isprintable():
            return f"its {what} holds a character that does not print, and was not read"
    return ""


def _untold(system: str, identity: str, secret: str) -> str:
    """What a row lacks to be a credential; empty where it lacks nothing."""
    if not identity and not secret:
        return "it has neither an id nor a secret"
    if not identity and tokens.redacted(secret):
        return "its secret was taken out, and it has no id"
    if len(identity) > LONGEST:
        return f"its id is longer than {LONGEST} characters"
    return "" if system else "it does not say of which system the credential is"


def _what(named: str, called: str, identity: str, token: Token | None) -> tuple[str, str, str]:
    """System and kind, and what is doubtful about them. What an id or a secret tells by its own form goes before what a row says."""
    own_system, own_kind = kinds.by_id(identity)
    if not own_system and token is not None:
        own_system, own_kind = token.system if token.system != UNKNOWN else "", _kind_of(token)
    said_system = kinds.system_of(named) or kinds.system_in(called)
    exact = kinds.exact(own_system, own_kind)
    system = own_system if exact else said_system or own_system
    said_kind = kinds.recognised(said_system or system, called) if called else ""
    doubts = []
    if exact and said_system and own_system != said_system:
        doubts.append(f"it says that its system is {clean(named or said_system)}, and by its own form it is of {own_system}")
    if exact and said_kind and said_kind != own_kind:
        doubts.append(f"it says that its kind is {clean(called)}, and by its own form it is {own_kind.replace('_', ' ')}")
    kind = own_kind if exact or (own_system and own_system == system) else said_kind or own_kind
    if not kind and kinds.listed(system):
        doubts.append(_unrecognised(system, called))
    return system, kind or _plain(called) or "credential", "; ".join(doubts)


def _unrecognised(system: str, called: str) -> str:
    kind = f"its kind {clean(called)} is not recognised" if called else "it does not say its kind"
    return f"{kind}, so that no listing of {system} can be compared with it"


def _kind_of(token: Token) -> str:
    return kinds.by_id(token.id)[1] or token.kind


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


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
