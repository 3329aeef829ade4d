"""Recognises credentials in text and by the names they go by: cookies, headers, parameters. Pure, and linear in the text.

What is found is given with the secret itself, for a fingerprint to be made of it at once; nobody keeps it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from firedoor.jsonstream import OVERLAP
from firedoor.leaks import UNKNOWN, clean

SHORTEST: Final = 8
LONGEST_TOKEN: Final = 1 << 14

_HINTS: Final = (
    "eyJ",
    "AKIA",
    "ASIA",
    "SSWS",
    "earer",
    "EARER",
    "xox",
    "xapp-",
    "ATATT",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "PRIVATE KEY",
)
# Not amid a word; but one may begin behind what stands for a sign: %3D in an address, \u003d in a script.
_BEGINS: Final = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"
_FORMS: Final = (
    r"(?P<jwt>BEGINS(?<![_-])eyJ[A-Za-z0-9_-]{6,}+\.[A-Za-z0-9_-]{6,}+(?:\.[A-Za-z0-9_-]*+){1,3}+)",
    r"(?P<access_key>BEGINS(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9]))",
    r"SSWS(?:[ ]|%20)*+(?P<ssws>[A-Za-z0-9_-]{20,}+)",
    r"[Bb](?:earer|EARER)(?:[ ]|%20)++(?!eyJ)(?P<bearer>[A-Za-z0-9._~+/-]{16,}+=*+)",
    r"(?P<slack>BEGINS(?:xox[a-z]|xapp)-[A-Za-z0-9%-]{10,}+)",
    r"(?P<atlassian>BEGINSATATT3[A-Za-z0-9_=-]{20,}+)",
    r"(?P<private_key>-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{40,}+)",
    r"(?P<github>BEGINS(?:gh[pousr]_[A-Za-z0-9]{30,}+|github_pat_[A-Za-z0-9_]{30,}+))",
)
_TOKENS: Final = re.compile("|".join(_FORMS).replace("BEGINS", _BEGINS))
_OF_TOKEN: Final = {
    "ssws": ("okta", "api_token"),
    "bearer": (UNKNOWN, "bearer_token"),
    "slack": ("slack", "token"),
    "atlassian": ("atlassian", "api_token"),
    "github": ("github", "token"),
    "private_key": (UNKNOWN, "private_key"),
}
_OKTA_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)+(?:okta|oktapreview|okta-emea|okta-gov)\.com")
# Session cookies by name: those of Okta's sign-in pages, of Cloudflare Access, Atlassian and Slack.
_COOKIES: Final = {
    "sid": "okta",
    "idx": "okta",
    "dt": "okta",
    "cf_authorization": "cloudflare",
    "cf_appsession": "cloudflare",
    "cloud.session.token": "atlassian",
    "tenant.session.token": "atlassian",
    "d": "slack",
}
_HOSTS: Final = {
    "okta": _OKTA_HOST,
    "slack": re.compile(r"(?:[a-z0-9-]+\.)*slack\.com"),
    "atlassian": re.compile(r"(?:[a-z0-9-]+\.)*atlassian\.(?:net|com)"),
}
_LIKE_A_SESSION: Final = re.compile(r"sess|(?:^|[._-])sid$|token|auth|jwt|remember|ticket|credential", re.IGNORECASE)
# Names of headers, parameters and fields that hold a secret: with -, _ or nothing between their words.
_NAMES: Final = (
    "x-amz-security-token x-api-key api-key access-token refresh-token id-token session-token state-token state-handle client-secret"
    " secret-access-key private-key assertion saml-response x-auth-token x-vault-token private-token proxy-authorization authorization"
    " password passwd passcode otp secret"
)
_NAMED: Final = re.compile("|".join(_NAMES.replace("-", "[_-]?").split()), re.IGNORECASE)
_REDACTED: Final = re.compile(
    r"[\s*xX.\u2022#_-]*|.{0,4}(?:redact|removed|masked|sanitiz|sanitis|omitted|filtered|hidden|placeholder).*", re.IGNORECASE
)
_SCHEME: Final = re.compile(r"(?:Basic|Bearer|SSWS|Token|Digest|DPoP)[ ]++", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One credential as it stands in a text. ``secret`` is what it opens with; it is printed nowhere."""

    system: str
    kind: str
    secret: str = field(repr=False)
    id: str = ""
    owner: str = ""
    issuer: str = ""
    expires: datetime | None = None


def in_text(text: str, *, first: bool = True, last: bool = True) -> Iterator[Token]:
    """Those that are known by their own form. A match at the edge of a piece may be half of one, and stands whole in the other piece.

    One too long to stand whole in any is given in its parts, so that it is not lost.
    """
    if not any(hint in text for hint in _HINTS):
        return
    for match in _TOKENS.finditer(text):
        half = (match.end() == len(text) and not last) or (match.start() == 0 and not first)
        if half and match.end() - match.start() < OVERLAP:
            continue
        kind = str(match.lastgroup)
        secret = match[kind]
        if kind == "access_key":
            yield Token(system="aws", kind=kind, secret=secret, id=secret)
        elif kind == "jwt":
            yield jwt(secret)
        elif not _REDACTED.fullmatch(secret):
            system, what = _OF_TOKEN[kind]
            yield Token(system=system, kind=what, secret=secret)


def cookie(name: str, value: str, host: str) -> Token | None:
    """What a cookie is, None where its name is none that opens a session. ``host`` decides whose, where a name is common."""
    system = _COOKIES.get(name.casefold(), "")
    pattern = _HOSTS.get(system)
    if system and pattern is not None and not pattern.fullmatch(host.casefold()):
        system = UNKNOWN if _LIKE_A_SESSION.search(name) or name.casefold() in ("sid", "idx") else ""
    if not system and not _LIKE_A_SESSION.search(name):
        return None
    if value.startswith("eyJ") and value.count(".") >= 2:
        found = jwt(value)
        return found if found.system != UNKNOWN or not system else _of(found, system)
    kind = "device_token" if name.casefold() == "dt" and system == "okta" else "session_cookie"
    return Token(system=system or UNKNOWN, kind=kind, secret=value)


def named(name: str, value: str) -> Token | None:
    """What a header, a parameter or a field is by its name alone, where its value has no form of its own."""
    if not _NAMED.fullmatch(name) or redacted(value):
        return None
    secret = _SCHEME.sub("", value.strip(), count=1)
    if len(secret) < SHORTEST or next(in_text(value), None) is not None:
        return None
    kind = re.sub(r"[^a-z]+", "_", name.casefold()).strip("_")
    owner = _user_of(secret) if value.strip().casefold().startswith("basic ") else ""
    return Token(system="aws" if kind == "x_amz_security_token" else UNKNOWN, kind=kind, secret=secret, owner=owner)


def redacted(value: str) -> bool:
    """Whether somebody has taken the value out already."""
    return len(value) < SHORTEST or bool(_REDACTED.fullmatch(value))


def jwt(text: str) -> Token:
    """A JSON Web Token by what it says of itself: issuer, subject, expiry. Nothing is verified: a forged one says what it likes."""
    claims = _claims(text)
    issuer, subject, mail = _said(claims, "iss"), _said(claims, "sub"), _said(claims, "email")
    user, client = _said(claims, "uid"), _said(claims, "cid") or _said(claims, "client_id")
    host = re.sub(r"^https?://|[/:].*$", "", issuer)
    system = (
        "okta"
        if _OKTA_HOST.fullmatch(host) or user.startswith("00u")
        else "cloudflare"
        if host.endswith(".cloudflareaccess.com")
        else UNKNOWN
    )
    if system == "okta":
        owner = (
            f"okta:user:{user}"
            if user
            else f"okta:app:{client}"
            if client and subject in ("", client)
            else f"okta:user:{subject}"
            if subject
            else ""
        )
    else:
        owner = mail or subject
    return Token(system=system, kind="jwt", secret=text, owner=owner, issuer=issuer, expires=_moment(claims.get("exp")))


def _user_of(basic: str) -> str:
    """The name in front of the password."""
    try:
        user, colon, _ = base64.b64decode(basic, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return ""
    return clean(user) if colon else ""


def _of(token: Token, system: str) -> Token:
    return Token(system=system, kind=token.kind, secret=token.secret, owner=token.owner, issuer=token.issuer, expires=token.expires)


def _claims(text: str) -> Mapping[str, object]:
    parts = text[:LONGEST_TOKEN].split(".")
    try:
        read = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))) if len(parts) == 3 else {}
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _said(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    return clean(value) if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
