"""What reaches the request URL without being Slack: forged, stale, replayed, misshapen. Each carries what its maker wants done."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlencode

from multidict import CIMultiDict

from firedoor.approval import Answer
from firedoor.channels.slack import request_url
from firedoor.vendors.slack.raw import Raw
from tests.abuse.acts import ACTS
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground, begun, held
from tests.channels.slack.scene import SlackMode
from tests.channels.slack.signing import Sent, signed, written

STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
WANTED: Final = ("approve", "deny", "stop", "/firedoor contain", "form")
Forgery = Callable[[str], Sent]


def _with(sent: Sent, **changed: str | None) -> Sent:
    names = {name.replace("_", "-"): value for name, value in changed.items()}
    headers = {name: value for name, value in sent.headers.items() if name not in names}
    return Sent(sent.body, {**headers, **{name: value for name, value in names.items() if value is not None}})


def _mac(sent: Sent) -> str:
    return sent.headers[SIGNATURE]


FORGED: Final[Mapping[str, Forgery]] = {
    "another secret": lambda body: signed(body, secret="guessed"),
    "one letter for a secret": lambda body: signed(body, secret="x"),
    "a truncated signature": lambda body: _with(signed(body), X_Slack_Signature=_mac(signed(body))[:-1]),
    "half a signature": lambda body: _with(signed(body), X_Slack_Signature=_mac(signed(body))[:35]),
    "a longer signature": lambda body: _with(signed(body), X_Slack_Signature=_mac(signed(body)) + "0"),
    "version 1": lambda body: _with(signed(body), X_Slack_Signature=_mac(signed(body)).replace("v0=", "v1=")),
    "no version": lambda body: _with(signed(body), X_Slack_Signature=_mac(signed(body)).removeprefix("v0=")),
    "an empty signature": lambda body: _with(signed(body), X_Slack_Signature=""),
    "v0= and nothing": lambda body: _with(signed(body), X_Slack_Signature="v0="),
    "capitals": lambda body: _with(signed(body), X_Slack_Signature=_mac(signed(body)).upper()),
    "zeros": lambda body: _with(signed(body), X_Slack_Signature="v0=" + "0" * 64),
    "the signature of another body": lambda body: Sent(body.encode(), signed("command=%2Ffiredoor").headers),
    "the signature of nothing": lambda body: Sent(body.encode(), signed("").headers),
    "more behind the body": lambda body: Sent(body.encode() + b"&text=stop", signed(body).headers),
    "a space behind the body": lambda body: Sent(body.encode() + b" ", signed(body).headers),
    "a line end before the body": lambda body: Sent(b"\n" + body.encode(), signed(body).headers),
    "a body cut short": lambda body: Sent(body.encode()[:-1], signed(body).headers),
    "a second payload behind": lambda body: Sent(body.encode() + b"&payload=%7B%7D", signed(body).headers),
    "a second payload before": lambda body: Sent(b"payload=%7B%7D&" + body.encode(), signed(body).headers),
    "a payload around it": lambda body: Sent(urlencode({"payload": body}).encode(), signed(body).headers),
    "no headers": lambda body: Sent(body.encode(), {}),
    "no signature": lambda body: _with(signed(body), X_Slack_Signature=None),
    "no time": lambda body: _with(signed(body), X_Slack_Request_Timestamp=None),
    "a bearer token": lambda body: Sent(body.encode(), {"Authorization": "Bearer xoxb-stolen"}),
    "the legacy token": lambda body: Sent((body + "&token=verification").encode(), {}),
    "two signatures, the good one second": lambda body: _twice(body, SIGNATURE, "v0=" + "0" * 64, _mac(signed(body))),
    "two signatures in one": lambda body: _with(signed(body), X_Slack_Signature=f"v0={'0' * 64}, {_mac(signed(body))}"),
}
TIMES: Final[Mapping[str, Forgery]] = {
    "301 s old": lambda body: signed(body, at=time.time() - 302),
    "an hour old": lambda body: signed(body, at=time.time() - 3600),
    "of 1970": lambda body: signed(body, at=0),
    "301 s ahead": lambda body: signed(body, at=time.time() + 303),
    "of next year": lambda body: signed(body, at=time.time() + 3e7),
    "of the year 300,000": lambda body: signed(body, at=9e12),
    "moved by a second": lambda body: _with(signed(body, at=time.time() - 1), X_Slack_Request_Timestamp=str(int(time.time()) + 1)),
    "made fresh": lambda body: _with(signed(body, at=time.time() - 400), X_Slack_Request_Timestamp=str(int(time.time()))),
    "a fraction": lambda body: _with(signed(body), X_Slack_Request_Timestamp=f"{time.time():.1f}"),
    "negative": lambda body: _with(signed(body), X_Slack_Request_Timestamp=f"-{int(time.time())}"),
    "a word": lambda body: _with(signed(body), X_Slack_Request_Timestamp="now"),
    "infinite": lambda body: _with(signed(body), X_Slack_Request_Timestamp="inf"),
    "with a plus": lambda body: _with(signed(body), X_Slack_Request_Timestamp=f"+{int(time.time())}"),
    "two times, the fresh one second": lambda body: _twice(body, STAMP, str(int(time.time()) - 400), str(int(time.time()))),
}
KINDS: Final = (
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain",
    "application/xml",
    "",
    "application/x-www-form-urlencoded; charset=utf-7",
)


def _twice(body: str, name: str, first: str, second: str) -> Sent:
    """The same header twice, in that order."""
    kept = [(key, value) for key, value in signed(body).headers.items() if key != name]
    return Sent(body.encode(), CIMultiDict([(name, first), (name, second), *kept]))


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Each thing that is wanted, in each wrong way."""
    del way
    for wanted in WANTED:
        for what, forgery in FORGED.items():
            yield _sent("forged signature", f"{wanted}: {what}", wanted, forgery)
    for wanted in ("approve", "/firedoor contain"):
        for what, forgery in TIMES.items():
            yield _sent("stale, or of the future", f"{wanted}: {what}", wanted, forgery)
        for kind in KINDS:
            forgery = _typed(kind)
            yield _sent("content types and charsets", f"{wanted}: {kind or 'none'}", wanted, forgery)
        for charset in ("utf-16", "utf-7", "utf-8-sig", "utf-32"):
            yield _sent("content types and charsets", f"{wanted}: in {charset}", wanted, _in(charset))
        for verb in ("GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"):
            yield _sent("other verbs and paths", f"{wanted}: {verb}", wanted, signed, verb=verb)
        for path in ("/", "/slack", "/slack/events/", "//slack/events", "/slack/actions", "/slack/Events", "/slack/events%00", "/healthz"):
            yield _sent("other verbs and paths", f"{wanted}: {path}", wanted, signed, path=path)
    for what, body in BOMBS.items():
        for sign in (True, False):
            yield Attempt(kind="bombs", variation=f"{what}{', signed' if sign else ''}", make=_body(body, sign=sign))
    for what, sent in PACKED.items():
        yield Attempt(kind="bombs", variation=what, make=_plain(sent))
    for what, more in CHALLENGES.items():
        for sign in (True, False):
            made: Raw = {"type": "url_verification", "challenge": "c", **more}
            yield Attempt(kind="challenges", variation=f"{what}{', signed' if sign else ''}", make=_body(json.dumps(made), sign=sign))
    for what in REPLAYS:
        for wanted in ("approve", "deny", "look", "look to deny", "stop", "/firedoor stop", "/firedoor contain", "form"):
            yield Attempt(kind="replayed", variation=f"{wanted}: {what}", make=_replayed(wanted, what), opens=wanted == "look")


def _sent(kind: str, variation: str, wanted: str, forgery: Forgery, *, verb: str = "POST", path: str = "") -> Attempt:
    async def make(ground: Ground) -> None:
        act = ACTS[wanted]
        await ground.post(forgery(written(await act.payload(ground, act.by))), verb=verb, path=path)

    return Attempt(kind=kind, variation=variation, make=make)


def _typed(kind: str) -> Forgery:
    return lambda body: _with(signed(body, secret="guessed"), Content_Type=kind)


def _in(charset: str) -> Forgery:
    """Signed as text, sent as other bytes that a reader who trusts the header would take for that text."""
    return lambda body: Sent(body.encode(charset), {**signed(body).headers, "Content-Type": f"application/json; charset={charset}"})


def _body(body: str, *, sign: bool) -> Make:
    return _plain(lambda: signed(body) if sign else signed(body, secret="guessed"))


def _plain(sent: Callable[[], Sent]) -> Make:
    async def make(ground: Ground) -> None:
        await ground.post(sent())

    return make


def _zipped(data: bytes, body: str) -> Sent:
    return Sent(data, {**signed(body).headers, "Content-Encoding": "gzip"})


DEEP: Final = 100_000
BOMBS: Final[Mapping[str, str]] = {
    "100,000 brackets": "[" * DEEP,
    "100,000 objects": '{"a":' * DEEP,
    "100,000 brackets in a payload": urlencode({"payload": "[" * DEEP}),
    "100,000 objects in a payload": urlencode({"payload": '{"a":' * DEEP + "1" + "}" * DEEP}),
    "900 levels": urlencode({"payload": '{"a":' * 900 + "1" + "}" * 900}),
    "900 levels of a view": urlencode(
        {"payload": '{"type":"view_submission","team":{"id":"T0001"},"view":' + '{"a":' * 900 + "1" + "}" * 901}
    ),
    "50,000 fields": "&".join(f"a{number}=1" for number in range(50_000)),
    "a number of 5,000 digits": '{"a": ' + "9" * 5000 + "}",
    "not a number": '{"team": {"id": NaN}, "type": "block_actions"}',
    "a body over the limit": "x" * (request_url.MOST_BYTES + 1),
    "nothing": "",
    "text": "approve r1",
    "a payload that is text": "payload=approve",
    "a payload that is a list": "payload=%5B%5D",
    "a payload in a payload": urlencode({"payload": json.dumps({"payload": json.dumps({"type": "block_actions"})})}),
    "payloads without end": "payload=%7B%7D&" * 10_000,
    "half an escape": "payload=%7",
    "authorizations that are text": urlencode(
        {"command": "/firedoor", "team_id": "T0001", "api_app_id": "A0001", "authorizations": "T0001"}
    ),
    "an enterprise that is a number": urlencode({"payload": '{"type":"block_actions","enterprise":7,"team":{"id":"T0001"}}'}),
    "an event that is a list": '{"type":"event_callback","event":[1],"team_id":"T0001","api_app_id":"A0001"}',
}
PACKED: Final[Mapping[str, Callable[[], Sent]]] = {
    "packed, signed as it is packed": lambda: _zipped(gzip.compress(b"payload=%7B%7D"), "x"),
    "packed 64 MB": lambda: _zipped(gzip.compress(b"\0" * (64 << 20)), "x"),
    "packed and not": lambda: _zipped(b"payload=%7B%7D", "payload=%7B%7D"),
}
CHALLENGES: Final[Mapping[str, Raw]] = {
    "a plain one": {},
    "a list": {"challenge": ["<script>"]},
    "an object": {"challenge": {"a": 1}},
    "none": {"challenge": None},
    "100 kB": {"challenge": "c" * 100_000},
    "markup": {"challenge": "<script>alert(1)</script>"},
    "a command in it": {"command": "/firedoor", "text": "stop r1", "user_id": "U0BEN", "team_id": "T0001", "trigger_id": "1"},
    "a decision in it": {
        "view": {"callback_id": "firedoor_decide", "private_metadata": "r1 approve x", "state": {"values": {}}},
        "user": {"id": "U0BEN", "team_id": "T0001"},
        "team": {"id": "T0001"},
    },
    "a click in it": {
        "actions": [{"action_id": "firedoor_stop", "value": "r1", "block_id": "decide:r1", "type": "button"}],
        "user": {"id": "U0BEN", "team_id": "T0001"},
        "team": {"id": "T0001"},
    },
}
REPLAYS: Final = ("at once", "with a retry's headers", "five at once", "after a restart", "five at once after a restart")


def _replayed(wanted: str, what: str) -> Make:
    async def make(ground: Ground) -> None:
        sent = ground.kept[wanted]
        if "retry" in what:
            sent = _with(sent, X_Slack_Retry_Num="1", X_Slack_Retry_Reason="http_timeout")
        if "restart" in what:
            await ground.restart()
        await asyncio.gather(*(ground.post(sent) for _ in range(5 if "five" in what else 1)))

    return make


async def _prepare(ground: Ground) -> None:
    """Somebody listens in where TLS ends, and keeps what comes by. The runs that were stopped have gone on since."""
    await ground.prepare()
    for wanted in ("approve", "deny"):
        await _kept(ground, wanted)
        await ground.stage.runs[-1]
        await ground.ask()
    for wanted in ("look", "look to deny", "/firedoor contain", "form"):
        await _kept(ground, wanted)
    for wanted in ("stop", "/firedoor stop"):
        await _stopped_and_resumed(ground, wanted)
    await ground.ask()


async def _kept(ground: Ground, wanted: str) -> None:
    act = ACTS[wanted]
    ground.kept[wanted] = sent = signed(written(await act.payload(ground, act.by)))
    assert await ground.post(sent) == 200


async def _stopped_and_resumed(ground: Ground, wanted: str) -> None:
    """A run that was stopped in the middle of its writes, and resumed; now it is in the middle again."""
    stage, run, door = ground.stage, f"s-{len(ground.kept)}", f"side{len(ground.kept)}"
    vendor, gate, never = stage.lab.vendor, asyncio.Event(), asyncio.Event()
    vendor.doors[door] = {"k1": "open", "k2": "open"}
    vendor.on_apply.append(held(gate))
    task = await stage.ask(run, doors=(door,))
    await stage.desk.decide(run, ground.person("Cyd"), Answer.APPROVE, via="test")
    await stage.until(lambda: begun(ground, run, 1))
    ground.open = run
    await _kept(ground, wanted)
    gate.set()
    assert (await task)["outcome"] == "stopped", "the run was not stopped"
    vendor.on_apply.append(held(never))
    stage.runs.append(await ground.resume(run))
    await stage.until(lambda: begun(ground, run, 2))


THEME: Final = Theme(name="the wire", attempts=attempts, prepare=_prepare, control=Ground.control, ways=("http",))
