"""Worlds that nobody thought of: strategies for each vendor's simulated world, for a target in it, and for snapshots of it."""

from __future__ import annotations

import json
import typing
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from firedoor.canonical import JSON
from firedoor.catalogue import AnyAction
from firedoor.model import Snapshot
from firedoor.vendors.aws.values import AccessKey, KeyStatus
from tasks.aws.revoke_user_sessions import SessionsState

USER, LOGIN, ACCOUNT = "00u1", "ada@acme.example", "111122223333"
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive, by hypothesis
STAMPS = MOMENTS.map(lambda moment: moment.isoformat(timespec="milliseconds"))
STATUSES = st.sampled_from(["ACTIVE", "SUSPENDED", "DEPROVISIONED", "LOCKED_OUT", "PASSWORD_EXPIRED", "STAGED"])
KEY_IDS = st.from_regex(r"\AAKIA[A-Z2-7]{16}\Z")

st.register_type_strategy(AccessKey, st.builds(AccessKey, id=KEY_IDS, status=st.sampled_from(KeyStatus), created=MOMENTS))

_JSON: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def documents() -> st.SearchStrategy[Any]:
    """Inline policies: those of our shape, those that only look like it, and any JSON object."""
    times = STAMPS | st.sampled_from(["2099-01-01T00:00:00Z", "2099-01-01T00:00:00", "never", ""])
    extra = st.sampled_from([{}, {"DateGreaterThan": {"aws:TokenIssueTime": "2098-01-01T00:00:00Z"}}])

    def document(effect: str, cutoff: str, more: dict[str, JSON]) -> dict[str, JSON]:
        condition: JSON = {"DateLessThan": {"aws:TokenIssueTime": cutoff}, **more}
        return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": ["*"], "Resource": ["*"], "Condition": condition}]}

    return st.builds(document, st.sampled_from(["Deny", "Allow"]), times, extra)


# A snapshot that hypothesis cannot make by its types alone is made here.
SNAPSHOTS: dict[type[Snapshot], st.SearchStrategy[Any]] = {
    SessionsState: st.builds(
        SessionsState, policy=st.none() | documents() | st.dictionaries(st.text(max_size=8), _JSON, max_size=3), gone=st.booleans()
    ),
}


def snapshots(unit: type[AnyAction]) -> st.SearchStrategy[Any]:
    """Snapshots of the kind that the action reads."""
    kind = next(typing.get_args(base)[1] for base in unit.__orig_bases__ if typing.get_args(base))  # type: ignore[attr-defined]
    times = {name: st.none() | MOMENTS for name, shape in typing.get_type_hints(kind).items() if shape == datetime | None}
    return SNAPSHOTS[kind] if kind in SNAPSHOTS else st.builds(kind, **times)


def okta_worlds() -> st.SearchStrategy[dict[str, Any]]:
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


def aws_worlds() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the target's keys in any status and inline policies of many kinds; the target may be missing."""
    keys = st.dictionaries(KEY_IDS, st.fixed_dictionaries({"status": st.sampled_from(["Active", "Inactive"])}), max_size=2)
    valid = documents().filter(_written_well)
    policies = st.dictionaries(st.sampled_from(["AWSRevokeOlderSessions", "work"]), valid, max_size=2)
    user = st.fixed_dictionaries({"keys": keys, "policies": policies})
    return st.dictionaries(st.just("ci"), user, max_size=1).map(lambda users: {ACCOUNT: {"users": users}})


def _written_well(document: Any) -> bool:
    return not any(word in json.dumps(document) for word in ("never", '""'))


# A vendor is told apart by the first part of an action's id. One that is missing here has actions that are held to no world.
WORLDS = {"okta": okta_worlds(), "aws": aws_worlds()}
TARGETS = {"okta": {"user_id": USER, "login": LOGIN}, "aws": {"account": ACCOUNT, "name": "ci"}}
