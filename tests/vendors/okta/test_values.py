from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firedoor.errors import BadInput
from firedoor.vendors.okta.values import OktaApp, OktaUser, check_login


def test_a_user_goes_by_id_and_login_and_small_letters() -> None:
    user = OktaUser(user_id="00u1", login="Jane@acme.example")
    assert user.label == "Jane@acme.example"
    assert user.names == ("okta:user:00u1", "okta:user:Jane@acme.example", "okta:user:jane@acme.example")
    assert OktaUser(user_id="00u1", login="jane@acme.example").names == ("okta:user:00u1", "okta:user:jane@acme.example")


def test_bound_sets_the_moment() -> None:
    moment = datetime(2023, 11, 23, 16, tzinfo=UTC)
    user = OktaUser(user_id="00u1", login="jane@acme.example")
    assert user.cleared_before is None
    assert user.bound(moment).cleared_before == moment
    with pytest.raises(BadInput):
        user.bound(datetime(2023, 11, 23, 16))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ("j\u0430ne@acme.example", "CYRILLIC SMALL LETTER A (U+0430)"),
        ("jane@acme.example\n", "control character (U+000A)"),
        ("jane\x00@acme.example", "control character (U+0000)"),
        ("jane/../admin", "SOLIDUS (U+002F)"),
        ("jane doe", "SPACE (U+0020)"),
        ("jane\u200b@acme.example", "ZERO WIDTH SPACE"),
        ('jane" or "', "QUOTATION MARK"),
        ("..", "two dots"),
        ("me", "owner of the API token"),
        ("", "not 0"),
        ("a" * 101, "not 101"),
    ],
)
def test_a_login_that_is_something_else_is_refused_by_name(login: str, said: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_login(login)
    assert said in str(refusal.value)
    assert str(refusal.value).isascii()
    assert str(refusal.value).isprintable()
    with pytest.raises(BadInput):
        OktaUser(user_id="00u1", login=login)


@pytest.mark.parametrize("login", ["jane@acme.example", "o'hara+x@acme.example", "svc_bitbucket", "a.b-c@d.example"])
def test_ordinary_logins_pass(login: str) -> None:
    assert check_login(login) == login


@pytest.mark.parametrize("identifier", ["", "..", "00u/1", "00u1\n", "00u%2e", "me", "a" * 65, "00ú1"])
def test_an_id_is_letters_and_digits(identifier: str) -> None:
    with pytest.raises(BadInput):
        OktaUser(user_id=identifier, login="jane@acme.example")


def test_since_has_a_time_zone_and_stays_when_t_is_set() -> None:
    moment = datetime(2023, 10, 18, 16, tzinfo=UTC)
    user = OktaUser(user_id="00u1", login="jane@acme.example", since=moment)
    assert user.bound(datetime(2023, 11, 23, 16, tzinfo=UTC)).since == moment
    with pytest.raises(BadInput):
        OktaUser(user_id="00u1", login="jane@acme.example", since=datetime(2023, 10, 18, 16))  # noqa: DTZ001


def test_an_app_goes_by_its_id_alone() -> None:
    app = OktaApp(app_id="0oa1", title="Deploy bot")
    assert (app.label, app.names) == ("Deploy bot (0oa1)", ("okta:app:0oa1",))
    assert OktaApp(app_id="0oa1", title="").label == "0oa1"


def test_a_title_cannot_hide_or_turn_what_stands_beside_it() -> None:
    label = OktaApp(app_id="0oa1", title="Okta\u202e\u200b\r\nAdmin" + "x" * 500).label
    assert label.isprintable()
    assert label.startswith("Okta????Admin")
    assert label.endswith("(0oa1)")
    assert len(label) < 100


@pytest.mark.parametrize("identifier", ["", "..", "0oa/1", "0oa1\n", "me", "a" * 65])
def test_an_app_id_is_letters_and_digits(identifier: str) -> None:
    with pytest.raises(BadInput, match="app id"):
        OktaApp(app_id=identifier, title="x")
