from __future__ import annotations

import pytest

from firedoor.errors import BadInput
from firedoor.vendors.aws.principals import AwsPrincipal, SsoUser, check_principal_arn, check_sso_login, check_sso_user_id
from tests.vendors.aws.organization import ADA


def test_an_arn_tells_all() -> None:
    role = AwsPrincipal(arn="arn:aws:iam::111122223333:role/ci/build/deployer")
    assert (role.account, role.kind, role.name, role.service_linked) == ("111122223333", "role", "deployer", False)
    assert role.label == "role deployer in 111122223333"
    assert role.names == ("aws:role:111122223333/deployer", f"aws:arn:{role.arn}")
    user = AwsPrincipal(arn="arn:aws-us-gov:iam::111122223333:user/amy@acme.example")
    assert user.names[0] == "aws:user:111122223333/amy@acme.example"


@pytest.mark.parametrize(
    ("arn", "linked"),
    [
        ("arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", True),
        ("arn:aws:iam::111122223333:role/x/aws-service-role/AWSServiceRoleForECS", False),
        ("arn:aws:iam::111122223333:user/aws-service-role/x/AWSServiceRoleForECS", False),
    ],
)
def test_a_service_linked_role_is_known_by_its_path(arn: str, linked: bool) -> None:  # noqa: FBT001 - a table's column
    assert AwsPrincipal(arn=arn).service_linked is linked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mallory",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:group/ops",
        "arn:aws:iam::11112222333:user/mallory",
        "arn:aws:iam::111122223333:user/",
        "arn:aws:iam::111122223333:user/*",
        "arn:aws:iam::111122223333:role/a?c",
        "arn:aws:iam::111122223333:role/*/admin",
        "arn:aws:iam::111122223333:role/${aws:username}",
        "arn:aws:iam::111122223333:role/../admin",
        "arn:aws:iam::111122223333:role//admin",
        "arn:aws:iam::111122223333:role/adm\u0456n",
        "arn:aws:iam::111122223333:role/admin\n",
        "arn:aws:iam::111122223333:role/" + "a" * 65,
        "arn:aws:sts::111122223333:assumed-role/deployer/session",
    ],
)
def test_what_is_no_principal_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        check_principal_arn(text)


def test_people_go_by_id_and_login() -> None:
    ada = SsoUser(user_id=ADA, login="ada@acme.example")
    assert ada.names == (f"aws:sso_user:{ADA}", "aws:sso_login:ada@acme.example")
    assert ada.label == "ada@acme.example of Identity Center"
    assert check_sso_user_id("01234567-89ab-cdef-0123-456789abcdef")


@pytest.mark.parametrize("text", ["", "*", "ada@acme.example", ADA + "\n", ADA[:-1], "x" + ADA, f"{ADA},{ADA}", ADA.replace("9", "g")])
def test_what_is_no_user_id_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        check_sso_user_id(text)


@pytest.mark.parametrize("text", ["", "a b", "ada/..", "a..b", "ad\u0430", "ada\n", "a" * 129])
def test_what_is_no_login_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        check_sso_login(text)
