from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from firedoor.vendors.okta.restoring import Restoration
from firedoor.vendors.okta.values import OktaUser
from firedoor.vendors.okta.zones import ZoneBlock, ZoneRecord
from tasks.okta.block_addresses import ZoneState
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

WORLDS = Worlds(
    targets={OktaUser: {"user_id": USER, "login": LOGIN}, Restoration: {"user_id": USER, "login": LOGIN, **PROOF}, ZoneBlock: BLOCK},
    worlds={OktaUser: users(), Restoration: users(), ZoneBlock: zones()},
    snapshots={ZoneState: st.builds(ZoneState, zone=st.none() | zone_records())},
)
