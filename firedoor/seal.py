"""The serving process's own key, with which it vouches for decisions that it took in itself, over chat for instance."""

from __future__ import annotations

import hmac
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from firedoor.canonical import canonical
from firedoor.keyfile import kept

if TYPE_CHECKING:
    from firedoor.approval import Decision


class Seal:
    """The serving process's own key. Its bytes are shown nowhere."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Seal()"

    @classmethod
    def kept_in(cls, folder: Path) -> Seal:
        """The key kept in ``folder`` as ``approval.key``, readable by its owner only; made on first use. Raises `Misconfigured`."""
        return cls(kept(folder / "approval.key", what="the approval key", otherwise="open requests must then be approved again"))

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


def _signed(decision: Decision) -> str:
    named = {"namespace": "firedoor/decision/1", "request": decision.request, "answer": decision.answer, "by": decision.by}
    return canonical({**named, "via": decision.via, "at": decision.at, "reason": decision.reason})
