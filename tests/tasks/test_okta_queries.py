"""What the queries of Okta's room find, and what they refuse, asked over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from firedoor.errors import BadInput
from firedoor.vendors.access import Access
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.restoring import Proof, Restoration
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.okta.zones import ZoneBlock
from tasks.okta.find_block_zone import Addresses, FindBlockZone
from tasks.okta.find_restorations import FindRestorations, Verified

TOKEN = "00query"


@pytest.fixture
async def okta() -> AsyncIterator[OktaSimulator]:
    world = world_of(
        {
            "users": [
                {"id": "00uops", "login": "ops@acme.example"},
                {"id": "00u1", "login": "Ada@acme.example", "status": "SUSPENDED"},
                {"id": "00u2", "login": "bob@acme.example", "status": "SUSPENDED"},
            ],
            "zones": [
                {"id": "nzo1", "name": "Firedoor", "gateways": ["192.0.2.0/29"]},
                {"id": "nzo2", "name": "Bad\u202ename", "gateways": ["192.0.2.0/29"]},
            ],
            "api_tokens": [{"token": TOKEN, "owner": "00uops"}],
        }
    )
    async with OktaSimulator(world) as simulator:
        yield simulator


def reader(okta: OktaSimulator, zone: str = "nzo1") -> OktaClient:
    return OktaClient(org_url=okta.url, token=TOKEN, access=Access.READ, block_zone=zone)


async def test_the_prepared_zone_with_all_addresses(okta: OktaSimulator) -> None:
    given = ("203[.]0[.]113[.]7", "2001:DB8::/48", "203.0.113.7/32", "::ffff:198.51.100.9")
    async with reader(okta) as client:
        query = FindBlockZone(client)
        assert await query.find(Addresses(addresses=given)) == (
            ZoneBlock(zone_id="nzo1", zone_name="Firedoor", addresses=("203.0.113.7/32", "2001:db8::/48", "198.51.100.9/32")),
        )
        assert client.policy.used == query.spec.reads


async def test_a_name_that_nobody_can_read_is_left_out(okta: OktaSimulator) -> None:
    async with reader(okta, "nzo2") as client:
        (block,) = await FindBlockZone(client).find(Addresses(addresses=("203.0.113.7",)))
    assert block.label == "nzo2"


@pytest.mark.parametrize(
    ("zone", "address", "said"),
    [
        ("", "203.0.113.7", "no Okta network zone is prepared"),
        ("nzoNone", "203.0.113.7", "does not have the network zone"),
        ("../users", "203.0.113.7", "no Okta network zone id"),
        ("nzo1", "203.0.113.7/24", "bits set beyond its prefix"),
        ("nzo1", "attacker.example", "LATIN SMALL LETTER T"),
    ],
)
async def test_what_cannot_be_blocked_is_refused_in_words(okta: OktaSimulator, zone: str, address: str, said: str) -> None:
    async with reader(okta, zone) as client:
        with pytest.raises(BadInput) as refusal:
            await FindBlockZone(client).find(Addresses(addresses=("198.51.100.9", address)))
    assert said in str(refusal.value)
    assert refusal.value.advice


def verified(*users: str, how: str = "video_call") -> Verified:
    return Verified(users=users, verified_by="Ben Okafor", how=how, reference="INC-2023-117")


async def test_whom_to_let_in_again(okta: OktaSimulator) -> None:
    async with reader(okta) as client:
        query = FindRestorations(client)
        found = await query.find(verified("ada@acme.example", "bob@acme.example"))
        assert client.policy.used == query.spec.reads
    proof: dict[str, Any] = {"verified_by": "Ben Okafor", "reference": "INC-2023-117"}
    assert list(found) == [
        Restoration(user_id="00u1", login="Ada@acme.example", how=Proof.VIDEO_CALL, **proof),
        Restoration(user_id="00u2", login="bob@acme.example", how=Proof.VIDEO_CALL, **proof),
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (verified("nobody@acme.example"), "no user of that login"),
        (verified("ada"), "short form"),
        (verified("ada@acme.example", how="email"), "no way to verify"),
        (Verified(users=("ada@acme.example",), verified_by=" ", how="in_person", reference="INC-1"), "the name of who verified"),
        (Verified(users=("ada@acme.example",), verified_by="Ada", how="in_person", reference="INC-1"), "nobody vouches for themselves"),
    ],
)
async def test_who_cannot_be_let_in(okta: OktaSimulator, asked: Verified, said: str) -> None:
    async with reader(okta) as client:
        with pytest.raises(BadInput) as refusal:
            await FindRestorations(client).find(asked)
    assert said in str(refusal.value)
