from __future__ import annotations

import json
from typing import Any

import pytest

from firedoor.canonical import JSON
from firedoor.vendors.aws.denylist import PRINCIPALS, ROOM, SSO_USERS, DenyState, document_of, size
from tests.vendors.aws.organization import DENY, MALLORY, NO_ID, NOBODY, blocking, deny, listing

KEY = "aws:PrincipalArn"


def statement(**changes: JSON) -> dict[str, JSON]:
    whole: Any = listing(NOBODY)["Statement"]
    return {**whole[0], **changes}


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike", "StringEquals", "StringLike"])
def test_the_list_is_found_under_any_operator_that_compares_each_entry(operator: str) -> None:
    assert PRINCIPALS.entries(deny(KEY, NOBODY, MALLORY, operator=operator)) == (NOBODY, MALLORY)


@pytest.mark.parametrize(
    "found",
    [
        {"Statement": statement()},
        {"Statement": [statement(Sid="Listed", Action=["*"], Resource=["*"])]},
        {"Statement": [statement(Condition={"ArnLike": {"AWS:principalarn": NOBODY}})]},
        {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, statement()]},
        {"Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, statement()]},
    ],
)
def test_what_is_written_otherwise_but_means_the_same_will_do(found: dict[str, JSON]) -> None:
    assert PRINCIPALS.entries(found) == (NOBODY,)
    longer = PRINCIPALS.listing(found, MALLORY)
    assert PRINCIPALS.entries(longer) == (NOBODY, MALLORY)
    assert longer is not None
    assert type(longer["Statement"]) is type(found["Statement"])
    assert PRINCIPALS.entries(PRINCIPALS.unlisting(longer, MALLORY)) == (NOBODY,)


TOOTHLESS: list[Any] = [
    None,
    {},
    {"Statement": []},
    {"Statement": "Deny"},
    {"Statement": [statement(Effect="Allow")]},
    {"Statement": [statement(Effect="deny")]},
    {"Statement": [statement(Action="s3:*")]},
    {"Statement": [statement(Action=["*", "s3:*"])]},
    {"Statement": [statement(Resource="arn:aws:s3:::x")]},
    {"Statement": [statement(NotAction="s3:*")]},
    {"Statement": [statement(NotResource="*")]},
    {"Statement": [statement(Condition={"ArnNotEquals": {KEY: [NOBODY]}})]},
    {"Statement": [statement(Condition={"ForAllValues:ArnLike": {KEY: [NOBODY]}})]},
    {"Statement": [statement(Condition={"ArnLike": {"aws:SourceArn": [NOBODY]}})]},
    {"Statement": [statement(Condition={"ArnLike": {KEY: [NOBODY], "aws:SourceIp": "10.0.0.0/8"}})]},
    {"Statement": [statement(Condition={"ArnLike": {KEY: [NOBODY]}, "Bool": {"aws:SecureTransport": "false"}})]},
    {"Statement": [statement(Condition={"ArnLike": {KEY: 7}})]},
    {"Statement": [statement(Condition={"ArnLike": {KEY: [NOBODY, 7]}})]},
    {"Statement": [statement(Condition={"ArnLike": {}})]},
    {"Statement": [statement(Condition={"ArnLike": [KEY]})]},
    {"Statement": [statement(Condition=[])]},
    {"Statement": [statement(), statement(Sid="Again")]},
    blocking(NO_ID),
]


@pytest.mark.parametrize("document", TOOTHLESS)
def test_a_deny_that_may_not_apply_is_not_taken_for_one(document: Any) -> None:
    assert PRINCIPALS.entries(document) is None
    if document is not None:
        assert PRINCIPALS.listing(document, MALLORY) is None
        assert PRINCIPALS.unlisting(document, MALLORY) is None
    state = DenyState(policy=DENY, management="1", attached=("r-abcd",), document=document)
    assert "is not of the expected shape" in state.obstacle(PRINCIPALS)


def test_adding_and_taking_off_touch_one_name_and_nothing_else() -> None:
    before = {**listing(NOBODY, MALLORY + "2"), "Id": "kept"}
    longer = PRINCIPALS.listing(before, MALLORY)
    assert longer == {**listing(NOBODY, MALLORY + "2", MALLORY), "Id": "kept"}
    assert PRINCIPALS.listing(longer, MALLORY) == longer
    assert PRINCIPALS.unlisting(longer, MALLORY) == before
    assert PRINCIPALS.unlisting(before, MALLORY) == before
    assert SSO_USERS.entries(blocking(NO_ID)) == (NO_ID,)


def test_names_are_compared_with_regard_to_case() -> None:
    assert PRINCIPALS.listing(listing(MALLORY.upper()), MALLORY) == listing(MALLORY.upper(), MALLORY)


def test_a_document_that_says_something_twice_is_not_read() -> None:
    assert document_of(json.dumps(listing(NOBODY))) == listing(NOBODY)
    for text in ('{"Effect": "Deny", "Effect": "Allow"}', '{"Statement": {"Effect": "Deny", "effect": "Allow"}}', "[]", "{", ""):
        assert document_of(text) is None


@pytest.mark.parametrize(
    ("attached", "reaches"), [(("r-abcd",), True), (("1", "2"), True), (("2",), False), (("ou-r-1",), False), ((), False)]
)
def test_where_it_must_be_attached(attached: tuple[str, ...], reaches: bool) -> None:  # noqa: FBT001 - a table's column
    state = DenyState(policy=DENY, management="1", attached=attached, document=listing(NOBODY))
    assert ("" if reaches else "is attached") in state.obstacle(PRINCIPALS, account="1")
    assert bool(state.obstacle(PRINCIPALS, account="1")) is not reaches


@pytest.mark.parametrize("over", [0, 1])
def test_the_last_name_that_fits_still_fits(over: int) -> None:
    name = "a" * (ROOM - size(listing(NOBODY)) - 3 + over)
    state = DenyState(policy=DENY, document=listing(NOBODY))
    longest = PRINCIPALS.listing(listing(NOBODY), name)
    assert size(longest or {}) == len(json.dumps(longest, separators=(",", ":"))) == ROOM + over
    assert ("5,121 characters" in state.crowded(PRINCIPALS, name)) is bool(over)
    assert bool(state.crowded(PRINCIPALS, name)) is bool(over)
