"""What people and scanners call credentials, as the types that the sources list. Pure.

Capitals, spaces, dashes and plurals do not matter, nor does the vendor's name among the words: ``AWS access keys`` is ``access_key``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ASIDE: Final = re.compile(r"[(\[][^)\]]*[)\]]")
_WORD: Final = re.compile(r"[a-z0-9]+")
_KEY_ID: Final = re.compile(r"(?P<kind>AKIA|ASIA|ACCA)[A-Z2-7]{16}")
_OF_KEY_ID: Final = {"AKIA": "access_key", "ASIA": "session_key", "ACCA": "service_credential"}
_EMPTY: Final = frozenset(
    {"user", "users", "the", "a", "an", "of", "for", "leaked", "exposed", "static", "permanent", "long", "lived", "term"}
)
_VENDOR_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "aws": frozenset({"aws", "amazon", "iam"}),
    "okta": frozenset({"okta"}),
}
_NAMES: Final[Mapping[str, str]] = {"amazon": "aws", "amazon web services": "aws", "iam": "aws", "amazon iam": "aws"}

# What any vendor's credential may be and no source lists, under the name it goes by here.
_UNLISTED: Final[Mapping[str, str]] = {
    "password": "password, passwd, pwd, passphrase",
    "session_cookie": "session cookie, cookie, session, session id, sid, web session",
    "jwt": "jwt, json web token",
    "bearer_token": "bearer token, bearer",
    "access_token": "access token, oauth access token",
    "refresh_token": "refresh token, oauth refresh token",
    "id_token": "id token, identity token",
    "private_key": "private key, pem, rsa private key",
    "device_token": "device token",
    "ssh_key": "ssh key, ssh public key, ssh private key",
    "certificate": "certificate, x509 certificate, signing certificate, client certificate",
    "otp": "otp, one time password, totp seed, mfa seed",
}
_CALLED: Final[Mapping[str, Mapping[str, str]]] = {
    "aws": {
        "access_key": "access key, access key id, key id, key, access key pair, key pair, api key, api key id, api access key,"
        " access token, secret access key, secret key, access key secret, access key id and secret, access key and secret,"
        " programmatic access key, programmatic access, programmatic credential, account access key, access credential, api credential",
        "root_key": "root key, root access key, root access key id, root account key, root account access key",
        "login_profile": "login profile, console password, console login, console credential, console access, management console password,"
        " sign in password, login password, password",
        "service_credential": "service credential, service specific credential, codecommit credential, git credential,"
        " keyspaces credential, cassandra credential, bedrock api key",
        "secret": "secret, secretsmanager secret, secrets manager secret, secret manager secret, stored secret",
        "session_key": "session key, temporary access key, temporary key, temporary credential, session credential, sts credential",
        "session_token": "session token, sts token, sts session token, temporary token, security token, x amz security token",
    },
    "okta": {
        "api_token": "api token, api key, ssws, ssws token, ssws api token, ssws key, ssws api key, admin api token, admin token,"
        " management api token, rest api token",
        "client_secret": "client secret, oauth client secret, oidc client secret, oauth secret,"
        " app secret, application secret, app client secret, application client secret, service app secret, service app client secret",
        "client_key": "client key, oauth client key, client private key, client public key, client jwk, jwk,"
        " json web key, private key jwt, app key, app signing key, service app key",
        "grant": "grant, oauth grant, scope grant, consent, consent grant, oauth consent, app grant, api scope grant",
        "session_token": "session token",
    },
}
_SCANNERS: Final[Mapping[str, Mapping[str, str]]] = {
    "aws": {"": "access_key", "sessionkey": "session_key", "session key": "session_key", "secret": "access_key"},
    "okta": {"": "api_token", "access token": "api_token", "token": "api_token"},
}


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") and word not in ("ssws", "keyspaces") else word


def _words(text: str) -> list[str]:
    """The words of a name; what version of OAuth it is does not matter."""
    found = _WORD.findall(_CAMEL.sub(" ", text).casefold())
    return ["oauth" if word == "oauth2" else word for word in found if not word.isdigit()]


def _table(called: Mapping[str, str]) -> dict[str, str]:
    return {
        " ".join(_singular(word) for word in name.split()): kind
        for kind, names in called.items()
        for name in (*names.split(", "), kind.replace("_", " "))
    }


_ANY: Final = _table(_UNLISTED)
_TABLES: Final = {system: _ANY | _table(called) for system, called in _CALLED.items()}


def system_of(text: str) -> str:
    """The vendor that somebody names: ``Amazon Web Services`` is ``aws``. One that no source knows is given back in small letters."""
    words = _words(text)
    named = [system for system in _CALLED if system in words]
    return named[0] if len(named) == 1 else _NAMES.get(" ".join(words), text.casefold())


def system_in(kind: str) -> str:
    """The vendor that the name of a kind tells of (``AWS access key``); empty where it tells of none, or of two."""
    words = _words(kind)
    named = [system for system in _CALLED if system in words or (system == "aws" and "amazon" in words) or "ssws" in words]
    return "okta" if "ssws" in words else named[0] if len(named) == 1 else ""


def listed(system: str) -> bool:
    """Whether sources list credentials of that vendor at all."""
    return system in _CALLED


def recognised(system: str, text: str, *, scanner: bool = False) -> str:
    """The kind that somebody means, empty where nobody can tell. ``scanner``: the name is a detector's or a rule's."""
    table = {**_TABLES.get(system, _ANY), **(_SCANNERS.get(system, {}) if scanner else {})}
    said = (_name(system, words) for words in (text, _ASIDE.sub(" ", text)))
    return next((table[name] for name in said if name in table), "")


def _name(system: str, text: str) -> str:
    words = [word for word in _words(text) if word not in _EMPTY and word not in _VENDOR_WORDS.get(system, ())]
    return " ".join(_singular(word) for word in words)


def exact(system: str, kind: str) -> bool:
    """Whether a credential that has the form of this kind can be of no other."""
    return kind in _CALLED.get(system, ())


def by_id(identity: str) -> tuple[str, str]:
    """The vendor and kind that an id tells by its own form, both empty where it tells none."""
    found = _KEY_ID.fullmatch(identity)
    return ("aws", _OF_KEY_ID[found["kind"]]) if found else ("", "")
