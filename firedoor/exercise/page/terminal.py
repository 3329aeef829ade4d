"""What the page needs of whoever signs outside chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

Answer: TypeAlias = Literal["approve", "deny", "stop"]


class SigningTerminal(Protocol):
    """The terminals of a drill's people, with the SSH key of each. A member is known by their id in Slack."""

    async def pending(self, member: str) -> Sequence[Mapping[str, str]]:
        """What that person may sign now: ``run``, ``title`` and ``document`` of each, the document as an approval of it (or a stop) reads.

        ``answers`` are those that they may give, all three where it is missing.
        """

    async def sign(self, member: str, run: str, answer: Answer) -> str:
        """Sign that answer with the person's key and hand it in. Returns words for the person; raises `FiredoorError`."""
