from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firedoor.errors import BadInput
from firedoor.vendors.aws.values import IamUser, check_key_id, check_policy_name, check_role_arn
from tests.vendors.aws.conftest import ACCOUNT, DEPLOY, KEY, SECRET


def test_a_user_has_a_label_names_and_a_time() -> None:
    assert DEPLOY.label == "ci-deploy in 111122223333"
    assert DEPLOY.names == ("aws:user:111122223333/ci-deploy", "aws:arn:arn:aws:iam::111122223333:user/ci-deploy")
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
