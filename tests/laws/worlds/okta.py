from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from firedoor.vendors.okta.credentials import OktaApiToken, OktaClientKey, OktaClientSecret, OktaGrant
from firedoor.vendors.okta.restoring import Restoration
from firedoor.vendors.okta.values import Consent, OktaApp, OktaUser
from firedoor.vendors.okta.zones import ZoneBlock, ZoneRecord
from tasks.okta.block_addresses import ZoneState
from tasks.okta.revoke_grants import GrantsState
from tests.laws.worlds.base import MOMENTS, STAMPS, Worlds

USER, LOGIN = "00u1", "ada@acme.example"
APP = "0oabot1"
STATUSES = st.sampled_from(["ACTIVE", "SUSPENDED", "DEPROVISIONED", "LOCKED_OUT", "PASSWORD_EXPIRED", "STAGED", "RECOVERY"])
FACTORS = st.sampled_from(["push", "signed_nonce", "token:software:totp", "sms", "webauthn"])


def users() -> st.SearchStrategy[dict[str, Any]]:
    """An org with the target in any status, some sessions, tokens, consents, factors and clearings."""
    cleared = st.fixed_dictionaries(
        {"type": st.just("user.session.clear"), "published": STAMPS, "actor": st.just(USER), "targets": st.just([USER])}
    )
    user = st.fixed_dictionaries({"id": st.just(USER), "login": st.just(LOGIN), "status": STATUSES, "status_changed": STAMPS})

    factors = st.lists(st.tuples(FACTORS, STAMPS), max_size=3)

    def org(users: list[Any], tokens: int, log: list[Any], factors: list[tuple[str, str]], grants: int) -> dict[str, Any]:
        here = {
            "sessions": [{"id": "canary-sid", "user": USER}],
            "oauth_tokens": _tokens(tokens),
            "factors": [{"id": f"opf{n}", "user": USER, "type": kind, "created": at} for n, (kind, at) in enumerate(factors)],
            "grants": [{"id": f"oag{n}", "user": USER, "client": "0oa1", "scope": "openid"} for n in range(grants)],
        }
        return {"users": users, "log": log, **(here if users else {})}

    return st.builds(org, st.lists(user, max_size=1), st.integers(0, 3), st.lists(cleared, max_size=2), factors, st.integers(0, 2))


ZONE = "nzo1"
BLOCK = {"zone_id": ZONE, "zone_name": "Firedoor", "addresses": ["203.0.113.7/32", "198.51.100.0/28", "2001:db8::/48"]}
ENTRIES = st.sampled_from(
    ["203.0.113.7/32", "203.0.113.0-203.0.113.9", "198.51.100.0/29", "198.51.100.8/29", "0.0.0.0/0", "2001:db8::/32", "192.0.2.1-192.0.2.1"]
)


def zones() -> st.SearchStrategy[dict[str, Any]]:
    """An org with the target's zone in any state, which may be missing, and another one beside it."""
    usual = st.fixed_dictionaries(
        {
            "id": st.just(ZONE),
            "name": st.just("Firedoor"),
            "usage": st.sampled_from(["BLOCKLIST", "BLOCKLIST", "BLOCKLIST", "POLICY"]),
            "status": st.sampled_from(["ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE"]),
            "gateways": st.lists(ENTRIES.filter(lambda entry: entry != "0.0.0.0/0"), min_size=1, max_size=4, unique=True),
            "proxies": st.lists(st.just("192.0.2.200/32"), max_size=1),
        },
        optional={"system": st.just(True), "extra": st.just({"colour": "red", "none": None})},
    )
    other = {"id": "nzo2", "name": "Offices", "usage": "POLICY", "gateways": ["192.0.2.64/26"]}
    return st.lists(usual, max_size=1).map(lambda found: {"zones": [*found, other]})


def zone_records() -> st.SearchStrategy[ZoneRecord]:
    """Zones as Okta may show them, with entries that nobody can read among the gateways."""
    entries = st.lists(ENTRIES | st.text(max_size=12), max_size=6).map(tuple)
    usual = {"type": st.sampled_from(["IP", "IP", "DYNAMIC"]), "usage": st.sampled_from(["BLOCKLIST", "BLOCKLIST", "POLICY", "NEW"])}
    return st.builds(ZoneRecord, **usual, status=st.sampled_from(["ACTIVE", "INACTIVE"]), gateways=entries, proxies=st.integers(0, 2))


PROOF = {"verified_by": "Ben Okafor", "how": "video_call", "reference": "INC-2023-117"}


def apps() -> st.SearchStrategy[dict[str, Any]]:
    """An org with an app of any kind in any status, and refresh tokens of it; the app may be missing."""
    kinds = st.sampled_from([("oidc_client", "service"), ("oidc_client", "web"), ("saasure", "web"), ("slack", "")])
    statuses = st.sampled_from(["ACTIVE", "INACTIVE", "DELETED"])

    def org(kind: tuple[str, str], status: str, tokens: int, there: int) -> dict[str, Any]:
        app = {"id": APP, "label": "Deploy bot", "name": kind[0], "type": kind[1], "status": status, "secret": "canary-secret"}
        return {"users": [{"id": USER, "login": LOGIN}], "apps": [app] * there, "oauth_tokens": _tokens(tokens, client=APP)}

    return st.builds(org, kinds, statuses, st.integers(0, 3), st.integers(0, 1))


API_TOKEN = "00Tdeploy"


def api_tokens() -> st.SearchStrategy[dict[str, Any]]:
    """An org with the target's token, which may be missing or another user's, and its owner in any status."""

    def org(status: str, owner: str, there: int) -> dict[str, Any]:
        users = [{"id": USER, "login": LOGIN, "status": status}, {"id": "00u2", "login": "bob@acme.example"}]
        return {"users": users, "api_tokens": [{"id": API_TOKEN, "name": "deploy", "token": "canary-token", "owner": owner}] * there}

    return st.builds(org, STATUSES, st.sampled_from([USER, USER, "00u2"]), st.integers(0, 1))


SECRET, KEY = "ocs1", "pks1"
SWITCHED = st.sampled_from(["ACTIVE", "ACTIVE", "INACTIVE"])
KINDS = st.sampled_from([*[("oidc_client", "service")] * 3, ("oidc_client", "web"), ("saasure", "web")])


def clients() -> st.SearchStrategy[dict[str, Any]]:
    """An org with an app of any kind, and secrets and keys of it in any state; the app, and any of them, may be missing."""
    secrets = st.lists(st.tuples(st.sampled_from([SECRET, "ocs2"]), SWITCHED), max_size=2, unique_by=lambda one: one[0])
    uses = st.sampled_from(["sig", "sig", "enc"])
    keys = st.lists(st.tuples(st.sampled_from([KEY, "pks2"]), SWITCHED, uses), unique_by=lambda one: one[0])

    def org(kind: tuple[str, str], status: str, secrets: list[Any], keys: list[Any], there: int) -> dict[str, Any]:
        return {
            "apps": [{"id": APP, "label": "Deploy bot", "name": kind[0], "type": kind[1], "status": status}] * there,
            "client_secrets": [{"id": name, "app": APP, "secret": f"canary-{name}", "status": each} for name, each in secrets] * there,
            "client_keys": [{"id": name, "app": APP, "status": each, "use": use} for name, each, use in keys] * there,
        }

    return st.builds(org, KINDS, SWITCHED, secrets, keys, st.sampled_from([1, 1, 1, 0]))


GRANT = "oag1"


def grants() -> st.SearchStrategy[dict[str, Any]]:
    """An org with the target's grant, which may be missing or another user's."""

    def org(status: str, owner: str, there: int) -> dict[str, Any]:
        users = [{"id": USER, "login": LOGIN, "status": status}, {"id": "00u2", "login": "bob@acme.example"}]
        return {"users": users, "grants": [{"id": GRANT, "user": owner, "client": "0oa1", "scope": "openid"}] * there}

    return st.builds(org, STATUSES, st.sampled_from([USER, USER, "00u2"]), st.integers(0, 1))


def consents() -> st.SearchStrategy[Consent]:
    """Consents as Okta may show them."""
    words = st.text(max_size=8)
    return st.builds(Consent, id=words, client_id=words, scope=words, status=words, created=st.none() | MOMENTS)


def _tokens(many: int, client: str = "0oa1") -> list[dict[str, Any]]:
    return [{"id": f"oar{n}", "client": client, "user": USER, "refresh": f"canary-{n}"} for n in range(many)]


WORLDS = Worlds(
    targets={
        OktaUser: {"user_id": USER, "login": LOGIN},
        OktaApp: {"app_id": APP, "title": "Deploy bot"},
        OktaGrant: {"grant_id": GRANT, "user_id": USER, "login": LOGIN, "client_id": "0oa1", "scope": "openid"},
        OktaClientSecret: {"app_id": APP, "title": "Deploy bot", "secret_id": SECRET},
        OktaClientKey: {"app_id": APP, "title": "Deploy bot", "key_id": KEY},
        OktaApiToken: {"token_id": API_TOKEN, "title": "deploy", "user_id": USER, "login": LOGIN},
        Restoration: {"user_id": USER, "login": LOGIN, **PROOF},
        ZoneBlock: BLOCK,
    },
    worlds={
        OktaUser: users(),
        OktaApp: apps(),
        OktaApiToken: api_tokens(),
        OktaClientSecret: clients(),
        OktaClientKey: clients(),
        OktaGrant: grants(),
        Restoration: users(),
        ZoneBlock: zones(),
    },
    snapshots={
        ZoneState: st.builds(ZoneState, zone=st.none() | zone_records()),
        GrantsState: st.builds(GrantsState, grants=st.lists(consents(), max_size=3).map(tuple)),
    },
)
