"""What the command line asks of the journal as evidence: whether it holds, and packs of it to hand on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from firedoor import heads, wiring
from firedoor.approval import Roster
from firedoor.audit import Audit, audit
from firedoor.canonical import LONE_SURROGATE
from firedoor.catalogue import Catalogue
from firedoor.chain import Row
from firedoor.errors import BadInput, UnknownRun, shown
from firedoor.evidence import pack
from firedoor.journal import Journal, read_row
from firedoor.model import Mode, Tier
from firedoor.proofs import Known
from firedoor.run import Order, Record, fold, looking, readable
from firedoor.seal import Seal
from firedoor.settings import Settings, load
from firedoor.store import Store
from firedoor.sweep import Progress

LONGEST: Final = 50_000_000
MOST_RELATED: Final = 1000
RECOVER: Final = "Keep the database as it is; look for a backup, or recover what can be read into another file"


async def verify(*, told: Sequence[str] = (), files: Sequence[Path] = (), from_slack: bool = False) -> Audit:
    """Check the whole journal. ``told`` are heads told outside, ``files`` hold some, and Slack may. Raises `BadInput`, `JournalError`."""
    settings = load()
    outside = {**_given(told), **_filed(files)}
    async with AsyncExitStack() as stack:
        store, journal = await stack.enter_async_context(wiring.open_journal(settings))
        _check_whole(store)
        if from_slack:
            outside |= await _from_slack(stack, settings)
        with looking(RECOVER):
            return await audit(journal, known(settings), told=outside)


async def export(run: str, to: Path | None = None) -> Path:
    """Write the evidence pack of a run; where it is. Raises `BadInput` with nothing written, also where something is there already."""
    settings = load()
    async with wiring.open_journal(settings) as (store, journal):
        _check_whole(store)
        with readable(run):
            rows = [row async for row in journal.rows(run)] if not LONE_SURROGATE.search(run) else []
            if not rows:
                raise UnknownRun(f"there is no run {shown(run)}", advice="See `firedoor runs`")
            chain = await journal.audit()
            record = fold(run, [read_row(row) for row in rows])
            roster = _rosters(settings)(record.order) or Roster(people=())
            kin, batches = await related(journal, record), await batches_of(journal, run, rows)
            whole = pack.Whole(run=run, rows=rows, roster=roster, head=chain.head, height=chain.events, related=kin, batches=batches)
            made = pack.files(whole)
    return _written(run, to, pack.zipped(made))


def _check_whole(store: Store) -> None:
    """Raise `BadInput` where the database is out of reach: its stand-by holds what this machine knows, and proves nothing of the rest."""
    if store.standing_by:
        raise BadInput("the journal's database does not answer, and its stand-by has only a part of it", advice="Try again once it is back")


async def batches_of(journal: Journal, run: str, rows: Sequence[Row]) -> Sequence[Row]:
    """The events of a sweep's batches as they are stored, stream by stream; none where the run is no sweep."""
    progress = Progress()
    progress.take([read_row(row) for row in rows])
    return [row for _, batch in sorted(progress.batches.items()) async for row in journal.rows(batch.stream(run))]


async def related(journal: Journal, record: Record) -> Mapping[str, str]:
    """The runs that belong to one, with what they are to it."""
    order = record.order
    named = {order.undoes: "this run undoes it", order.follows: "what this run asks for, that one found to do and had no approval for"}
    for event in await journal.opened(most=MOST_RELATED, undoes=order.run):
        named[event.run] = "it undid this run" if event.run == record.undone_by else "it was asked to undo this run"
    for event in await journal.opened(most=MOST_RELATED, follows=order.run):
        named[event.run] = "it asked for what this run found to do and had no approval for"
    return {run: word for run, word in named.items() if run}


def _place(run: str, to: Path | None) -> Path:
    """Where the pack goes. A run's name is not trusted to be one that a file may have."""
    name = f"evidence-{re.sub(r'[^A-Za-z0-9_-]', '_', run)}.zip"
    return Path(name) if to is None else to / name if to.is_dir() else to


def _written(run: str, to: Path | None, content: bytes) -> Path:
    path = to or Path()
    try:
        path = _place(run, to)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise BadInput("it is there already, and is not written over", target=str(path), advice="Name another place with --to") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no such name can be"
        raise BadInput(f"it cannot be written ({why})", target=shown(str(path)), advice="Name another place with --to") from error
    return path


def known(settings: Settings) -> Known:
    """What proofs are checked against on this machine."""
    there = (settings.state_dir / "approval.key").exists()
    seal = Seal.kept_in(settings.state_dir) if there else None  # a key made only now has made no mark
    return Known(seal=seal, standing=settings.roster, roster=_rosters(settings), tier=_tiers(wiring.load_catalogue()))


def _rosters(settings: Settings) -> Callable[[Order], Roster | None]:
    def roster(order: Order) -> Roster | None:
        if order.mode is not Mode.DRILL:
            return settings.roster
        from firedoor.drilling import settings_of  # noqa: PLC0415 - only drills need it

        try:
            return settings_of(settings, order.run).roster
        except (BadInput, OSError, ValueError, KeyError, TypeError):
            return None  # its world is gone, or what it left behind cannot be read

    return roster


def _tiers(catalogue: Catalogue) -> Callable[[str, bool], Tier | None]:
    def tier(action: str, undoes: bool) -> Tier | None:  # noqa: FBT001 - as the contract has it
        if action not in catalogue.actions:
            return None
        spec = catalogue.actions[action].spec
        return replace(spec, tier=max(spec.tier, spec.back)).approvals if undoes else spec.approvals

    return tier


def _given(told: Sequence[str]) -> Mapping[str, str]:
    for head in told:
        if not heads.is_head(head):
            raise BadInput(f"{head[:80]!r} is no head of a journal", advice="A head is sha256: and 64 hexadecimal digits")
    return dict.fromkeys(told, "given with --head")


def _filed(files: Sequence[Path]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in files:
        try:
            if path.stat().st_size > LONGEST:
                raise BadInput("that file is too long to look for heads in", target=str(path), advice="Give --head HASH")
            here = heads.in_file(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "no such name can be"
            advice = "Name a saved report, ticket or thread, or give --head HASH"
            raise BadInput(f"it cannot be read ({why})", target=shown(str(path)), advice=advice) from error
        if not here:
            raise BadInput("it tells no journal head", target=str(path), advice="Give a report, a ticket or a thread, or --head HASH")
        found |= {head: f"in {path}" for head in here if head not in found}
    return found


async def _from_slack(stack: AsyncExitStack, settings: Settings) -> Mapping[str, str]:
    from firedoor.channels.slack.heads import told_in  # noqa: PLC0415 - only this needs Slack
    from firedoor.channels.slack.serving import connected  # noqa: PLC0415

    web = await stack.enter_async_context(connected(settings))
    return await told_in(web, settings.slack_channel)
