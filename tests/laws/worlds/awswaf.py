"""Worlds with IP sets. (The strategies of a vendor that has many kinds of targets are spread over files.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from firedoor.model import Target
from firedoor.vendors.aws.ipsets import IpSetBlock

SET = {"account": "111122223333", "region": "eu-west-1", "scope": "REGIONAL", "version": "IPV4"}
NAMED = {"name": "attackers", "id": "0d3a6391-aacf-444c-b8b3-296941d1e720"}
ADDRESSES = ("203.0.113.7/32", "198.51.100.0/25")

TARGETS: Mapping[type[Target], Mapping[str, Any]] = {IpSetBlock: {**SET, **NAMED, "addresses": ADDRESSES}}


def ip_sets() -> st.SearchStrategy[dict[str, Any]]:
    """An account whose set holds some of the addresses, networks around them and parts of them, and others; the set may be missing."""
    entries = st.sampled_from(
        [
            *ADDRESSES,
            "203.0.113.0/24",
            "203.0.113.6/31",
            "198.51.100.0/26",
            "198.51.100.64/26",
            "198.51.100.9/32",
            "192.0.2.0/24",
            "8.0.0.0/7",
        ]
    )
    held = st.lists(entries, max_size=6, unique=True)
    sets = st.lists(held.map(lambda addresses: {**NAMED, "region": "eu-west-1", "addresses": addresses}), max_size=1)
    return sets.map(lambda sets: {SET["account"]: {"ip_sets": sets}})
