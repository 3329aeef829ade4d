"""HAR files as a browser writes them, with secrets planted wherever one may stand."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

HOST = "acme.okta.com"
USER = "00uada1"
KEY = "AKIAIOSFODNN7EXAMPLE"
SESSION_KEY = "ASIAIOSFODNN7EXAMPLE"
SID, IDX, DT = "102canarySid7Hq2vNzLeaked", "eyJcanaryIdx7Hq2vNz.notAToken", "canaryDeviceToken7Hq2"
API_TOKEN = "00canaryApiToken7Hq2vNzExampleOnlyLeaked"
SIGNATURE, SESSION_TOKEN = "c4a4a9ca4a4yc4a4a9", "FwoGZXIvYXdzEcanarySession7Hq2vNz//"
SLACK = "xoxb-1111-canary-7Hq2vNz"
PASSWORD = "canary-Passw0rd-7Hq2"
AT = "2023-11-14T09:30:00.000Z"


def jwt(**claims: object) -> str:
    """A token whose signature nobody checks."""
    parts = [{"alg": "RS256", "kid": "k"}, {"secretClaim": "canaryClaim7Hq2vNz", **claims}]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "c2lnbmF0dXJl-canary"])


OF_USER = jwt(iss=f"https://{HOST}/oauth2/default", sub="ada@acme.example", uid=USER, cid="0oaweb1", exp=1700000000)
OF_APP = jwt(iss=f"https://{HOST}/oauth2/default", sub="0oabot1", cid="0oabot1", exp=4102444800)
OF_ACCESS = jwt(iss="https://acme.cloudflareaccess.com", email="grace@acme.example", sub="c0ffee")
OF_NOBODY = jwt(aud="x")
SECRETS = (
    SID, IDX, DT, API_TOKEN, SIGNATURE, SESSION_TOKEN, SLACK, PASSWORD, OF_USER, OF_APP, OF_ACCESS, OF_NOBODY,
    "canary", OF_USER.split(".")[1], OF_APP.split(".")[1],
)  # fmt: skip


def pairs(**given: str) -> list[dict[str, str]]:
    return [{"name": name.replace("_", "-"), "value": value} for name, value in given.items()]


def entry(
    url: str = f"https://{HOST}/app", *, request: Mapping[str, Any] | None = None, response: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    empty: dict[str, Any] = {"headers": [], "cookies": []}
    return {
        "startedDateTime": AT,
        "time": 12.5,
        "request": {"method": "GET", **empty, "queryString": [], **(request or {}), "url": url},  # the address may well come last
        "response": {"status": 200, **empty, "content": {"size": 0, "mimeType": "text/html", "text": "<p>"}, **(response or {})},
    }


def planted() -> list[dict[str, Any]]:
    signed = f"AWS4-HMAC-SHA256 Credential={KEY}/20231114/us-east-1/s3/aws4_request, SignedHeaders=host, Signature={SIGNATURE}"
    return [
        entry(request={"cookies": pairs(sid=SID, DT=DT, theme="dark-blue")}),
        entry(request={"headers": pairs(Cookie=f"theme=dark-blue; sid={SID}; idx={IDX}")}),
        entry(response={"headers": pairs(Set_Cookie=f"idx={IDX}; Secure; HttpOnly\nother=canary-other; Path=/")}),
        entry(request={"headers": pairs(Authorization=f"Bearer {OF_USER}")}),
        entry("https://acme.okta.com/api/v1/users", request={"headers": pairs(authorization=f"SSWS {API_TOKEN}")}),
        entry("https://s3.amazonaws.com/b", request={"headers": pairs(Authorization=signed, X_Amz_Security_Token=SESSION_TOKEN)}),
        entry(f"https://b.s3.amazonaws.com/o?X-Amz-Credential={SESSION_KEY}%2F20231114%2Fus-east-1&X-Amz-Signature=x"),
        entry(f"https://acme.example/callback#access_token={OF_APP}&state=1"),
        entry(response={"content": {"mimeType": "application/json", "text": json.dumps({"id_token": OF_ACCESS, "chat": SLACK})}}),
        entry(
            response={"content": {"mimeType": "text/plain", "encoding": "base64", "text": base64.b64encode(OF_NOBODY.encode()).decode()}}
        ),
        entry(request={"postData": {"mimeType": "application/x-www-form-urlencoded", "params": pairs(user="ada", password=PASSWORD)}}),
        entry(request={"cookies": pairs(sid="REDACTED-BY-CHROME", session="**********")}),
    ]


def har(entries: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "x"}, "entries": entries}})


def large(size: int) -> Iterator[str]:
    """A HAR file of about so many characters: a token in its first entry, one amid a body of half the size, and one in the last entry."""
    yield '{"log": {"version": "1.2", "entries": ['
    yield json.dumps(entry(request={"cookies": pairs(sid=SID)})) + ","
    body = "x\\n" * 300_000
    yield f'{{"startedDateTime": "{AT}", "request": {{"url": "https://{HOST}/"}}, "response": {{"content": {{"text": "'
    for written in range(0, size // 2, len(body)):
        yield body
        if written < size // 4 <= written + len(body):
            yield f" {OF_USER} "
    yield '"}}},'
    small = json.dumps(entry(response={"content": {"mimeType": "text/html", "text": "<p>hello</p>\n" * 2000}})) + ","
    for _ in range(size // 2 // len(small)):
        yield small
    yield json.dumps(entry(request={"headers": pairs(Authorization=f"SSWS {API_TOKEN}")})) + "]}}"


def moment() -> datetime:
    return datetime(2023, 11, 14, 9, 30, tzinfo=UTC)
