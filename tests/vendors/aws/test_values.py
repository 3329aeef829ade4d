from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from firedoor.errors import BadInput
from firedoor.vendors.aws.values import Caller, IamRole, IamUser, check_key_id, check_policy_name, check_role_arn, parse_role, parse_user
from tests.vendors.aws.conftest import ACCOUNT, DEPLOY, KEY, SECRET


def test_a_user_has_a_label_names_and_a_time() -> None:
    assert DEPLOY.label == "ci-deploy in 111122223333"
    assert DEPLOY.names == ("aws:user:111122223333/ci-deploy", "aws:arn:arn:aws:iam::111122223333:user/ci-deploy")
    assert IamUser(account=ACCOUNT, name="x", path="/team/blue/").names[1] == "aws:arn:arn:aws:iam::111122223333:user/team/blue/x"
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert DEPLOY.minted_before is None
    assert DEPLOY.bound(moment) == IamUser(account=ACCOUNT, name="ci-deploy", minted_before=moment)
    with pytest.raises(BadInput):
        DEPLOY.bound(datetime(2026, 1, 1))  # noqa: DTZ001 - that it is naive is the point


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "a\n", "../x", "é", "a/b", "٣"])
def test_names_aws_would_not_take_are_refused(name: str) -> None:
    with pytest.raises(BadInput):
        IamUser(account=ACCOUNT, name=name)
    with pytest.raises(BadInput):
        check_policy_name(name * 2)


@pytest.mark.parametrize("account", ["", "11112222333", "1111222233334", "11112222333a", "١١١١٢٢٢٢٣٣٣٣"])
def test_accounts_have_twelve_digits(account: str) -> None:
    with pytest.raises(BadInput):
        IamUser(account=account, name="x")


@pytest.mark.parametrize("path", ["", "team", "/team", "team/", "/a b/", "/é/"])
def test_paths_begin_and_end_with_a_slash(path: str) -> None:
    with pytest.raises(BadInput):
        IamUser(account=ACCOUNT, name="x", path=path)


@pytest.mark.parametrize("text", ["", KEY + "\n", KEY.lower(), KEY[:-1], KEY + "A", "AIDA" + KEY[4:], KEY[:-1] + "1", SECRET])
def test_a_key_id_is_told_from_anything_else_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_key_id(text)
    assert not text or text not in str(caught.value)
    assert check_key_id(KEY) == KEY


def test_roles_are_arns_of_roles() -> None:
    assert check_role_arn("arn:aws:iam::111122223333:role/a/b")
    with pytest.raises(BadInput):
        check_role_arn("arn:aws:iam::111122223333:user/a")


def test_a_role_has_a_label_names_and_a_time() -> None:
    role = IamRole(account=ACCOUNT, name="deployer", path="/team/")
    assert role.label == "role deployer in 111122223333"
    assert role.names == ("aws:role:111122223333/deployer", "aws:arn:arn:aws:iam::111122223333:role/team/deployer")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert role.minted_before is None
    assert role.bound(moment) == IamRole(account=ACCOUNT, name="deployer", path="/team/", minted_before=moment)
    with pytest.raises(BadInput):
        role.bound(datetime(2026, 1, 1))  # noqa: DTZ001 - that it is naive is the point


@pytest.mark.parametrize(
    "fields", [{"name": "a/b"}, {"name": ""}, {"account": "1"}, {"path": ""}, {"path": "/a"}, {"path": "a/"}, {"path": "/a b/"}]
)
def test_roles_aws_would_not_have_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        IamRole(**{"account": ACCOUNT, "name": "x", **fields})


def test_people_name_users_and_roles_in_a_few_ways() -> None:
    assert parse_user(f"{ACCOUNT}/ci-deploy") == DEPLOY
    assert parse_role(f"{ACCOUNT}/deployer") == IamRole(account=ACCOUNT, name="deployer")
    for path in ("/", "/team/blue/"):
        role = IamRole(account=ACCOUNT, name="deployer", path=path)
        assert parse_role(role.arn) == role


@pytest.mark.parametrize("text", ["", "ci-deploy", f"{ACCOUNT}/a/b", "/x", f"arn:aws:iam::{ACCOUNT}:user/x", f"{ACCOUNT}/", f"{ACCOUNT}:x"])
def test_other_ways_are_refused(text: str) -> None:
    for parse in (parse_user, parse_role):
        with pytest.raises(BadInput):
            parse(text)


def test_a_sessions_arn_is_answered_with_the_words_for_the_role() -> None:
    with pytest.raises(BadInput, match="is a session of a role") as caught:
        parse_role(f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/mallory")
    assert "follows assumed-role" in caught.value.advice


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/bots/ci", f"aws:user:{ACCOUNT}/ci"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/a@b", f"aws:role:{ACCOUNT}/deployer"),
        (f"arn:aws:iam::{ACCOUNT}:root", ""),
        ("", ""),
    ],
)
def test_a_caller_is_named_as_targets_are(arn: str, name: str) -> None:
    assert Caller(account=ACCOUNT, arn=arn).name == name
