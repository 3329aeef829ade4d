"""A vendor of keys in memory, with a source and a treatment, and a whole sweep around them, with a real journal in a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from firedoor.action import Action
from firedoor.allotment import Allotments
from firedoor.approval import Answer, Roster
from firedoor.channel import Silent
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.errors import Unreachable
from firedoor.guard import Guard
from firedoor.inventory import Credential, Disposition, State
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Held, Lease, Leases
from firedoor.model import Change, Intent, Mode, Plan, Receipt, Residual, Snapshot, Target
from firedoor.run import Order, Via
from firedoor.seal import Seal
from firedoor.source import Sighting, Source, SourceSpec
from firedoor.store import Store
from firedoor.sweepbook import Sweep
from firedoor.sweeping import Report, Sweeping
from firedoor.treatment import Treatment
from tests.fakes import ASKER, ROSTER, YES, spec

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
TYPE = "vault.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultKey(Target):
    """A key by its name."""

    place: str
    holder: str
    key: str

    @property
    def label(self) -> str:
        return f"{self.key} of {self.holder}"

    @property
    def names(self) -> tuple[str, ...]:
        return (f"vault:key:{self.key}", f"vault:user:{self.holder}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState(Snapshot):
    """Whether the key works; ``missing`` where it is not there."""

    state: str
    missing: bool = False


@dataclass(slots=True)
class Vault:
    """``keys`` map a place to its holders to their keys' states. What happens ``on_list`` happens once, after so many listings.

    ``told`` is what else a listing tells of a key.
    """

    keys: dict[str, dict[str, dict[str, str]]]
    created: dict[str, datetime] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    shut: dict[str, Exception] = field(default_factory=dict)
    troubles: dict[str, list[Exception]] = field(default_factory=dict)
    after: dict[str, list[Exception]] = field(default_factory=dict)
    on_list: dict[int, Callable[[], None]] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    listings: int = 0
    told_in_listing: bool = True
    page: int = 2


class Keys(Source):
    """Lists keys."""

    spec = SourceSpec(id="vault.list_keys", title="Keys", kinds=("key",), reads=frozenset({"list"}))

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    async def places(self) -> Sequence[str]:
        if (error := self.vault.shut.get("")) is not None:
            raise error
        return sorted(self.vault.keys)

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        if (error := self.vault.shut.get(place)) is not None:
            raise error
        names = sorted(self.vault.keys[place])
        for start in range(0, len(names), self.vault.page):
            yield names[start : start + self.vault.page]

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        self.vault.listings += 1
        self.vault.on_list.pop(self.vault.listings, lambda: None)()
        await asyncio.sleep(0)
        found = []
        for holder in holders:
            if (error := self.vault.shut.get(f"{place}/{holder}")) is not None:
                raise error
            for key, state in sorted(self.vault.keys[place].get(holder, {}).items()):
                one = credential(place, holder, key, state, created=self.vault.created.get(key, LONG_AGO))
                found.append(replace(one, **self.vault.told.get(key, {})))
        return found


def credential(place: str, holder: str, key: str, state: str = "active", *, created: datetime = LONG_AGO) -> Credential:
    """One of them."""
    names = (f"vault:key:{key}", f"vault:user:{holder}")
    return Credential(system="vault", kind="key", place=place, holder=holder, id=key, names=names, state=State(state), created=created)


class ShutKey(Treatment[VaultKey, KeyState], Action[VaultKey, KeyState]):
    """Shuts one key."""

    spec = spec("shut_key", id="vault.shut_key", settle_within=0.2)
    target = VaultKey
    treats: ClassVar[str] = TYPE
    ends_as: ClassVar[Disposition] = Disposition.REVOKED
    leaves: ClassVar[tuple[Residual, ...]] = (Residual(what="sessions of these keys", until="they expire", closes_by="waiting", hours=2),)

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    async def clock(self, target: VaultKey) -> datetime:
        del target
        return datetime.now(UTC)

    def lease(self, target: VaultKey) -> str:
        return f"vault {target.place}/{target.holder}"

    def target_of(self, credential: Credential) -> VaultKey:
        return VaultKey(place=credential.place, holder=credential.holder, key=credential.id)

    def seen(self, credential: Credential) -> KeyState | None:
        return KeyState(state=str(credential.state)) if self.vault.told_in_listing else None

    async def read(self, target: VaultKey) -> KeyState:
        found = self.vault.keys[target.place].get(target.holder, {}).get(target.key)
        return KeyState(state=found or "", missing=found is None)

    def plan(self, target: VaultKey, before: KeyState) -> Plan:
        if before.missing:
            return Plan(reason="there is no such key")
        if before.state != "active":
            return Plan(reason="it is shut")
        at = {"place": target.place, "holder": target.holder, "key": target.key}
        change = Change(key="shut", subject=f"vault:key:{target.key}", says=f"shut {target.key}", after={"state": "inactive"}, at=at)
        return Plan(changes=(change,))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        key = change.at["key"]
        await asyncio.sleep(0)
        if errors := self.vault.troubles.get(key):
            raise errors.pop(0)
        self.vault.effects[key] += 1
        holders = self.vault.keys[change.at["place"]]
        if key in holders.get(change.at["holder"], {}):
            holders[change.at["holder"]][key] = "inactive"
        if errors := self.vault.after.get(key):
            raise errors.pop(0)
        return self.receipt(change, intent)


def book(**changed: Any) -> Sweep:
    """A containment sweep of every key."""
    plain: dict[str, Any] = {
        "sweep": "keys",
        "title": "Keys",
        "about": "Every key",
        "aim": "containment",
        "scope": {"types": [TYPE], "everything": True},
        "treat": {TYPE: "vault.shut_key"},
        "at_most": 100,
        "batch": 2,
    }
    return Sweep.model_validate({**plain, **changed})


@dataclass(slots=True, kw_only=True)
class Hall:
    """A vault and whoever sweeps it."""

    vault: Vault
    store: Store
    journal: Journal
    folder: Path
    protected: Mapping[str, str] = field(default_factory=dict)
    approving: bool = True

    def sweeping(self, holder: str = "me", **changed: Any) -> Sweeping:
        """A process that sweeps."""
        actions = {"vault.shut_key": ShutKey(self.vault)}
        sources: dict[str, Source] = {"vault.list_keys": Keys(self.vault)}
        plain: dict[str, Any] = {
            "journal": self.journal,
            "leases": Leases(self.store, holder),
            "allotments": Allotments(self.store),
            "desk": self.desk,
            "guard": Guard(protected=self.protected, roster=ROSTER, limit=50, own_networks={}),
            "channel": Silent(),
            "act": Units(actions=actions, queries={}, sources=sources),
        }
        return Sweeping(**{**plain, **changed})

    @property
    def desk(self) -> Desk:
        return Desk(journal=self.journal, roster=self.roster, seal=Seal.kept_in(self.folder))

    @property
    def roster(self) -> Roster:
        return ROSTER

    def order(self, sweep: Sweep, run: str = "251126-aaaaaa") -> Order:
        """An order for it."""
        return Order(
            run=run,
            incident="inc",
            playbook=sweep.sweep,
            mode=Mode.LIVE,
            requester=ASKER.name,
            asked=datetime.now(UTC),
            inputs={},
            title=sweep.title,
            sweep=True,
            via=Via.SLACK,
        )

    async def sweep(
        self, sweep: Sweep | None = None, *, run: str = "251126-aaaaaa", due: Sequence[Sighting] = (), **changed: Any
    ) -> Report:
        """Sweep it, with an approval as soon as it is asked for."""
        wanted = sweep or book()
        approving = asyncio.create_task(self.approve(run))
        try:
            return await self.sweeping(**changed).sweep(self.order(wanted, run), wanted, due=due)
        finally:
            approving.cancel()
            await asyncio.gather(approving, return_exceptions=True)

    async def approve(self, run: str) -> None:
        """Say yes once asked."""
        async for event in self.journal.follow(run):
            if event.kind == Kind.REQUESTED:
                await self.desk.decide(run, YES, Answer.APPROVE if self.approving else Answer.DENY, via="tests")
                return


class Watched(Journal):
    """The journal of a process in which something happens just before the first event of a kind."""

    def __init__(self, store: Store, kind: Kind, then: Callable[[], Awaitable[None]]) -> None:
        super().__init__(store)
        self._then: dict[Kind, Callable[[], Awaitable[None]]] = {kind: then}

    async def append(
        self, run: str, kind: Kind, body: object, *, claim: str | None = None, seen: int | None = None, under: Lease | Held | None = None
    ) -> Event:
        if (then := self._then.pop(kind, None)) is not None:
            await then()
        return await super().append(run, kind, body, claim=claim, seen=seen, under=under)


@asynccontextmanager
async def hall(folder: Path, keys: Mapping[str, Mapping[str, Mapping[str, str]]]) -> AsyncIterator[Hall]:
    """A vault in a folder."""
    async with Store(f"sqlite:///{folder / 'journal.db'}") as store:
        made = {place: {holder: dict(some) for holder, some in holders.items()} for place, holders in keys.items()}
        yield Hall(vault=Vault(made), store=store, journal=Journal(store), folder=folder)


def lost() -> Unreachable:
    """A reply that did not come."""
    return Unreachable("no reply", vendor="vault", operation="shut", changed=None)


MINUTE = timedelta(minutes=1)
