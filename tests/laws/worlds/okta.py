from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from firedoor.vendors.okta.values import OktaUser
from tests.laws.worlds.base import STAMPS, Worlds

USER, LOGIN = "00u1", "ada@acme.example"
STATUSES = st.sampled_from(["ACTIVE", "SUSPENDED", "DEPROVISIONED", "LOCKED_OUT", "PASSWORD_EXPIRED", "STAGED"])


def users() -> st.SearchStrategy[dict[str, Any]]:
    """An org with the target in any status, some sessions, tokens and clearings."""
    cleared = st.fixed_dictionaries(
        {"type": st.just("user.session.clear"), "published": STAMPS, "actor": st.just(USER), "targets": st.just([USER])}
    )
    user = st.fixed_dictionaries({"id": st.just(USER), "login": st.just(LOGIN), "status": STATUSES, "status_changed": STAMPS})

    def org(users: list[Any], tokens: int, log: list[Any]) -> dict[str, Any]:
        held = [{"id": f"oar{n}", "client": "0oa1", "user": USER, "refresh": f"canary-{n}"} for n in range(tokens)]
        here = {"sessions": [{"id": "canary-sid", "user": USER}], "oauth_tokens": held}
        return {"users": users, "log": log, **(here if users else {})}

    return st.builds(org, st.lists(user, max_size=1), st.integers(0, 3), st.lists(cleared, max_size=2))


WORLDS = Worlds(targets={OktaUser: {"user_id": USER, "login": LOGIN}}, worlds={OktaUser: users()})
