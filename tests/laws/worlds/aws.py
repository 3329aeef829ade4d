from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from firedoor.canonical import JSON
from firedoor.vendors.aws.ipsets import IpSetBlock
from firedoor.vendors.aws.rotation import KeyRotation
from firedoor.vendors.aws.values import AccessKey, IamUser, KeyStatus
from tasks.aws.revoke_user_sessions import SessionsState
from tests.laws.worlds import awswaf
from tests.laws.worlds.base import MOMENTS, STAMPS, Worlds

ACCOUNT = "111122223333"
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


def users() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the target's keys in any status and inline policies of many kinds; the target may be missing."""
    keys = st.dictionaries(KEY_IDS, st.fixed_dictionaries({"status": st.sampled_from(["Active", "Inactive"])}), max_size=2)
    valid = documents().filter(_written_well)
    policies = st.dictionaries(st.sampled_from(["AWSRevokeOlderSessions", "work"]), valid, max_size=2)
    user = st.fixed_dictionaries({"keys": keys, "policies": policies})
    return st.dictionaries(st.just("ci"), user, max_size=1).map(lambda users: {ACCOUNT: {"users": users}})


def _written_well(document: Any) -> bool:
    return not any(word in json.dumps(document) for word in ("never", '""'))


WORLDS = Worlds(
    targets={IamUser: {"account": ACCOUNT, "name": "ci"}, **awswaf.TARGETS},
    worlds={IamUser: users(), IpSetBlock: awswaf.ip_sets(), KeyRotation: awswaf.rotations()},
    snapshots={
        SessionsState: st.builds(
            SessionsState, policy=st.none() | documents() | st.dictionaries(st.text(max_size=8), _JSON, max_size=3), gone=st.booleans()
        ),
        **awswaf.SNAPSHOTS,
    },
)
