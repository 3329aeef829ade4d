"""The kinds of values that settings have: each is checked where it is read, and says in words what is wrong with it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from firedoor.errors import BadInput
from firedoor.signing import check_key

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LISTEN = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
PLAIN_URL = re.compile(r"[A-Za-z0-9:/._~%@\[\]-]+")


def _safe_url(url: str) -> str:
    if not PLAIN_URL.fullmatch(url):
        raise ValueError("an address is plain: letters, digits and :/._~%-, with no query")
    parts = urlsplit(url)
    if parts.hostname is None or parts.username is not None or parts.port == 0:
        raise ValueError("an address is https:// and a host, and holds no name or password")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return url
    raise ValueError("it must begin with https:// (plain http:// only to 127.0.0.1)")


SafeUrl = Annotated[str, AfterValidator(_safe_url)]


def _public_key(text: str) -> str:
    try:
        return check_key(text)
    except BadInput as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _listen(text: object) -> object:
    if not isinstance(text, str):
        return text
    found = LISTEN.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise ValueError("it is a host and a port, for example 127.0.0.1:3000")
    return Listen(found["host"].strip("[]"), int(found["port"]))


def _network(text: object) -> object:
    return ipaddress.ip_network(text) if isinstance(text, str) else text


AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+:[a-z0-9_]+:\S")]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
SlackGroup = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,20}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ListenAt = Annotated[Listen, BeforeValidator(_listen)]
ListenOrNot = Annotated[Listen | None, BeforeValidator(lambda text: None if text == "" else _listen(text))]
