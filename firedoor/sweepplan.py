"""What people approve of a sweep, before anything is listed: for each type, the class of its credentials and how many at most. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from firedoor import planning
from firedoor.catalogue import AnyAction
from firedoor.errors import BadInput
from firedoor.model import Cover, Mode, Plan, Tier
from firedoor.planning import Planned
from firedoor.run import Item
from firedoor.source import Source
from firedoor.sweepbook import Sweep
from firedoor.treatment import Treatment

WAITS = "each credential is looked at when its turn comes"


def plan(book: Sweep, actions: Mapping[str, AnyAction], *, mode: Mode = Mode.LIVE) -> Planned:
    """The plan of a sweep. An action without a client is in it all the same: its credentials will be left over, and say so."""
    items = tuple(_item(book, kind, name, actions.get(name)) for kind, name in sorted(book.treat.items()))
    here = {name: action for name, action in actions.items() if name in book.treat.values()}
    able = tuple(item for item in items if item.action in here)
    if not able:
        raise BadInput("none of the vendors of this sweep can be worked with", advice="Set them up, then start it again")
    tier = planning.tier(able, here, at_least=Tier(max(book.approval.at_least, Tier.ONE)))
    return Planned(items=items, names=(), tier=tier, fingerprint=planning.fingerprint(items, mode=mode, playbook=book.sweep), powers=())


def sources(book: Sweep, known: Mapping[str, Source]) -> Sequence[str]:
    """The sources that list the types of the scope, sorted; a type that nothing here lists by its own name."""
    by_type = {kind: name for name, source in known.items() for kind in source.spec.types}
    return sorted({by_type.get(kind, kind) for kind in book.scope.types})


def stage(book: Sweep, types: Sequence[str]) -> int:
    """When in a round the turn of a source with these types comes: by the playbook's order, those that it does not name last."""
    return min((book.order.index(kind) for kind in types if kind in book.order), default=len(book.order))


def _item(book: Sweep, kind: str, name: str, action: AnyAction | None) -> Item:
    title = action.spec.title if action is not None else name
    excepted = [f"{one.credential} ({one.says})" for one in book.exceptions if one.type == kind]
    but = f", but for {', '.join(excepted)}" if excepted else ""
    says = f"{title}: every {kind} {words(book)}{but}"
    return Item(
        id=kind,
        step="sweep",
        action=name,
        label=f"every {kind} {words(book)}",
        target={"playbook": book.digest},
        plan=Plan(waits=WAITS, covers=(Cover(name=kind, says=says, at_most=book.at_most),)),
        reversal=action.spec.reversal if action is not None else None,
        residual=() if action is None else cast("Treatment[Any, Any]", action).leaves,
    )


def words(book: Sweep) -> str:
    """The scope for people."""
    scope = book.scope
    parts = [
        *([f"in {', '.join(scope.places)}"] if scope.places else []),
        *([f"of {', '.join(scope.holders)}"] if scope.holders else []),
        *([f"owned by {', '.join(scope.owners)}"] if scope.owners else []),
        *([f"given to {', '.join(scope.given_to)}"] if scope.given_to else []),
        *([f"made before {scope.created_before:%Y-%m-%d %H:%M}"] if scope.created_before else []),
        *([f"unused for {scope.unused_for_days} days"] if scope.unused_for_days else []),
    ]
    return ", ".join(parts) or "that there is"
