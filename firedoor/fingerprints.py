"""How a secret that was found is known from then on: by a keyed hash, never by itself.

Keyed, since a leak is often a weak password, and whoever holds a report could try words against a plain hash until one fits, however short
the hash is cut. The key stays on this machine, so one secret has one fingerprint in every report made here. It is cut to 64 bits, which is
enough to tell apart what one incident finds.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Final

from firedoor.keyfile import kept

DIGITS: Final = 16


class Fingerprints:
    """Makes fingerprints with one key. Its bytes are shown nowhere."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Fingerprints()"

    @classmethod
    def kept_in(cls, folder: Path) -> Fingerprints:
        """With the key kept in ``folder`` as ``fingerprint.key``, readable by its owner only; made on first use. Raises `Misconfigured`."""
        what, otherwise = "the key of fingerprints", "fingerprints then differ from earlier ones"
        return cls(kept(folder / "fingerprint.key", what=what, otherwise=otherwise))

    def of(self, secret: str) -> str:
        """``fp:`` and 16 hexadecimal digits."""
        return "fp:" + hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:DIGITS]
