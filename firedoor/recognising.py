"""What one piece of a text names, if anything. Pure. A piece is taken as a whole: half a name would be somebody else's."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from firedoor import addresses
from firedoor.errors import BadInput

LONGEST: Final = 700


class Kind(StrEnum):
    """What an indicator is, as people call it."""

    EMAIL = "user"
    AWS_KEY = "access key"
    AWS_USER = "IAM user"
    AWS_ROLE = "AWS role"
    ADDRESS = "address"
    OKTA_USER = "Okta user"
    OKTA_APP = "Okta app"
    OKTA_GROUP = "Okta group"
    OKTA_TOKEN = "Okta token"  # noqa: S105 - the id of one opens nothing
    MOMENT = "moment"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One thing that a text names. ``why_not`` says why it is not to be acted on as it stands: it is private, or not what it looks like."""

    kind: Kind
    value: str
    why_not: str = ""

    @property
    def identity(self) -> str:
        """Two indicators of a kind with the same identity are one."""
        return self.value.casefold() if self.kind in (Kind.EMAIL, Kind.HOST) else self.value

    def __str__(self) -> str:
        return f"{self.kind} {self.value}{f' ({self.why_not})' if self.why_not else ''}"


_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = rf"(?:{_LABEL}\.){{1,10}}(?P<top>[A-Za-z]{{2,24}}|xn--[A-Za-z0-9-]{{2,59}})"
_HOST: Final = re.compile(_DOMAIN)
_EMAIL: Final = re.compile(rf"(?!\.)(?!.*\.\.)[A-Za-z0-9!#$%&'*+=?^_{{|}}~.-]{{1,64}}(?<!\.)@{_DOMAIN}")
_KEY_ID: Final = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{16}")
_OKTA: Final = re.compile(r"(?P<prefix>00u|0oa|00g|00T)[A-Za-z0-9]{7,29}")
_NAME: Final = r"[A-Za-z0-9_+=.@-]{1,64}"
_ACCOUNT_USER: Final = re.compile(rf"[0-9]{{12}}/{_NAME}")
_ARN: Final = re.compile(
    rf"arn:aws[a-z-]{{0,20}}:(?:iam::[0-9]{{12}}:(?P<kind>user|role)/(?:[A-Za-z0-9_+=.@-]{{1,64}}/){{0,8}}{_NAME}"
    rf"|sts::(?P<account>[0-9]{{12}}):assumed-role/(?P<role>{_NAME})/(?P<session>{_NAME}))"
)
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f.:]{2,45}(?:/[0-9]{1,3})?")
_FINGERPRINT: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}")
_OKTA_KINDS: Final = {"00u": Kind.OKTA_USER, "0oa": Kind.OKTA_APP, "00g": Kind.OKTA_GROUP, "00T": Kind.OKTA_TOKEN}
# Words after which four numbers are a version, and something with an @ is a message's id.
_VERSIONS: Final = frozenset(("version", "ver", "v", "release", "build", "firmware", "revision"))
MESSAGES: Final = frozenset(("message-id", "messageid", "message_id", "msgid", "in-reply-to", "references"))
# Ends of host names, and ends of file names that could be some country's.
_TOP_WORDS: Final = (
    "com net org io dev app cloud edu gov mil int biz info online site xyz top club shop tech live store link click internal local lan corp"
    " intra intranet private localdomain svc cluster consul example test invalid onion arpa"
)
_FILE_WORDS: Final = (
    "pdf exe dll py js ts sh rs md cs pl ps so zip rar gz tar doc docx xls xlsx ppt pptx csv txt log json xml yaml yml toml ini cfg conf"
    " html htm php asp aspx jsp jar war apk bat cmd ps1 msi iso img bin dat db bak tmp png jpg jpeg gif svg webp ico mp4 har pcap pem key"
    " crt cer pub go rb java cpp hpp sql lnk vbs hta eml msg rtf"
)
_TOPS, _FILES = frozenset(_TOP_WORDS.split()), frozenset(_FILE_WORDS.split())
_PRIVATE: Final[tuple[tuple[IPv4Network | IPv6Network, str], ...]] = tuple(
    (ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "no address of anybody's"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "private"),
        ("127.0.0.0/8", "this machine itself"),
        ("169.254.0.0/16", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("224.0.0.0/3", "no address of anybody's"),
        ("::/127", "no address of anybody's"),
        ("fc00::/7", "private"),
        ("fe80::/10", "private"),
        ("ff00::/8", "no address of anybody's"),
    )
)
_WIDE: Final = {4: 8, 6: 19}


def recognise(text: str, after: str = "", *, named_as_host: bool = False) -> tuple[Indicator, ...]:
    """What the piece names; mostly nothing or one thing. ``after`` is the word before it, in small letters.

    ``named_as_host``: it stood in the place of a host, or was written so that nobody clicks on it, so that it is no file.
    """
    bare = _bare(text)
    if not 3 < len(bare) <= LONGEST:
        return ()
    if bare.isascii():
        return _plain(bare, after, named_as_host=named_as_host)
    if not any(character.isascii() and character.isalnum() for character in bare):
        return ()
    alike = _plain(_skeleton(bare), after, named_as_host=named_as_host)
    return tuple(replace(one, value=bare, why_not=_strange(bare)) for one in alike[:1])


def moment(text: str) -> Indicator | None:
    """The moment that the text is, in UTC; nothing where there is no such day or hour."""
    written = text.upper().replace(" UTC", "Z").replace("UTC", "Z").replace(",", ".")
    try:
        found = datetime.fromisoformat(written.replace(" +", "+").replace(" -", "-"))
        if found.tzinfo is None:
            return Indicator(kind=Kind.MOMENT, value=text, why_not="no time zone")
        return Indicator(kind=Kind.MOMENT, value=found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    except (ValueError, OverflowError):
        return None


def _plain(text: str, after: str, *, named_as_host: bool) -> tuple[Indicator, ...]:
    if text.startswith("arn:"):
        return _arn(text)
    if "@" in text:
        return _email(text, after)
    if (kind := _id_of(text)) is not None:
        return (Indicator(kind=kind, value=text),)
    found = _address(text) if _ADDRESS.fullmatch(text) and not _is_version(after) else ()
    return found or _host(text, named_as_host=named_as_host)


def _id_of(text: str) -> Kind | None:
    if _KEY_ID.fullmatch(text):
        return Kind.AWS_KEY
    if _ACCOUNT_USER.fullmatch(text):
        return Kind.AWS_USER
    okta = _OKTA.fullmatch(text)
    return _OKTA_KINDS[okta["prefix"]] if okta else None


def _is_version(after: str) -> bool:
    return after.endswith("version") or re.split(r"[^a-z]", after)[-1] in _VERSIONS


def _arn(text: str) -> tuple[Indicator, ...]:
    found = _ARN.fullmatch(text)
    if found is None:
        return ()
    if found["kind"]:
        return (Indicator(kind=Kind.AWS_USER if found["kind"] == "user" else Kind.AWS_ROLE, value=text),)
    role = Indicator(kind=Kind.AWS_ROLE, value=f"{found['account']}/{found['role']}")  # only AWS can tell its path
    return (role, *_email(found["session"], ""))


def _email(text: str, after: str) -> tuple[Indicator, ...]:
    found = _EMAIL.fullmatch(text)
    if found is None or after in MESSAGES or found["top"].casefold() in _FILES:
        return ()
    return (Indicator(kind=Kind.EMAIL, value=text),)


def _address(text: str) -> tuple[Indicator, ...]:
    if "." not in text and (text.count(":") < 2 or not any(character.isdigit() for character in text) or _FINGERPRINT.fullmatch(text)):
        return ()
    try:
        network = ip_network(addresses.canonical(text))
    except BadInput:
        return _unclear(text)
    value = str(network) if "/" in text else str(network.network_address)
    return (Indicator(kind=Kind.ADDRESS, value=value, why_not=_why_not(network)),)


def _unclear(text: str) -> tuple[Indicator, ...]:
    """A network with bits beyond its prefix: somebody means something, but not this."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return ()
    return (Indicator(kind=Kind.ADDRESS, value=text, why_not="not clear which network"),)


def _why_not(network: IPv4Network | IPv6Network) -> str:
    if network.prefixlen < _WIDE[network.version]:
        return "far too wide"
    return next((why for other, why in _PRIVATE if other.version == network.version and network.overlaps(other)), "")


def _host(text: str, *, named_as_host: bool) -> tuple[Indicator, ...]:
    found = _HOST.fullmatch(text)
    if found is None:
        return ()
    top = found["top"]
    known = top in _TOPS or (len(top) == 2 and top.islower() and top not in _FILES and len(text) > 5)
    return (Indicator(kind=Kind.HOST, value=text),) if known or named_as_host or top.startswith("xn--") else ()


def _bare(text: str) -> str:
    """The piece without what a sentence or markup puts around it."""
    bare = text.lstrip("*~/:")
    bare = bare if bare.endswith("::") else bare.rstrip(".,:;!?*~\\/-").removesuffix("'s")
    return bare[1:-1] if len(bare) > 2 and bare[0] == bare[-1] == "_" else bare


def _skeleton(text: str) -> str:
    """What it would be if each strange letter were one of ours, and what cannot be seen were not there."""
    shapes = unicodedata.normalize("NFKC", text)
    return "".join(one if one.isascii() else "x" if one.isalnum() else "" for one in shapes)


def _strange(text: str) -> str:
    odd = next(character for character in text if not character.isascii())
    return f"suspicious: it has {unicodedata.name(odd, 'a character without a name')} (U+{ord(odd):04X})"
