from __future__ import annotations

from typing import Any

import pytest

from firedoor.errors import BadInput
from firedoor.run import revive
from firedoor.vendors.okta.restoring import Proof, Restoration, proof_of
from tests.vendors.okta.conftest import JANE

GOOD = {"user_id": JANE, "login": "Jane@acme.example", "verified_by": "Ben Okafor", "how": "in_person", "reference": "INC-2023-117"}


def test_a_restoration_goes_by_the_names_of_its_user_and_tells_its_proof() -> None:
    restoration: Restoration = revive(Restoration, GOOD)
    assert restoration.how is Proof.IN_PERSON
    assert restoration.label == "Jane@acme.example"
    assert restoration.names == (f"okta:user:{JANE}", "okta:user:Jane@acme.example", "okta:user:jane@acme.example")
    assert restoration.proof == "Ben Okafor verified that it is they who ask, in person (INC-2023-117)"


@pytest.mark.parametrize("proof", Proof)
def test_every_proof_has_its_words(proof: Proof) -> None:
    assert proof_of(proof.value) is proof
    assert len(proof.words) > 8


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"user_id": "../x"}, "no Okta user id"),
        ({"login": "j\u0430ne@acme.example"}, "CYRILLIC"),
        ({"verified_by": ""}, "the name of who verified"),
        ({"verified_by": "   "}, "the name of who verified"),
        ({"verified_by": "B" * 101}, "more than 100"),
        ({"verified_by": "Ben\u202eOkafor"}, "U+202E"),
        ({"verified_by": "jane@ACME.example"}, "nobody vouches for themselves"),
        ({"verified_by": "Jane"}, "nobody vouches for themselves"),
        ({"verified_by": JANE}, "nobody vouches for themselves"),
        ({"reference": ""}, "the reference"),
        ({"reference": "INC-1 "}, "ends with a space"),
        ({"reference": "I" * 201}, "more than 200"),
        ({"reference": "INC-1\nApproved by the CISO"}, "U+000A"),
    ],
)
def test_a_proof_that_is_none_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as refusal:
        revive(Restoration, {**GOOD, **fields})
    assert said in str(refusal.value)
    assert str(refusal.value).isascii()


def test_the_bounds_themselves_are_allowed() -> None:
    assert revive(Restoration, {**GOOD, "verified_by": "B" * 100, "reference": "I" * 200})


@pytest.mark.parametrize("way", ["email", "chat", "call", "In_Person", "", "in person", "slack\u200b"])
def test_what_an_attacker_may_hold_is_no_way(way: str) -> None:
    with pytest.raises(BadInput, match="is no way to verify") as refusal:
        proof_of(way)
    assert "in_person, video_call, manager_vouched, identity_document" in str(refusal.value)


def test_a_near_miss_is_told() -> None:
    with pytest.raises(BadInput, match="did you mean 'video_call'"):
        proof_of("videocall")
