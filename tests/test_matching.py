"""Which playbooks an alert calls for."""

from __future__ import annotations

from firedoor import shelf
from firedoor.indicators import find
from firedoor.matching import match, ranked
from firedoor.playbook import find as playbook

BOOKS = [playbook(name) for name in shelf.shelf()]


def fitting(text: str) -> list[str]:
    return [one.book.playbook for one in ranked(BOOKS, find(text).indicators) if one.fits]


def test_those_that_use_most_come_first_and_the_narrower_before_the_wider() -> None:
    assert fitting("ada@example.com from 203.0.113.7 since 2026-03-04T03:05:06Z") == [
        "session-hijack",
        "identity-breach",
        "block-addresses",
        "freeze",
        "service-account-compromised",
    ]
    assert fitting("key AKIAIOSFODNN7EXAMPLE, role arn:aws:iam::111122223333:role/x")[0] == "leaked-aws-key"
    assert fitting("ada@example.com, AKIAIOSFODNN7EXAMPLE, 0oa1gjh63g214q0Hq0g4, 203.0.113.7")[0] == "identity-breach"
    assert fitting("203.0.113.7") == ["block-addresses", "service-account-compromised"]
    assert fitting("111122223333/deploy")[0] == "service-account-compromised"
    assert fitting("host db-3.internal, group 00g9zyxwvutsrqponml1") == []
    assert fitting("10.0.0.7 and \u0430da@example.com") == []


def test_all_are_there_and_keep_their_order_where_none_fits() -> None:
    assert [one.book for one in ranked(BOOKS, [])] == BOOKS
    assert {one.book.playbook for one in ranked(BOOKS, find("203.0.113.7").indicators)} == {book.playbook for book in BOOKS}


def test_what_fills_the_inputs() -> None:
    text = """ada@example.com 00u1a2b3c4d5e6f7g8h9 2026-03-04T03:05:06Z 2026-03-04T01:00:00Z 203.0.113.7 10.0.0.7
    db-3.internal arn:aws:iam::111122223333:user/ops/ci 111122223333/ci arn:aws:sts::111122223333:assumed-role/web/i-1
    arn:aws:iam::111122223333:role/web"""
    found = find(text).indicators
    hijack = match(playbook("session-hijack"), found)
    assert hijack.given == {
        "users": ("ada@example.com", "00u1a2b3c4d5e6f7g8h9"),
        "since": ("2026-03-04T01:00:00Z",),
        "addresses": ("203.0.113.7",),
    }
    assert [one.value for one in hijack.used] == ["ada@example.com", "00u1a2b3c4d5e6f7g8h9", "2026-03-04T01:00:00Z", "203.0.113.7"]
    account = match(playbook("service-account-compromised"), found).given
    assert account["aws_users"] == ("111122223333/ci",), "one user, by both its names"
    assert account["roles"] == ("111122223333/web", "arn:aws:iam::111122223333:role/web")
    assert "principals" not in account, "whom to shut out of the organization is for people to say"
    assert not match(playbook("restore-user"), found).fits, "who proved their identity is not in an alert"
