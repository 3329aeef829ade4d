from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.addresses import canonical, covers, same_entry, uncovered
from firedoor.errors import BadInput

V4 = st.builds(lambda number, prefix: IPv4Network((number, prefix), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32))
V6 = st.builds(lambda number, prefix: IPv6Network((number, prefix), strict=False), st.integers(2**120, 2**128 - 1), st.integers(0, 128))
NETWORKS = st.one_of(V4, V6)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        (" 203.0.113.7\n", "203.0.113.7/32"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203[.]0[.]113[.]7", "203.0.113.7/32"),
        ("203.0.113[.]7", "203.0.113.7/32"),
        ("198[.]51[.]100[.]0/24", "198.51.100.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0:0::7", "2001:db8::7/128"),
        ("2001:0db8::/32", "2001:db8::/32"),
        ("2001[:]db8[:][:]7", "2001:db8::7/128"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("::FFFF:cb00:7107", "203.0.113.7/32"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("::1", "::1/128"),
    ],
)
def test_what_a_person_typed(typed: str, meant: str) -> None:
    assert canonical(typed) == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "not 0"),
        ("  ", "1 to 64 characters"),
        ("1" * 65, "not 65"),
        ("fe80::1%eth0", "zone id"),
        ("203.0.113.07", "begins with 0"),
        ("0203.0.113.7", "begins with 0"),
        ("203.0.113.7/024", "plain number of bits"),
        ("203.0.113.0/255.255.255.0", "plain number of bits"),
        ("203.0.113.0/", "plain number of bits"),
        ("203.0.113.0/-1", "HYPHEN-MINUS (U+002D)"),
        ("203.0.113.0/33", "no IP address and no network"),
        ("203.0.113.0/24/24", "plain number of bits"),
        ("203.0.113.7/24", "Write 203.0.113.0/24 for the network, or 203.0.113.7 for the one address"),
        ("2001:db8::7/64", "Write 2001:db8::/64 for the network"),
        ("203.0.113.\u0667", "ARABIC-INDIC DIGIT SEVEN (U+0667)"),
        ("203.0.113.\uff17", "FULLWIDTH DIGIT SEVEN (U+FF17)"),
        ("203\u30020.113.7", "IDEOGRAPHIC FULL STOP (U+3002)"),
        ("203.0.113.7\x00", "control character (U+0000)"),
        ("203.0.113.7\u200b", "ZERO WIDTH SPACE"),
        ("203.0.113.7, 203.0.113.8", "COMMA"),
        ("203.0.113.1-203.0.113.9", "HYPHEN-MINUS"),
        ("203.0.113", "no IP address"),
        ("3405803783", "no IP address"),
        ("0xcb007107", "LATIN SMALL LETTER X"),
        ("203.0.113.7:443", "no IP address"),
        ("[2001:db8::7]", "LEFT SQUARE BRACKET"),
        ("203[.0.113.7", "LEFT SQUARE BRACKET"),
        ("attacker.example", "LATIN SMALL LETTER T"),
        ("::203.0.113.7", "Give the IPv4 address alone"),
        ("64:ff9b::203.0.113.7", "Give the IPv4 address alone"),
    ],
)
def test_what_could_be_read_two_ways_is_refused_with_words(typed: str, said: str) -> None:
    with pytest.raises(BadInput) as refusal:
        canonical(typed)
    assert said in str(refusal.value)
    assert str(refusal.value).isascii()
    assert str(refusal.value).isprintable()


@given(NETWORKS)
def test_the_canonical_form_is_its_own(network: IPv4Network | IPv6Network) -> None:
    assert canonical(str(network)) == str(network)
    assert canonical(str(network).replace(".", "[.]")) == str(network)


@given(st.text(max_size=70) | st.text("0123456789af.:/[]%-", max_size=20))
def test_any_text_is_a_network_or_bad_input(text: str) -> None:
    try:
        meant = canonical(text)
    except BadInput as refusal:
        assert str(refusal).isprintable()  # noqa: PT017 - either end is well
    else:
        assert str(ip_network(meant)) == meant


@pytest.mark.parametrize(
    ("entries", "address", "covered"),
    [
        (["203.0.113.0/24"], "203.0.113.7", True),
        (["203.0.113.7/32"], "203.0.113.7", True),
        (["203.0.113.7"], "203.0.113.7", True),
        (["203.0.113.7-203.0.113.7"], "203.0.113.7", True),
        (["203.0.113.1-203.0.113.9"], "203.0.113.0/28", False),
        (["203.0.113.0-203.0.113.15"], "203.0.113.0/28", True),
        (["203.0.113.0/25", "203.0.113.128/25"], "203.0.113.0/24", True),
        (["203.0.113.0/25", "203.0.113.129-203.0.113.255"], "203.0.113.0/24", False),
        (["203.0.113.7/24"], "203.0.113.200", True),
        (["2001:db8::/32"], "2001:db8::7", True),
        (["2001:db8::1-2001:db8::9"], "2001:db8::7", True),
        (["::/0"], "203.0.113.7", False),
        (["0.0.0.0/0"], "2001:db8::7", False),
        (["::ffff:203.0.113.7"], "203.0.113.7", False),
        (["203.0.113.9-203.0.113.1", "203.0.113.1-2001:db8::", "a-b", "", "-", "fe80::%1-fe80::9%1", "fe80::1%1"], "203.0.113.7", False),
        ([], "203.0.113.7", False),
    ],
)
def test_what_entries_cover(entries: list[str], address: str, covered: bool) -> None:  # noqa: FBT001 - a table's column
    assert covers(entries, address) is covered


SMALL = st.integers(0, 63)
ENTRIES = st.one_of(
    st.builds(lambda at, bits: str(IPv4Network((0xCB007100 + at, bits), strict=False)), SMALL, st.integers(28, 32)),
    st.builds(lambda one, two: f"{IPv4Address(0xCB007100 + min(one, two))}-{IPv4Address(0xCB007100 + max(one, two))}", SMALL, SMALL),
)


@given(st.lists(ENTRIES, max_size=5), st.integers(0, 63), st.integers(27, 32))
def test_covering_is_what_counting_each_address_says(entries: list[str], at: int, bits: int) -> None:
    network = IPv4Network((0xCB007100 + at, bits), strict=False)
    there: set[int] = set()
    for entry in entries:
        first, dash, last = entry.partition("-")
        there |= set(range(int(IPv4Address(first)), int(IPv4Address(last)) + 1)) if dash else set(map(int, IPv4Network(entry)))
    assert covers(entries, str(network)) is (set(map(int, network)) <= there)


@given(st.lists(ENTRIES, max_size=4), st.lists(st.one_of(V4, V6).map(str), max_size=5))
def test_with_what_is_uncovered_added_nothing_is(entries: list[str], addresses: list[str]) -> None:
    added = uncovered(entries, addresses)
    assert uncovered([*entries, *added], addresses) == ()
    assert set(added) <= set(addresses)
    assert all(not covers(entries, address) for address in added)
    assert all(not covers([other], address) for address in added for other in added if other != address), "none is within another"


def test_what_is_uncovered_keeps_its_order_and_its_canonical_form() -> None:
    wanted = ("203.0.113.9", "203[.]0[.]113[.]7", "203.0.113.8/31", "203.0.113.7/32", "::ffff:198.51.100.1")
    assert uncovered((), wanted) == ("203.0.113.7/32", "203.0.113.8/31", "198.51.100.1/32")
    assert uncovered(["203.0.113.0/24"], wanted) == ("198.51.100.1/32",)
    with pytest.raises(BadInput):
        uncovered((), ("203.0.113.7/24",))


@pytest.mark.parametrize(
    ("entry", "same"),
    [
        ("203.0.113.7/32", True),
        ("203.0.113.7", True),
        ("203.0.113.7-203.0.113.7", True),
        ("203.0.113.6/31", False),
        ("203.0.113.7-203.0.113.8", False),
        ("::203.0.113.7", False),
        ("nonsense", False),
    ],
)
def test_an_entry_is_the_same_however_it_is_written(entry: str, same: bool) -> None:  # noqa: FBT001 - a table's column
    assert same_entry(entry, "203.0.113.7") is same


def test_versions_do_not_meet_where_their_numbers_do() -> None:
    assert not same_entry(str(IPv6Address(int(IPv4Address("203.0.113.7")))), "203.0.113.7")
    assert not covers([f"::-{IPv6Address(2**32)}"], "203.0.113.7")
