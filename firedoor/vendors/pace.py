"""How fast a client may send: asked before each attempt, and told what the vendor's own headers say after each reply."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Pace(Protocol):
    """Whoever holds requests back so that a vendor need not. ``bucket`` is what the vendor counts together (``okta:apps``)."""

    async def turn(self, bucket: str) -> None:
        """Wait until one more request may be sent."""

    def heard(self, bucket: str, *, limit: int, remaining: int, reset: datetime) -> None:
        """A reply came, and says so: of ``limit`` requests in a window ``remaining`` are left, until ``reset``, on this machine's clock."""

    def refused(self, bucket: str, *, seconds: float) -> None:
        """A reply came, and says that it was too much; nothing should be sent for so long."""


class Free:
    """Never waits: the vendor's own refusals are all there is."""

    async def turn(self, bucket: str) -> None:
        """At once."""
        del bucket

    def heard(self, bucket: str, *, limit: int, remaining: int, reset: datetime) -> None:
        """Of no interest."""
        del bucket, limit, remaining, reset

    def refused(self, bucket: str, *, seconds: float) -> None:
        """Of no interest."""
        del bucket, seconds
