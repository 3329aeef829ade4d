"""The verifier's own sums, against those who know better: the RFC's examples, OpenSSH, and the `cryptography` package."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from firedoor import signing
from firedoor.evidence.signatures import L, ecdsa, ed25519, holds
from firedoor.exercise.keys import SecurityKey

TEXT = "Firedoor decision, version 1\ndecision: approve\nüber\n"
KEY, OTHER = SecurityKey(), SecurityKey()
BLOB = KEY.sign(TEXT).blob

# RFC 8032, section 7.1: public key, message, signature.
RFC = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC)
def test_the_examples_of_rfc_8032(public: str, message: str, signature: str) -> None:
    key, text, made = map(bytes.fromhex, (public, message, signature))
    assert ed25519(key, text, made)
    assert not ed25519(key, text + b"x", made)
    assert not ed25519(key, text, made[:32] + (int.from_bytes(made[32:], "little") + L).to_bytes(32, "little")), "s beyond the order"
    assert not ed25519(key, text, made + b"\x00")


@given(st.binary(), st.integers(0, 511))
def test_ed25519_as_others_make_it(message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.generate()
    public, made = private.public_key().public_bytes_raw(), bytearray(private.sign(message))
    assert ed25519(public, message, bytes(made))
    made[bit // 8] ^= 1 << bit % 8
    with suppress(ValueError):  # it is no point of the curve
        assert not ed25519(public, message, bytes(made))


@pytest.mark.parametrize(
    ("name", "curve", "hashed"),
    [
        ("nistp256", ec.SECP256R1(), hashes.SHA256()),
        ("nistp384", ec.SECP384R1(), hashes.SHA384()),
        ("nistp521", ec.SECP521R1(), hashes.SHA512()),
    ],
)
def test_ecdsa_as_others_make_it(name: str, curve: ec.EllipticCurve, hashed: hashes.HashAlgorithm) -> None:
    for number in range(3):
        private, message = ec.generate_private_key(curve), b"x" * number
        size = (curve.key_size + 7) // 8
        at = private.public_key().public_numbers()
        public = b"\x04" + at.x.to_bytes(size, "big") + at.y.to_bytes(size, "big")
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashed)))
        assert ecdsa(name, public, message, mpints(r, s))
        assert not ecdsa(name, public, message + b"y", mpints(r, s))
        assert not ecdsa(name, public, message, mpints(r, s + 1))
        assert not ecdsa(name, public, message, mpints(0, s))
        assert not ecdsa(name, public[:-1] + bytes([public[-1] ^ 1]), message, mpints(r, s)), "no point of the curve"


def mpints(*numbers: int) -> bytes:
    parts = [number.to_bytes(number.bit_length() // 8 + 1, "big") for number in numbers]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", ""), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")])
def test_what_openssh_signs_holds_here_too(kind: str, bits: str, tmp_path: Path) -> None:
    path = tmp_path / "id"
    size = ["-b", bits] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-f", str(path)], check=True)
    public = signing.check_key(path.with_suffix(".pub").read_text())
    signature = signing.sign(TEXT, path)
    assert signature.key == public
    assert signing.holds(TEXT, signature.proof, [public], hardware=False)
    assert holds(TEXT, signature.proof, (KEY.public, public), False)
    assert not holds(TEXT, signature.proof, (public,), True), "it lives in no hardware"
    assert not holds(TEXT + " ", signature.proof, (public,), False)
    assert not holds(TEXT, signature.proof, (KEY.public,), False)


def test_a_hardware_key_counts_where_it_was_touched() -> None:
    for hardware in (True, False):
        assert holds(TEXT, KEY.sign(TEXT).proof, (KEY.public,), hardware)
        assert not holds(TEXT, KEY.sign(TEXT, flags=0).proof, (KEY.public,), hardware)
        assert not holds(TEXT, KEY.sign(TEXT, namespace="git").proof, (KEY.public,), hardware)
        assert not holds(TEXT, OTHER.sign(TEXT).proof, (KEY.public,), hardware)


def test_a_hardware_key_on_p256_counts_where_it_was_touched() -> None:
    for flags, sound in ((1, True), (5, True), (0, False), (4, False)):
        proof, public = on_p256(TEXT, flags)
        assert signing.check_key(public) == public
        assert signing.holds(TEXT, proof, [public], hardware=True) is sound
        assert holds(TEXT, proof, (public,), True) is sound


def on_p256(text: str, flags: int) -> tuple[str, str]:
    """A signature as a security key with P-256 makes it, and its public key."""
    private = ec.generate_private_key(ec.SECP256R1())
    at = private.public_key().public_numbers()
    kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
    point = b"\x04" + at.x.to_bytes(32, "big") + at.y.to_bytes(32, "big")
    blob = b"".join(map(packed, (kind, b"nistp256", point, b"ssh:")))
    named = b"".join(map(packed, (b"firedoor", b"", b"sha512")))
    message = b"SSHSIG" + named + packed(hashlib.sha512(text.encode()).digest())
    said = bytes([flags]) + (7).to_bytes(4, "big")
    signed = hashlib.sha256(b"ssh:").digest() + said + hashlib.sha256(message).digest()
    r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(hashes.SHA256())))
    whole = b"SSHSIG\x00\x00\x00\x01" + packed(blob) + named + packed(packed(kind) + packed(mpints(r, s)) + said)
    return signing.PROOF + base64.b64encode(whole).decode(), f"{kind.decode()} {base64.b64encode(blob).decode()}"


def packed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_both_judge_an_altered_signature_alike(at: int, bit: int) -> None:
    blob = bytearray(BLOB)
    blob[at % len(blob)] ^= 1 << bit
    proof = signing.PROOF + base64.b64encode(bytes(blob)).decode()
    assert not holds(TEXT, proof, (KEY.public,), False)
    assert not signing.holds(TEXT, proof, [KEY.public], hardware=False)


@given(st.text() | st.binary().map(lambda data: base64.b64encode(BLOB[:10] + data).decode()))
def test_what_is_no_signature_breaks_nothing(text: str) -> None:
    assert not holds(TEXT, text, (KEY.public,), False)
    assert not holds(TEXT, signing.PROOF + text, (KEY.public,), False)
