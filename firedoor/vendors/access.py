"""What a vendor client may call: an explicit list of operations, and the refusal of every write on a read-only client.

Each client consults a `CallPolicy` in its transport, below all code that could be talked into a write. A call that is on no list is refused
in both modes, so the list is also the record of which permissions Firedoor needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from firedoor.errors import WriteRefused


class Access(StrEnum):
    """Whether a client may change its vendor's state."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call that a client knows.

    ``name`` is the vendor's own (``suspendUser``, ``iam:UpdateAccessKey``), ``permission`` what the vendor wants for it
    (``okta.users.manage``, ``iam:UpdateAccessKey``; empty where the vendor wants none). ``idempotent``: repeating it after a lost reply
    leaves the world as one call would. ``refusals``: how the vendor documents that it may refuse this write, as ``409 LimitExceeded``,
    beyond what any call may meet (no permission, too many requests, a failing server); each has a case.
    """

    name: str
    permission: str
    writes: bool
    idempotent: bool = True
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReads:
    """The permissions with which a client looks for Firedoor itself, beyond what the units declare. None of them writes.

    ``always``: whatever it is there for (who it is, who administers). ``hunts``: where an incident is scoped. ``sweeps``: what a log shows
    in use and no listing shows.
    """

    always: frozenset[str]
    hunts: frozenset[str] = frozenset()
    sweeps: frozenset[str] = frozenset()


class CallPolicy:
    """Admits calls by name, and remembers the permissions that were really used (a test compares them with the declared ones)."""

    def __init__(self, *, vendor: str, access: Access, operations: Iterable[Operation]) -> None:
        self.vendor = vendor
        self.access = access
        self.operations: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in operations})
        self.used: set[str] = set()

    def admit(self, name: str) -> Operation:
        """The operation of that name. Raises `WriteRefused` where it is on no list, or writes and the client is read-only."""
        operation = self.operations.get(name)
        if operation is None:
            raise WriteRefused(
                f"{name} is not on the list of {self.vendor} calls that Firedoor makes; it was not sent",
                vendor=self.vendor,
                operation=name,
                advice="This is a defect in the action that asked for it",
            )
        if operation.writes and self.access is Access.READ:
            raise WriteRefused(
                f"{name} would change {self.vendor}, and this client only reads; it was not sent",
                vendor=self.vendor,
                operation=name,
                advice="A preview never writes; this is a defect in the action that tried",
            )
        if operation.permission:
            self.used.add(operation.permission)
        return operation
