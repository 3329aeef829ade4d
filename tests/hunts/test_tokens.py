"""What is recognised in a text: by its form or by its name, linear in hostile texts, and whole or not at all at the edges of pieces."""

from __future__ import annotations

import base64
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor import tokens
from firedoor.jsonstream import OVERLAP
from firedoor.tokens import cookie, in_text, jwt, named, redacted
from tests.hunts import hars

KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"key={KEY};", "access_key"),
        (f"Credential={KEY}/20231114/us-east-1", "access_key"),
        (f"%22{KEY}%22", "access_key"),
        (f"\\u003d{KEY}\\u0026", "access_key"),
        (f"aws_{KEY}-", "access_key"),
        (f"next=%2F%3Faccess_token%3D{hars.OF_USER}%26x", "jwt"),
        ("auth=Bearer%20opaque-token-of-some-api", "bearer_token"),
        (f"auth=SSWS%20{hars.API_TOKEN}", "api_token"),
        (f"x{KEY}", None),
        (f"{KEY}2", None),
        ("AKIAIOSFODNN7EXAMPL1", None),
        (f"Authorization: SSWS {hars.API_TOKEN}", "api_token"),
        (f"Bearer {hars.OF_USER}", "jwt"),
        ("Bearer opaque-token-of-some-api", "bearer_token"),
        ("bearer of bad news", None),
        ("Bearer xxxxxxxxxxxxxxxxxxxxxxxx", None),
        (f"url?token={hars.OF_NOBODY}&x=1", "jwt"),
        (hars.SLACK, "token"),
        ("ATATT3xFfGF0canary7Hq2vNzExampleOnly", "api_token"),
        ("ghp_canary7Hq2vNzExampleOnlyExampleOnly1", "token"),
        ("-----BEGIN RSA PRIVATE KEY-----\n" + "canary7Hq2vNz" * 9 + "\n-----END RSA PRIVATE KEY-----", "private_key"),
        ("plain words about tokens and keys", None),
    ],
)
def test_a_credential_is_known_by_its_form(text: str, kind: str | None) -> None:
    found = list(in_text(text))
    assert [one.kind for one in found] == ([] if kind is None else [kind])
    assert all(one.secret not in repr(one) or one.id for one in found)


@pytest.mark.parametrize(
    ("claims", "owner"),
    [
        ({"iss": "https://acme.okta.com/oauth2/default", "uid": "00u1", "sub": "ada@acme.example"}, "okta:user:00u1"),
        ({"iss": "https://acme.oktapreview.com", "sub": "ada@acme.example"}, "okta:user:ada@acme.example"),
        ({"iss": "https://id.acme.example/oauth2/aus1", "uid": "00u1", "sub": "x"}, "okta:user:00u1"),
        ({"iss": "https://acme.okta.com", "cid": "0oa1", "sub": "0oa1"}, "okta:app:0oa1"),
        ({"iss": "https://acme.okta.com.evil.example", "sub": "ada@acme.example"}, "ada@acme.example"),
        ({"iss": "https://acme.cloudflareaccess.com", "email": "ada@acme.example", "sub": "u-1"}, "ada@acme.example"),
        ({"sub": ["ada"], "email": 7}, ""),
    ],
)
def test_whose_a_token_is_it_says_itself(claims: dict[str, object], owner: str) -> None:
    assert jwt(hars.jwt(**claims)).owner == owner


@pytest.mark.parametrize(
    "text", ["eyJ.eyJ.x", "eyJhbGciOiJub25lIn0.W10.x", "eyJhbGciOiJub25lIn0.////.x", "eyJa.b", "eyJ" + "a" * 50_000 + ".e30.x"]
)
def test_what_only_looks_like_a_token_is_a_leak_of_nobody(text: str) -> None:
    assert (jwt(text).owner, jwt(text).issuer, jwt(text).expires) == ("", "", None)


@pytest.mark.parametrize(
    ("name", "value", "kind", "owner"),
    [
        ("X-Amz-Security-Token", "FwoGZXIvYXdzEXAMPLE", "x_amz_security_token", ""),
        ("Authorization", "Basic " + base64.b64encode(b"ada:canary-pw").decode(), "authorization", "ada"),
        ("Authorization", "Basic canary!!!", "authorization", ""),
        ("client_secret", "canary-client-secret", "client_secret", ""),
        ("Client-Secret", "canary-client-secret", "client_secret", ""),
    ],
)
def test_a_credential_is_known_by_its_name(name: str, value: str, kind: str, owner: str) -> None:
    found = named(name, value)
    assert found is not None
    assert (found.kind, found.owner) == (kind, owner)


@pytest.mark.parametrize(
    ("name", "value"),
    [("Accept", "text/html"), ("password", "********"), ("token_type", "Bearer"), ("Authorization", f"SSWS {hars.API_TOKEN}")],
)
def test_what_is_none_or_was_found_by_its_form_is_not_found_by_its_name(name: str, value: str) -> None:
    assert named(name, value) is None


@pytest.mark.parametrize(
    ("name", "host", "system", "kind"),
    [
        ("sid", "acme.okta.com", "okta", "session_cookie"),
        ("idx", "acme.okta-emea.com", "okta", "session_cookie"),
        ("DT", "acme.okta.com", "okta", "device_token"),
        ("sid", "login.acme.example", "unknown", "session_cookie"),
        ("CF_Authorization", "wiki.acme.example", "cloudflare", "session_cookie"),
        ("cloud.session.token", "acme.atlassian.net", "atlassian", "session_cookie"),
        ("d", "acme.slack.com", "slack", "session_cookie"),
        ("JSESSIONID", "jira.acme.example", "unknown", "session_cookie"),
        ("__Host-auth_token", "x.example", "unknown", "session_cookie"),
    ],
)
def test_a_session_cookie_is_known_by_its_name_and_host(name: str, host: str, system: str, kind: str) -> None:
    found = cookie(name, "canary-value-7Hq2", host)
    assert found is not None
    assert (found.system, found.kind) == (system, kind)


@pytest.mark.parametrize(("name", "host"), [("theme", "acme.okta.com"), ("DT", "x.example"), ("d", "x.example"), ("_ga", "x.example")])
def test_other_cookies_open_nothing(name: str, host: str) -> None:
    assert cookie(name, "canary-value-7Hq2", host) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    for hint in ("", *tokens._HINTS):
        list(in_text(hint + text))
    redacted(text)
    named("password", text)
    cookie("sid", text, text)
    jwt(text)


@pytest.mark.parametrize("hint", [*tokens._HINTS, "eyJ.", "Bearer ", "xoxb-", "[redacted", "AKIA2", "Bearer eyJ", "eyJaaaaaa.aaaaaa."])
def test_hostile_text_takes_no_longer_than_any(hint: str) -> None:
    text = hint * (1_000_000 // len(hint))
    start = process_time()
    list(in_text(text))
    redacted(text)
    named("authorization", text[:100_000])
    assert process_time() - start < 3


@given(at=st.integers(0, 60), size=st.integers(40, 80))
def test_a_token_over_the_edge_of_two_pieces_is_found_once_and_whole(at: int, size: int) -> None:
    text = "." * at + f" {KEY} " + "." * 60
    pieces = [text[start : start + size + 30] for start in range(0, len(text), size)]  # each repeats 30 characters: more than a key id has
    found = [one.id for n, piece in enumerate(pieces) for one in in_text(piece, first=n == 0, last=n == len(pieces) - 1)]
    assert set(found) == {KEY}


def test_a_token_too_long_for_any_piece_is_not_lost() -> None:
    long = "Bearer " + "x7" * OVERLAP
    assert [one.kind for one in in_text(long, first=True, last=False)] == ["bearer_token"]
