from __future__ import annotations

from dataclasses import dataclass

import pytest

from firedoor.approval import Person, Roster
from firedoor.guard import Guard
from firedoor.model import Target
from firedoor.vendors.okta.values import OktaUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing(Target):
    all_names: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.all_names[0].rpartition(":")[2]

    @property
    def names(self) -> tuple[str, ...]:
        return self.all_names


ROSTER = Roster(people=(Person(name="Dan", slack="U0DAN", names=("okta:user:dan@example.com", "aws:user:111122223333/dan")),))
GUARD = Guard(protected={"okta:user:Root@example.com": "it is the last administrator", "aws:user:1/x": ""}, roster=ROSTER, limit=3)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("okta:user:root@example.com",), "root@example.com is protected: it is the last administrator"),
        (("okta:user:00u1", "OKTA:USER:ROOT@EXAMPLE.COM"), "00u1 is protected: it is the last administrator"),
        (("aws:user:1/X",), "1/X is protected: no reason is on record"),
        (("okta:user:00u2", "okta:user:Dan@Example.com"), "00u2 is protected: Dan is on Firedoor's roster, and responders"),
        (("aws:user:111122223333/DAN",), "Dan is on Firedoor's roster"),
    ],
)
def test_what_is_protected_is_refused_by_any_of_its_names(names: tuple[str, ...], words: str) -> None:
    assert words in GUARD.refusal(Thing(all_names=names))


@pytest.mark.parametrize(
    "name", ["okta:user:root@example.com.evil", "okta:user:root", "aws:user:root@example.com", "Dan", "x:y:dan@example.com"]
)
def test_nothing_else_is(name: str) -> None:
    assert GUARD.refusal(Thing(all_names=(name,))) == ""


def test_a_real_target_is_found_by_its_login_whatever_its_capitals() -> None:
    assert "last administrator" in GUARD.refusal(OktaUser(user_id="00u1", login="ROOT@example.com"))
    assert "roster" in GUARD.refusal(OktaUser(user_id="00u1", login="dan@EXAMPLE.com"))


@pytest.mark.parametrize(
    ("count", "limit", "most"),
    [(3, 50, None), (4, 50, 3), (1, 1, None), (2, 1, 1), (0, 0, None), (1, 0, 0), (10_000, 10_000, 3)],
)
def test_the_smaller_limit_counts(count: int, limit: int, most: int | None) -> None:
    words = GUARD.excess("okta.suspend_user", [Thing(all_names=("a:b:c",))] * count, limit=limit)
    assert words == ("" if most is None else words)
    assert (f"would touch {count} targets; the limit is {most}" in words) is (most is not None)
