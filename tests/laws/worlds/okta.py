from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from firedoor.vendors.okta.values import OktaApp, OktaUser
from tests.laws.worlds.base import STAMPS, Worlds

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


def apps() -> st.SearchStrategy[dict[str, Any]]:
    """An org with an app of any kind in any status, and refresh tokens of it; the app may be missing."""
    kinds = st.sampled_from([("oidc_client", "service"), ("oidc_client", "web"), ("saasure", "web"), ("slack", "")])
    statuses = st.sampled_from(["ACTIVE", "INACTIVE", "DELETED"])

    def org(kind: tuple[str, str], status: str, tokens: int, there: int) -> dict[str, Any]:
        app = {"id": APP, "label": "Deploy bot", "name": kind[0], "type": kind[1], "status": status, "secret": "canary-secret"}
        return {"users": [{"id": USER, "login": LOGIN}], "apps": [app] * there, "oauth_tokens": _tokens(tokens, client=APP)}

    return st.builds(org, kinds, statuses, st.integers(0, 3), st.integers(0, 1))


def _tokens(many: int, client: str = "0oa1") -> list[dict[str, Any]]:
    return [{"id": f"oar{n}", "client": client, "user": USER, "refresh": f"canary-{n}"} for n in range(many)]


WORLDS = Worlds(
    targets={OktaUser: {"user_id": USER, "login": LOGIN}, OktaApp: {"app_id": APP, "title": "Deploy bot"}},
    worlds={OktaUser: users(), OktaApp: apps()},
)
