"""SSH signatures checked in plain Python, with its standard library alone: the part of an evidence pack's verifier that does sums.

Sources: RFC 8032 (Ed25519), FIPS 186-5 and SEC 1 (ECDSA), RFC 8017 (RSA), OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f (signatures).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

HARDWARE = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
TOUCHED = 0x01
HOSTILE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]


def ed_add(a: Point, b: Point) -> Point:
    """The sum of two points of edwards25519, in extended coordinates."""
    u, v = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    w, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = v - u, z - w, z + w, v + u
    return e * f % P, g * h % P, f * g % P, e * h % P


def ed_times(point: Point, factor: int) -> Point:
    """A point taken so many times."""
    found: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            found = ed_add(found, point)
        point, factor = ed_add(point, point), factor >> 1
    return found


def ed_point(data: bytes) -> Point:
    """A point from its 32 bytes. Raises `ValueError` where they are none."""
    whole = int.from_bytes(data, "little")
    y, sign = whole & (2**255 - 1), whole >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    if len(data) != 32 or y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("no point")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


BASE = ed_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds. Raises `ValueError` where a point is none."""
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = ed_times(BASE, s), ed_add(ed_point(signature[:32]), ed_times(ed_point(public), k))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# By name: the prime, b, the order, the base point, the hash. In each, a is -3.
CURVES = {
    "nistp256": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        "sha256",
    ),
    "nistp384": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        "sha384",
    ),
    "nistp521": (
        2**521 - 1,
        0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
        0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
        0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
        0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
        "sha512",
    ),
}
Place = tuple[int, int] | None


def ec_add(a: Place, b: Place, p: int) -> Place:
    """The sum of two points of a curve whose a is -3; None is the one at infinity."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % p == 0:
        return None
    slope = ((3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, p) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, p)) % p
    x = (slope * slope - a[0] - b[0]) % p
    return x, (slope * (a[0] - x) - a[1]) % p


def ec_times(point: Place, factor: int, p: int) -> Place:
    """A point taken so many times."""
    found: Place = None
    while factor:
        found = ec_add(found, point, p) if factor & 1 else found
        point, factor = ec_add(point, point, p), factor >> 1
    return found


def ecdsa(curve: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an ECDSA signature holds, as OpenSSH writes keys and signatures."""
    p, b, order, gx, gy, name = CURVES[curve]
    size = (p.bit_length() + 7) // 8
    x, y = int.from_bytes(public[1 : size + 1], "big"), int.from_bytes(public[size + 1 :], "big")
    if public[:1] != b"\x04" or len(public) != 2 * size + 1 or max(x, y) >= p or (y * y - x**3 + 3 * x - b) % p:
        return False
    first, rest = string(signature)
    second, rest = string(rest)
    r, s = int.from_bytes(first, "big"), int.from_bytes(second, "big")
    if rest or not (0 < r < order and 0 < s < order):
        return False
    hashed = hashlib.new(name, message).digest()
    z = int.from_bytes(hashed, "big") >> max(0, 8 * len(hashed) - order.bit_length())
    w = pow(s, -1, order)
    found = ec_add(ec_times((gx, gy), z * w % order, p), ec_times((x, y), r * w % order, p), p)
    return found is not None and found[0] % order == r


RSA_PREFIX = {
    "rsa-sha2-256": ("sha256", "3031300d060960864801650304020105000420"),
    "rsa-sha2-512": ("sha512", "3051300d060960864801650304020305000440"),
}


def rsa(kind: str, e: int, n: int, message: bytes, signature: bytes) -> bool:
    """Whether an RSA signature (PKCS #1 v1.5) holds."""
    name, prefix = RSA_PREFIX[kind]
    size = (n.bit_length() + 7) // 8
    end = bytes.fromhex(prefix) + hashlib.new(name, message).digest()
    due = b"\x00\x01" + b"\xff" * (size - 3 - len(end)) + b"\x00" + end
    return n.bit_length() >= 2048 and pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big") == due


def string(data: bytes) -> tuple[bytes, bytes]:
    """The first length-prefixed string, and what comes after it."""
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 or len(data) < 4 + length:
        raise ValueError("cut short")
    return data[4 : 4 + length], data[4 + length :]


def strings(data: bytes) -> list[bytes]:
    """All length-prefixed strings."""
    found = []
    while data:
        one, data = string(data)
        found.append(one)
    return found


def key_of(proof: str) -> str:
    """The public key that a proof says it was made with, as ``type base64``; empty where it cannot be read."""
    try:
        public = strings(base64.b64decode(proof.removeprefix("ssh:"), validate=True)[10:])[0]
        return f"{string(public)[0].decode()} {base64.b64encode(public).decode()}"
    except HOSTILE:
        return ""


@cache
def holds(text: str, proof: str, keys: tuple[str, ...], hardware: bool) -> bool:  # noqa: FBT001 - it is cached by place
    """Whether the proof is a signature over the text by one of the keys; hardware keys must have been touched."""
    try:
        return _holds(text, base64.b64decode(proof.removeprefix("ssh:"), validate=True), keys, hardware=hardware)
    except HOSTILE:
        return False


def _holds(text: str, blob: bytes, keys: tuple[str, ...], *, hardware: bool) -> bool:  # noqa: PLR0911 - one return a reason
    public, namespace, reserved, hashed, signature = strings(blob[10:])
    kind, *parts = strings(public)
    name = kind.decode()
    if blob[:10] != b"SSHSIG\x00\x00\x00\x01" or namespace != b"firedoor" or f"{name} {base64.b64encode(public).decode()}" not in keys:
        return False
    if hardware and name not in HARDWARE:
        return False
    packed = (
        len(part).to_bytes(4, "big") + part for part in (namespace, reserved, hashed, hashlib.new(hashed.decode(), text.encode()).digest())
    )
    message = b"SSHSIG" + b"".join(packed)
    signed_as, rest = string(signature)
    given, flags = string(rest)
    if name in HARDWARE:
        if signed_as != kind or len(flags) != 5 or not flags[0] & TOUCHED:
            return False
        message, flags = hashlib.sha256(parts[-1]).digest() + flags + hashlib.sha256(message).digest(), b""
    if flags:
        return False
    if name == "ssh-rsa":
        return rsa(signed_as.decode(), int.from_bytes(parts[0], "big"), int.from_bytes(parts[1], "big"), message, given)
    if signed_as != kind:
        return False
    return ed25519(parts[0], message, given) if "ed25519" in name else ecdsa(parts[0].decode(), parts[1], message, given)
