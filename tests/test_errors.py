from __future__ import annotations

import inspect

import pytest

from firedoor import errors
from firedoor.errors import BadInput, FiredoorError, Misconfigured, RateLimited, RunHeld, UnknownRun, VendorError, nearest, shown


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FiredoorError("it broke"), "it broke. Nothing was changed."),
        (FiredoorError("it broke", target="ada", changed=True, advice="Look"), "ada: it broke. Something was changed. Look."),
        (FiredoorError("why?", changed=None), "why? It is not known whether anything was changed."),
    ],
)
def test_an_error_says_what_to_what_and_what_next(error: FiredoorError, text: str) -> None:
    assert str(error) == text


def test_every_error_has_the_root() -> None:
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]
    assert len(classes) > 20
    for one in classes:
        assert issubclass(one, FiredoorError)
        assert one.__doc__


def test_bad_input_has_its_own_exit_code() -> None:
    assert {one.exit_code for one in (BadInput, Misconfigured, UnknownRun, RunHeld)} == {2}
    assert FiredoorError.exit_code == VendorError.exit_code == 1


def test_only_what_may_pass_by_itself_is_retried() -> None:
    families = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, FiredoorError)]
    assert {one.__name__ for one in families if one.retryable} == {"RateLimited", "Unreachable", "Unavailable", "Malformed"}
    assert RateLimited("slow down", vendor="okta", operation="getUser", retry_after=1.5).retry_after == 1.5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sesion-hijack", "; did you mean 'session-hijack'?"),
        ("SESSION-HIJACK", "; did you mean 'session-hijack'?"),
        ("s\u0435ssion-hijack", "; did you mean 'session-hijack'?"),
        ("zzz", ""),
        ("", ""),
        ("session-hijack" * 1_000_000, ""),
    ],
)
def test_the_nearest_name_is_offered(name: str, words: str) -> None:
    assert nearest(name, ["leaked-aws-key", "session-hijack"]) == words
    assert nearest(name, []) == ""


def test_what_was_given_is_shown_without_disguise() -> None:
    assert shown("s\u0435ssion\u200b\n") == r"'s\u0435ssion\u200b\n'"
    assert len(shown("x" * 1_000_000)) < 100
