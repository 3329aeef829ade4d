"""One credential of a batch under treatment, and how it stands: pure but for the reading of what the listing does not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from firedoor.catalogue import AnyAction
from firedoor.errors import BadInput
from firedoor.guard import Guard
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Plan, Receipt, Snapshot, Target
from firedoor.named import Named
from firedoor.sweep import Known, Row, Write, Wrote
from firedoor.sweepbook import Sweep
from firedoor.treatment import Treatment

MADE = "made"  # the receipt's fact that names a credential which the change made in the place of another


@dataclass(slots=True, kw_only=True)
class Lot:
    """A credential that is to be treated. ``now`` is how it was last seen, ``plan`` what is left to do, ``failed`` what went wrong last.

    ``writes`` are those on record by effect, ``receipts`` of those that were made. ``over``: it is not written to any more in this round.
    """

    credential: Credential
    action: AnyAction
    target: Target
    writes: dict[str, Write] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    now: Snapshot | None = None
    plan: Plan | None = None
    failed: str = ""
    over: bool = False

    @property
    def treatment(self) -> Treatment[Any, Any]:
        """The action as what it is besides."""
        return cast("Treatment[Any, Any]", self.action)

    @property
    def listed(self) -> bool:
        """Whether the listing shows all that its plan needs."""
        return self.treatment.seen(self.credential) is not None

    @property
    def made(self) -> tuple[str, ...]:
        """The ids of credentials that were made in its place, as receipts and the world tell."""
        told = [str(receipt.facts[MADE]).rpartition("/")[2] for receipt in self.receipts.values() if receipt.facts.get(MADE)]
        told += self.treatment.made(self.target, self.now) if self.now is not None and self.writes else ()
        return tuple(dict.fromkeys(told))

    @property
    def wanted(self) -> tuple[Change, ...]:
        """What is still to be written: what was made and may not show yet is not."""
        changes = self.plan.changes if self.plan is not None and not self.over else ()
        return tuple(change for change in changes if change.effect(self.action.spec.id) not in self.receipts)

    @property
    def lags(self) -> bool:
        """Whether what was made does not show yet."""
        return self.plan is not None and bool(self.plan.changes) and not self.over and not self.wanted

    async def look(self) -> None:
        """See what is left to do: in the listing, or where that does not suffice by a reading. Raises what `Action.read` raises."""
        listed = self.treatment.seen(self.credential)
        self.now = listed if listed is not None else await self.action.read(self.target)
        self.plan = self.action.plan(self.target, self.now)

    def row(self) -> Row:
        """How it stands."""
        plan = self.plan
        begun = min((write.at for write in self.writes.values()), default=None)
        done = tuple(write.change.says for effect, write in self.writes.items() if effect in self.receipts)
        disposition: Disposition | None = Disposition.FAILED
        reason, until = self.failed or "it could not be looked at", None
        if plan is not None and plan.reason:
            disposition, reason = self.treatment.ends_as, plan.reason
        elif plan is not None and plan.waits:
            disposition, reason, until = Disposition.PENDING, plan.waits, plan.until
        elif plan is not None and plan.impossible:
            reason = plan.impossible
        elif plan is not None and not self.failed and self.writes:
            disposition, reason = None, "written to; the next listing tells"
        elif plan is not None and not self.failed:
            reason = "still to be done: " + "; ".join(change.says for change in plan.changes)
        row = row_of(self.credential, disposition=disposition, reason=reason)
        return replace(row, until=until, made=self.made, done=done, begun=begun)


def row_of(one: Credential, *, disposition: Disposition | None = None, reason: str = "", outside: bool = False) -> Row:
    """The row of a credential to which nothing was written."""
    return Row(
        credential=one.name,
        label=one.label,
        type=one.type,
        state=str(one.state),
        disposition=disposition,
        reason=reason,
        outside=outside,
    )


def sort(
    found: Sequence[Credential],
    *,
    book: Sweep,
    known: Known,
    actions: Mapping[str, AnyAction],
    guard: Guard,
    begun: Mapping[str, Sequence[Write]],
    wrote: Mapping[str, Sequence[Wrote]],
    named: Named | None = None,
    now: datetime | None = None,
) -> tuple[list[Row], list[Lot], Counter[str]]:
    """The credentials that are to be treated, a row for each of the others that the sweep must account for or remember, and how many are
    left out for what nobody knows of them.

    What nobody has seen before a later round came meanwhile: the scope takes it however new it is, and asks all else of it. ``begun`` and
    ``wrote`` are what is on record of this batch, by credential. What is ``named`` in a notice is remembered wherever it stands.
    """
    rows, lots, unknown, now = list[Row](), list[Lot](), Counter[str](), now or datetime.now(UTC)
    scope, excepted = book.scope.read(), {one.credential: one for one in book.exceptions}
    for one in found:
        if one.id in known.made:
            continue
        before = known.rows.get(one.name)
        new = known.later and (before is None or one.name in known.came)
        outside = (before is None or before.outside) and not scope.holds(one, now=now, however_new=new)
        meant = named is not None and bool(named.meant(one.type, one.name))
        doubt = scope.doubt(one, now=now, however_new=new) if outside else None
        exception = excepted.get(one.name)
        if outside and not (exception is not None and (meant or doubt)):
            if doubt is not None and not meant:
                unknown[doubt] += 1
            if meant or scope.fits(one, now=now):
                rows.append(row_of(one, outside=True))
        elif exception is not None:
            if exception.in_force(now):
                rows.append(row_of(one, disposition=Disposition.EXCEPTED, reason=exception.says))
            else:
                why = f"its exception has expired ({exception.says}); renew it, or take it out of the playbook"
                rows.append(row_of(one, disposition=Disposition.FAILED, reason=why))
        elif isinstance(lot := _lot(one, book.treat[one.type], actions, guard), Lot):
            lot.writes = {write.effect: write for write in begun.get(one.name, ())}
            lot.receipts = {each.effect: each.receipt for each in wrote.get(one.name, ()) if each.receipt is not None}
            moments = [write.at for write in lot.writes.values()] + ([before.begun] if before is not None and before.begun else [])
            if moments:
                lot.target = lot.target.bound(min(moments))
            lot.failed = before.failed if before is not None else ""
            lots.append(lot)
        else:
            rows.append(row_of(one, disposition=Disposition.FAILED, reason=lot))
    return rows, lots, unknown


def _lot(one: Credential, name: str, actions: Mapping[str, AnyAction], guard: Guard) -> Lot | str:
    """The credential as it is treated; or why it is not, in words."""
    if (action := actions.get(name)) is None:
        return f"{name} has no client here; set that vendor up"
    try:
        target: Target = cast("Treatment[Any, Any]", action).target_of(one)
    except BadInput as error:
        return error.what
    return guard.refusal(target) or Lot(credential=one, action=action, target=target)
