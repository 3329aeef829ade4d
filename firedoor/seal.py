"""The serving process's own key, with which it vouches for decisions that it took in itself, over chat for instance."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from firedoor.canonical import canonical
from firedoor.errors import Misconfigured

if TYPE_CHECKING:
    from firedoor.approval import Decision

KEY_BYTES = 32


class Seal:
    """The serving process's own key. Its bytes are shown nowhere."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Seal()"

    @classmethod
    def kept_in(cls, folder: Path) -> Seal:
        """The key kept in ``folder`` as ``approval.key``, readable by its owner only; made on first use. Raises `Misconfigured`."""
        path = folder / "approval.key"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                _make_key(path)
            if folder.stat().st_mode & 0o022:
                raise Misconfigured(f"others may write to {folder}, and so exchange the approval key", advice=f"Run: chmod go-w {folder}")
            if path.stat().st_mode & 0o077:
                raise Misconfigured(f"{path} can be read by others than its owner", advice=f"Run: chmod 600 {path}")
            key = path.read_bytes()
        except OSError as error:
            raise Misconfigured(f"the approval key at {path} cannot be used ({error.strerror})", advice="Set FIREDOOR_STATE_DIR") from error
        if len(key) != KEY_BYTES:
            raise Misconfigured(f"the approval key at {path} is damaged", advice="Move it away; open requests must then be approved again")
        return cls(key)

    def mark(self, request: str, ruling: str = "") -> str:
        """The MAC over a request's digest: it stands as this process asked it; or, with ``ruling``, was ruled on."""
        named = canonical({"namespace": "firedoor/request/1", "request": request, "ruling": ruling})
        return "mac:" + hmac.new(self._key, named.encode(), sha256).hexdigest()

    def marked(self, mark: str, request: str, ruling: str = "") -> bool:
        """Whether the mark is this key's, over exactly this request and ruling."""
        return hmac.compare_digest(canonical(mark).encode(), canonical(self.mark(request, ruling)).encode())

    def sign(self, decision: Decision) -> str:
        """The MAC over the decision without its proof."""
        return "mac:" + hmac.new(self._key, _signed(decision).encode(), sha256).hexdigest()

    def holds(self, decision: Decision) -> bool:
        """Whether the proof is this key's, over exactly this decision."""
        return hmac.compare_digest(canonical(decision.proof).encode(), canonical(self.sign(decision)).encode())


def _make_key(path: Path) -> None:
    """The key appears under its name all at once and only once: another process never sees half of it, nor is left with one of its own."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".approval.key-") as file:  # made readable by its owner only
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)


def _signed(decision: Decision) -> str:
    named = {"namespace": "firedoor/decision/1", "request": decision.request, "answer": decision.answer, "by": decision.by}
    return canonical({**named, "via": decision.via, "at": decision.at, "reason": decision.reason})
