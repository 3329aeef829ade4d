"""The faults, as data, and what stands in place of a true reply: an answer as the vendor words it, or as something in front of it does."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from email.utils import formatdate
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from firedoor.vendors.aws.wire import JSON_SERVICES, error_body


class Shows(StrEnum):
    """What the caller gets to see."""

    REPLY = "the reply"
    ANSWER = "an answer that is not the vendor's true one"
    NOTHING = "a connection that breaks before any byte"
    HALF = "half of the reply, and a connection that breaks"
    SHORT = "a reply that ends before its length"
    CUT = "a reply cut in its middle, with a length that fits"
    LATE = "the reply, late"
    TRICKLE = "the reply, byte by byte"
    SILENCE = "no reply at all"


class Kind(StrEnum):
    """The answers that stand in place of a true one."""

    FAILED = "500"
    AWAY = "503"
    LIMITED = "429, with when to try again"
    BARE_LIMIT = "429, without a word"
    FORBIDDEN = "403, without a word"
    HIDDEN = "200, with a failure inside"
    TALES = "500, with all that was asked in its words"
    BABBLE = "200, with all that was asked for a body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that can become of a request. ``delivered`` is how often the vendor gets it before the caller sees anything.

    ``arrives_late``: the vendor gets it once the caller has given up. ``refusal``: the caller may take it for a lasting no, and then must
    say so. ``fair``: Firedoor answers for what is doubled; nobody can where the network itself sends a request twice, or late.
    """

    name: str
    shows: Shows
    delivered: int = 0
    kind: Kind = Kind.FAILED
    arrives_late: bool = False
    refusal: bool = False
    fair: bool = True

    @property
    def waits(self) -> bool:
        """Whether it takes its time."""
        return self.shows in (Shows.SILENCE, Shows.LATE, Shows.TRICKLE)

    @property
    def silent(self) -> bool:
        """Whether the caller has to lose patience."""
        return self.shows is Shows.SILENCE


def _answers(kind: Kind, *, delivered: int, refusal: bool = False) -> Fault:
    when = "after" if delivered else "before"
    return Fault(name=f"{kind.value}, {when} the effect", shows=Shows.ANSWER, delivered=delivered, kind=kind, refusal=refusal)


DROPPED: Final = Fault(name="the connection breaks before the effect", shows=Shows.NOTHING)
DROPPED_AFTER: Final = Fault(name="the connection breaks after the effect, before any byte", shows=Shows.NOTHING, delivered=1)
FAILED, FAILED_AFTER = _answers(Kind.FAILED, delivered=0), _answers(Kind.FAILED, delivered=1)
AWAY, BARE_LIMIT = _answers(Kind.AWAY, delivered=0), _answers(Kind.BARE_LIMIT, delivered=0)
FORBIDDEN, FORBIDDEN_AFTER = _answers(Kind.FORBIDDEN, delivered=0, refusal=True), _answers(Kind.FORBIDDEN, delivered=1)
HIDDEN, HIDDEN_AFTER = _answers(Kind.HIDDEN, delivered=0), _answers(Kind.HIDDEN, delivered=1)
# Each strikes once, and the next request goes through.
PASSING: Final = (
    DROPPED,
    DROPPED_AFTER,
    Fault(name="the connection breaks in the middle of the reply", shows=Shows.HALF, delivered=1),
    FAILED,
    FAILED_AFTER,
    AWAY,
    Fault(name="no reply comes, after the effect", shows=Shows.SILENCE, delivered=1),
    Fault(name="no reply comes, and no effect", shows=Shows.SILENCE),
    _answers(Kind.LIMITED, delivered=0),
    BARE_LIMIT,
    FORBIDDEN,
    FORBIDDEN_AFTER,
    HIDDEN,
    HIDDEN_AFTER,
    Fault(name="the reply ends before its length", shows=Shows.SHORT, delivered=1),
    Fault(name="the reply is cut in its middle, with a length that fits", shows=Shows.CUT, delivered=1),
    Fault(name="the reply is late", shows=Shows.LATE, delivered=1),
    Fault(name="the reply trickles", shows=Shows.TRICKLE, delivered=1),
    Fault(name="the request is delivered twice", shows=Shows.REPLY, delivered=2, fair=False),
    Fault(name="the request arrives when its caller has given up", shows=Shows.SILENCE, arrives_late=True, fair=False),
)
# Each strikes every request of the operation, until somebody has mended it.
LASTING: Final = (DROPPED, DROPPED_AFTER, FAILED, FAILED_AFTER, AWAY, BARE_LIMIT, FORBIDDEN, FORBIDDEN_AFTER, HIDDEN, HIDDEN_AFTER)


# Each repeats what it was asked, and what it knows besides: no harm is done by it, so long as nobody repeats it.
TALES, BABBLE = _answers(Kind.TALES, delivered=0), _answers(Kind.BABBLE, delivered=0)


def answer(vendor: str, operation: str, kind: Kind, *, knows: str = "") -> bytes:
    """The whole answer, as bytes. ``knows`` is what one that tells tales says."""
    match kind:
        case Kind.FAILED | Kind.TALES:
            return _reply(500, _words(vendor, operation, "failed", says=knows if kind is Kind.TALES else ""))
        case Kind.AWAY:
            return _reply(503, _words(vendor, operation, "away"))
        case Kind.FORBIDDEN:
            return _reply(403, "")
        case Kind.BARE_LIMIT:
            return _reply(429, "")
        case Kind.HIDDEN | Kind.BABBLE:
            return _reply(200, knows if kind is Kind.BABBLE else _words(vendor, operation, "failed"))
        case Kind.LIMITED:
            return _limited(vendor, operation)


def _limited(vendor: str, operation: str) -> bytes:
    """Okta names the moment at which its window ends, by its own clock; Slack and Jira name seconds; AWS has a code, and no header."""
    body = _words(vendor, operation, "limited")
    match vendor:
        case "okta":
            headers = {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(int(time.time()) - 1)}
            return _reply(429, body, **headers)
        case "aws":
            return _reply(400, body)
        case _:
            return _reply(429, body, **{"Retry-After": "0"})


def _words(vendor: str, operation: str, what: str, *, says: str = "") -> str:
    match vendor:
        case "okta":
            code = {"failed": "E0000009", "away": "E0000010", "limited": "E0000047"}[what]
            return json.dumps({"errorCode": code, "errorSummary": says, "errorLink": code, "errorId": "oae1", "errorCauses": []})
        case "slack":
            code = {"failed": "fatal_error", "away": "service_unavailable", "limited": "ratelimited"}[what]
            return json.dumps({"ok": False, "error": code, "needed": says})
        case "jira":
            return json.dumps({"errorMessages": [says or "Internal server error"], "errors": {}})
    service = operation.partition(":")[0]
    as_json = service in JSON_SERVICES
    code = {
        "failed": "InternalFailure" if as_json else "ServiceFailure",
        "away": "ServiceUnavailable",
        "limited": "ThrottlingException" if as_json else "Throttling",
    }[what]
    return error_body(service, code, says or "no")


def _reply(status: int, body: str, **headers: str) -> bytes:
    said = {
        "Date": formatdate(usegmt=True),
        "x-amzn-RequestId": "5f3b1c9e-0000-4000-8000-000000000000",  # AWS's, without which the SDK would not believe a success
        **({"Content-Type": "text/xml" if body.startswith("<") else "application/json"} if body else {}),
        **headers,
        "Content-Length": str(len(body.encode())),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in said.items())]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
