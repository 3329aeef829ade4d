from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import pytest

from firedoor.approval import Person, Roster
from firedoor.guard import Guard, Keepers
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
GUARD = Guard(
    protected={"okta:user:Root@example.com": "it is the last administrator", "aws:user:1/x": ""}, roster=ROSTER, limit=3, own_networks={}
)


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
    words = GUARD.excess("okta.suspend_user", [Thing(all_names=(f"a:b:{n}",)) for n in range(count)], limit=limit)
    assert words == ("" if most is None else words)
    assert (f"would touch {count} targets; the limit is {most}" in words) is (most is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Target):
    nets: tuple[str, ...]

    @property
    def label(self) -> str:
        return ", ".join(self.nets)

    @property
    def names(self) -> tuple[str, ...]:
        return ("okta:zone:z",)

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.nets


OURS = Guard(
    protected={},
    roster=ROSTER,
    limit=3,
    own_networks={ipaddress.ip_network("8.8.4.0/24"): "our office", ipaddress.ip_network("2600:1f00::/40"): "where Dan works from"},
)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("0.0.0.0/0", "holds our office"),
        ("8.0.0.0/8", "holds our office"),
        ("8.8.4.4/32", "holds our office (8.8.4.0/24)"),
        ("9.0.0.0/8", "9.0.0.0/8 is 16777216 addresses; the widest that is blocked is a /16"),
        ("::/0", "where Dan works from"),
        ("2a00::/12", "the widest that is blocked is a /32"),
        ("2600:1f00:1::1/128", "where Dan works from"),
        ("10.1.2.3/32", "private, local or reserved"),
        ("172.16.0.0/16", "private, local or reserved"),
        ("192.168.1.0/24", "private, local or reserved"),
        ("127.0.0.1/32", "private, local or reserved"),
        ("169.254.169.254/32", "private, local or reserved"),
        ("224.0.0.1/32", "private, local or reserved"),
        ("100.64.0.1/32", "private, local or reserved"),
        ("fe80::1/128", "private, local or reserved"),
        ("fd00::/64", "private, local or reserved"),
        ("::1/128", "private, local or reserved"),
        ("::ffff:8.8.8.8/128", "private, local or reserved"),
    ],
)
def test_what_must_not_be_blocked_is_told_in_words(network: str, words: str) -> None:
    why = OURS.unblockable(Block(nets=(network, "1.2.3.4/32")))
    assert list(why) == [network]
    assert words in why[network]


def test_an_attackers_addresses_may_be_blocked() -> None:
    given = ("1.2.3.4/32", "5.6.0.0/16", "2a00:1450::/32", "203.0.113.7/32", "198.51.100.0/24", "2001:db8::1/128")
    assert OURS.unblockable(Block(nets=given)) == {}
    assert OURS.unblockable(OktaUser(user_id="00u1", login="a@example.com")) == {}


def test_without_own_networks_the_whole_internet_is_still_too_wide() -> None:
    assert "4294967296 addresses" in GUARD.unblockable(Block(nets=("0.0.0.0/0",)))["0.0.0.0/0"]


ADMINS = Keepers(what="super administrator of Okta", members=(("okta:user:00u1", "okta:user:Ann@example.com"), ("okta:user:00u2",)))


@pytest.mark.parametrize(
    ("names", "locked_out"),
    [
        (("okta:user:00u1", "okta:user:00u2"), True),
        (("okta:user:ann@EXAMPLE.com", "okta:user:00u2"), True),
        (("okta:user:00u1",), False),
        (("okta:user:00u3",), False),
        ((), False),
    ],
)
def test_the_last_who_can_let_everybody_in_stays(names: tuple[str, ...], locked_out: bool) -> None:  # noqa: FBT001 - a table's column
    words = GUARD.lockout(names, ADMINS)
    assert bool(words) is locked_out
    assert not words or "it would leave no super administrator of Okta who can sign in" in words


def test_where_nobody_is_known_to_keep_the_door_nothing_is_refused() -> None:
    assert GUARD.lockout(("okta:user:00u1",), Keepers(what="administrator", members=())) == ""
