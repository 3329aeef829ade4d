"""What each part of `OktaClient` is made with: sending one operation of the table, and reading its reply through an allow-list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, TypeVar

from firedoor.vendors.okta import replies
from firedoor.vendors.okta.operations import HttpOperation
from firedoor.vendors.okta.transport import Reply

T = TypeVar("T")

MOST_PAGES: Final = 1000


class Calls(ABC):
    """The ways of calling Okta that the client's parts share. ``target`` is what an error says it is about."""

    @abstractmethod
    async def _call(
        self, operation: HttpOperation, path: str, read: Callable[[bytes], T], *, target: str, body: Mapping[str, object] | None = None
    ) -> tuple[T, Reply]:
        """Send one request, with ``body`` as JSON where there is one, and give what ``read`` finds in the reply's."""

    @abstractmethod
    async def _read_one(self, operation: HttpOperation, argument: str, read: Callable[[replies.Object], T], *, target: str) -> T:
        """One JSON object."""

    @abstractmethod
    async def _write(
        self,
        operation: HttpOperation,
        subject: str,
        *others: str,
        query: Mapping[str, str] | None = None,
        read: Callable[[bytes], None] = replies.nothing,
    ) -> None:
        """Change something of ``subject``, which fills the path's first parameter; ``others`` fill the rest."""

    @abstractmethod
    async def _pages(
        self, operation: HttpOperation, path: str, read: Callable[[replies.Object], T], *, target: str, polling: bool = False
    ) -> tuple[T, ...]:
        """All pages of a list."""

    @abstractmethod
    def _each_page(
        self,
        operation: HttpOperation,
        path: str,
        read: Callable[[replies.Object], T],
        *,
        target: str,
        polling: bool = False,
        most: int = MOST_PAGES,
        patient: bool = False,
    ) -> AsyncIterator[tuple[T, ...]]:
        """The pages of a list one by one, ``most`` of them. ``patient``: a used up rate limit is waited for, page after page."""

    @abstractmethod
    def _follow(self, operation: HttpOperation, path: str, link: str, target: str) -> str:
        """The path and query of a next page's link. Raises `Malformed` where it leads anywhere but to the same list."""
