"""How a secret that was found is known from then on: by a keyed hash, never by itself.

Keyed, since a leak is often a weak password, and whoever holds a report could try words against a plain hash until one fits, however short
the hash is cut. The key stays on this machine, so one secret has one fingerprint in every report made here. It is cut to 64 bits, which is
enough to tell apart what one incident finds.
"""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from firedoor.errors import Misconfigured

KEY_BYTES: Final = 32
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
        path = folder / "fingerprint.key"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                _make(path)
            if path.stat().st_mode & 0o077:
                raise Misconfigured(f"{path} can be read by others than its owner", advice=f"Run: chmod 600 {path}")
            key = path.read_bytes()
        except OSError as error:
            raise Misconfigured(
                f"the key of fingerprints at {path} cannot be used ({error.strerror})", advice="Set FIREDOOR_STATE_DIR"
            ) from error
        if len(key) != KEY_BYTES:
            raise Misconfigured(
                f"the key of fingerprints at {path} is damaged", advice="Move it away; fingerprints then differ from earlier ones"
            )
        return cls(key)

    def of(self, secret: str) -> str:
        """``fp:`` and 16 hexadecimal digits."""
        return "fp:" + hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:DIGITS]


def _make(path: Path) -> None:
    """The key appears under its name all at once and only once: nobody reads half of it, and of two who make one, one wins."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".fingerprint.key-") as file:  # made readable by its owner only
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
