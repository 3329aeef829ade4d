"""Hardware keys in software, for drills and tests: nobody has one at hand for each person of a made-up company.

A signature of theirs is built as OpenSSH builds one with a real key, flags and counter and all; OpenSSH cannot tell the difference.
Source: OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firedoor import signing
from firedoor.approval import Answer
from firedoor.signing import Signature

KIND: Final = "sk-ssh-ed25519@openssh.com"
APPLICATION: Final = b"ssh:"
TOUCHED: Final = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityKey:
    """A key pair. ``private`` shows nowhere."""

    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate, repr=False)

    @classmethod
    def kept(cls, text: str) -> SecurityKey:
        """The key that `keeping` wrote down."""
        return cls(private=Ed25519PrivateKey.from_private_bytes(base64.b64decode(text)))

    @property
    def keeping(self) -> str:
        """The private half, to be kept by whoever it belongs to."""
        return base64.b64encode(self.private.private_bytes_raw()).decode()

    @property
    def public(self) -> str:
        """The line that stands on a roster."""
        return f"{KIND} {base64.b64encode(self._blob).decode()}"

    @property
    def _blob(self) -> bytes:
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _string(KIND.encode()) + _string(raw) + _string(APPLICATION)

    def sign(self, document: str, *, flags: int = TOUCHED, namespace: str = signing.NAMESPACE) -> Signature:
        """The document signed; ``flags`` are what the hardware says of the touch."""
        named = _string(namespace.encode()) + _string(b"") + _string(b"sha512")
        message = b"SSHSIG" + named + _string(hashlib.sha512(document.encode()).digest())
        said = bytes([flags]) + (1).to_bytes(4, "big")
        signed = hashlib.sha256(APPLICATION).digest() + said + hashlib.sha256(message).digest()
        signature = _string(KIND.encode()) + _string(self.private.sign(signed)) + said
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + _string(self._blob) + named + _string(signature)
        return signing.read(signing.armor(blob))


async def sign(folder: Path, member: str, run: str, answer: Answer) -> Mapping[str, Any]:
    """What somebody does at their own terminal, with the key that only they have. Raises `DecisionRefused`, `BadInput`."""
    from firedoor import terminal  # noqa: PLC0415 - only some drills need it

    key = SecurityKey.kept(json.loads((folder / "keys.json").read_text(encoding="utf-8"))[member])
    signer = terminal.Signer(public=key.public, sign=key.sign)
    return await terminal.decide(run, answer, signer, reason="in the drill", confirm=lambda document: run in document)


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
