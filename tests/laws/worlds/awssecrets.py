"""Worlds with secrets that Secrets Manager may rotate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from firedoor.model import Snapshot, Target
from firedoor.vendors.aws.secretrotation import SecretRotation, SecretState
from firedoor.vendors.aws.secrets import Secret, version_of
from firedoor.vendors.aws.waiting import Reader
from tests.laws.worlds.base import MOMENTS

ACCOUNT = "111122223333"
HAND, OTHER = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
OURS, DELIVERED = f"firedoor-{OTHER}", version_of("AKIAEEEEFFFFGGGGHHHH")
READER = Reader(who="role deployer", runs=("251126-aaaaaa",))
VERSIONS = st.sampled_from([HAND, OTHER, OURS, DELIVERED])

TARGETS: Mapping[type[Target], Mapping[str, Any]] = {
    SecretRotation: {"secret": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:ci/db-AbCdEf", "version": HAND},
}


def secrets() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the secret, set up in any way, its labels on any versions; it may be missing."""
    on = st.dictionaries(st.sampled_from(["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"]), VERSIONS, max_size=3)
    turned = st.sampled_from([{"rotates": True}, {"rotates": True}, {"rotates": True}, {"function": "arn:aws:lambda:x"}, {}])
    state = st.sampled_from([{}, {}, {}, {}, {"deleted": True}, {"owner": "rds"}, {"replica_of": "us-west-2"}])
    made = st.sampled_from(["2023-01-01T00:00:00Z", "2023-02-01T00:00:00Z"])

    def secret(on: dict[str, str], turned: dict[str, Any], state: dict[str, Any], made: str) -> dict[str, Any]:
        stages = {version: [label for label, holder in on.items() if holder == version] for version in {HAND, *on.values()}}
        versions = {version: {"stages": stages[version], "created": made} for version in sorted(stages)}
        return {"ci/db-AbCdEf": {"region": "eu-west-1", "versions": versions, **turned, **state}}

    world = st.fixed_dictionaries({}, optional={"secrets": st.builds(secret, on, turned, state, made)})
    return world.map(lambda world: {ACCOUNT: world})


def states() -> st.SearchStrategy[SecretState]:
    """What may be read there, and what never should be: a label on two versions, versions that no listing has."""
    near = st.sampled_from([datetime(2023, 10, 18, 16, minute, tzinfo=UTC) for minute in (0, 1, 59)])
    stages = st.lists(st.sampled_from(["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"]), min_size=1, max_size=3, unique=True).map(tuple)
    secret = st.builds(
        Secret,
        versions=st.dictionaries(VERSIONS, stages, max_size=3),
        deleted=st.booleans(),
        rotates=st.booleans(),
        service=st.sampled_from(["", "", "rds"]),
        primary=st.sampled_from(["", "", "us-west-2"]),
        function=st.sampled_from(["", "arn:aws:lambda:x"]),
        partner=st.sampled_from(["", "", "Salesforce"]),
    )
    made, readers = st.dictionaries(VERSIONS, near | MOMENTS, max_size=4), st.just(()) | st.just((READER,))
    return st.builds(SecretState, secret=st.none() | secret, made=made, readers=readers)


SNAPSHOTS: Mapping[type[Snapshot], st.SearchStrategy[Any]] = {SecretState: states()}
