"""One call to AWS, or a listing to its end, and what a reply must hold to be believed: for all parts of the client alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from firedoor.vendors.access import Operation
from firedoor.vendors.aws import inline
from firedoor.vendors.aws.doors import Doors
from firedoor.vendors.aws.inline import InlinePolicy
from firedoor.vendors.aws.replies import malformed

_PAGE: Final = 1000


class Calls:
    """Calls through the doors of the configured accounts. Raises the errors of `firedoor.vendors.aws.replies`."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def call(self, account: str, name: str, *, target: str, **parameters: object) -> Mapping[str, Any]:
        """AWS's parsed reply to one operation."""
        return await self._doors.call(account, name, parameters, target=target)

    async def pages(self, account: str, name: str, part: str, parameters: Mapping[str, object], *, target: str) -> list[Any]:
        """Every item of a listing. Raises as `page_by_page`."""
        return [item async for page in self.page_by_page(account, name, part, parameters, target=target) for item in page]

    async def page_by_page(
        self, account: str, name: str, part: str, parameters: Mapping[str, object], *, target: str
    ) -> AsyncIterator[list[Any]]:
        """A listing, one page held at a time. A page without its list, or a marker that comes twice, would lose or repeat items:
        `Malformed`.
        """
        seen: set[str] = set()
        marker = ""
        while True:
            page = await self.call(account, name, target=target, MaxItems=_PAGE, **parameters, **({"Marker": marker} if marker else {}))
            found = page.get(part)
            if not isinstance(found, list):
                raise malformed(self.known(name), f"the reply has no {part}", target=target)
            yield found
            if not page.get("IsTruncated"):
                return
            marker = str(page.get("Marker") or "")
            if not marker or marker in seen:
                raise malformed(self.known(name), "the listing does not go on: its marker is missing or came before", target=target)
            seen.add(marker)

    def now(self) -> datetime:
        """AWS's clock as last heard; this machine's where it never was."""
        return self._doors.clock.now() or datetime.now(UTC)

    def document(self, name: str, reply: Mapping[str, Any], field: str, *, target: str) -> InlinePolicy:
        """A policy out of a reply, where AWS writes it percent-encoded (RFC 3986)."""
        try:
            return inline.read(unquote(text(self.known(name), reply, field)))
        except ValueError:
            failure = malformed(self.known(name), f"the reply has no readable {field}", target=target)
        raise failure

    def known(self, name: str) -> Operation:
        """The operation of that name."""
        return self._doors.policy.operations[name]


def text(operation: Operation, part: Mapping[str, Any], field: str) -> str:
    """A field that must be there and not be empty."""
    found = part.get(field)
    if not isinstance(found, str) or not found:
        raise malformed(operation, f"the reply has no {field}")
    return found
