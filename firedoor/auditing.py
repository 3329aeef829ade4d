"""What the command line asks of the journal as evidence: whether it holds, and packs of it to hand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from firedoor import heads, wiring
from firedoor.approval import Roster
from firedoor.audit import Audit, audit
from firedoor.catalogue import Catalogue
from firedoor.errors import BadInput
from firedoor.model import Mode, Tier
from firedoor.proofs import Known
from firedoor.run import Order
from firedoor.seal import Seal
from firedoor.settings import Settings, load

LONGEST: Final = 50_000_000


async def verify(*, told: Sequence[str] = (), files: Sequence[Path] = (), from_slack: bool = False) -> Audit:
    """Check the whole journal. ``told`` are heads told outside, ``files`` hold some, and Slack may. Raises `BadInput`, `JournalError`."""
    settings = load()
    outside = {**_given(told), **_filed(files)}
    async with AsyncExitStack() as stack:
        _, journal = await stack.enter_async_context(wiring.open_journal(settings))
        if from_slack:
            outside |= await _from_slack(stack, settings)
        return await audit(journal, known(settings), told=outside)


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
                raise BadInput("that file is too long to look for heads in", target=str(path))
            here = heads.in_file(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "no such name can be"
            raise BadInput(f"it cannot be read ({why})", target=ascii(str(path))) from error
        if not here:
            raise BadInput("it tells no journal head", target=str(path), advice="Give a report, a ticket or a thread, or --head HASH")
        found |= {head: f"in {path}" for head in here if head not in found}
    return found


async def _from_slack(stack: AsyncExitStack, settings: Settings) -> Mapping[str, str]:
    from firedoor.channels.slack.heads import told_in  # noqa: PLC0415 - only this needs Slack
    from firedoor.channels.slack.serving import connected  # noqa: PLC0415

    web = await stack.enter_async_context(connected(settings))
    return await told_in(web, settings.slack_channel)
