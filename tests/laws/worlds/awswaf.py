"""Worlds with IP sets, and with secrets that access keys are delivered to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from firedoor.model import Snapshot, Target
from firedoor.vendors.aws.ipsets import IpSetBlock
from firedoor.vendors.aws.renewal import RenewalState
from firedoor.vendors.aws.rotation import KeyRotation, RotationState
from firedoor.vendors.aws.secrets import Secret, version_of
from firedoor.vendors.aws.values import AccessKey, KeyStatus
from firedoor.vendors.aws.waiting import Reader
from tests.laws.worlds.base import MOMENTS

SET = {"account": "111122223333", "region": "eu-west-1", "scope": "REGIONAL", "version": "IPV4"}
NAMED = {"name": "attackers", "id": "0d3a6391-aacf-444c-b8b3-296941d1e720"}
ADDRESSES = ("203.0.113.7/32", "198.51.100.0/25")

OLD, NEWER, STRANGE = "AKIAAAAABBBBCCCCDDDD", "AKIAEEEEFFFFGGGGHHHH", "AKIAZZZZYYYYXXXXWWWW"
HAND = "11111111-2222-4333-8444-555555555555"  # a version that somebody put there
ROTATION = {
    "account": SET["account"],
    "user": "ci",
    "key": OLD,
    "secret": f"arn:aws:secretsmanager:eu-west-1:{SET['account']}:secret:ci/aws-AbCdEf",
}

TARGETS: Mapping[type[Target], Mapping[str, Any]] = {
    IpSetBlock: {**SET, **NAMED, "addresses": ADDRESSES},
    KeyRotation: ROTATION,
}


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


def rotations() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the old key or without, perhaps another one, and a secret in any state; each may be missing."""
    key = st.fixed_dictionaries({"status": st.sampled_from(["Active", "Inactive"]), "created": st.sampled_from(["2023-01-01T00:00:00Z"])})
    keys = st.dictionaries(st.sampled_from([OLD, NEWER, STRANGE]), key, max_size=2)
    labels = st.lists(st.sampled_from([HAND, version_of(NEWER), version_of(OLD)]), min_size=3, max_size=3)
    state = st.sampled_from([{}, {}, {}, {"rotates": True}, {"deleted": True}, {"owner": "rds"}, {"replica_of": "us-west-2"}])

    def secret(on: list[str], more: dict[str, Any]) -> dict[str, Any]:
        stages = dict(zip(("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"), on, strict=True))
        versions = {version: {"stages": [stage for stage, holder in stages.items() if holder == version]} for version in on}
        return {"ci/aws-AbCdEf": {"region": "eu-west-1", "versions": versions, **more}}

    secrets = st.builds(secret, labels, state)
    world = st.fixed_dictionaries({}, optional={"users": keys.map(lambda keys: {"ci": {"keys": keys}}), "secrets": secrets})
    return world.map(lambda world: {SET["account"]: world})


def rotation_states() -> st.SearchStrategy[RotationState]:
    """What may be read there, and what never should be: more keys than AWS allows, versions of none of them."""
    names = st.sampled_from([OLD, NEWER, STRANGE])
    near = st.sampled_from([datetime(2023, 10, 18, 16, minute, tzinfo=UTC) for minute in (0, 1, 59)])
    keys = st.lists(
        st.builds(AccessKey, id=names, status=st.sampled_from(KeyStatus), created=near | MOMENTS), max_size=3, unique_by=lambda key: key.id
    )
    stages = st.lists(st.sampled_from(["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"]), min_size=1, max_size=3, unique=True).map(tuple)
    versions = st.dictionaries(st.sampled_from([HAND, version_of(NEWER), version_of(OLD), version_of(STRANGE)]), stages, max_size=3)
    secret = st.builds(Secret, versions=versions, deleted=st.booleans(), rotates=st.booleans(), service=st.sampled_from(["", "rds"]))
    used = st.dictionaries(names, st.none() | MOMENTS, max_size=3)
    reader = st.builds(
        Reader, who=st.just("role deployer"), runs=st.just(("251126-aaaaaa",)), doubt=st.sampled_from(["", "AWS did not tell"])
    )
    readers = st.just(()) | st.lists(reader, max_size=4).map(tuple)
    return st.builds(RotationState, keys=keys.map(tuple), secret=st.none() | secret, used=used, gone=st.booleans(), readers=readers)


def renewal_states() -> st.SearchStrategy[RenewalState]:
    """The same, at a moment, with a tag that says of some key that it is off."""

    def at(seen: RotationState, now: datetime | None, off: str, since: datetime | None) -> RenewalState:
        read = {each.name: getattr(seen, each.name) for each in fields(RotationState)}
        return RenewalState(**read, now=now, off=off, off_since=since)

    return st.builds(at, rotation_states(), st.none() | MOMENTS, st.sampled_from([OLD, NEWER, ""]), st.none() | MOMENTS)


SNAPSHOTS: Mapping[type[Snapshot], st.SearchStrategy[Any]] = {
    RenewalState: renewal_states(),
    RotationState: rotation_states(),
}
