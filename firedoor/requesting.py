"""What is asked of people for a plan: how many, until when, and whether chat may carry their answer. Pure."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from firedoor import planning
from firedoor.approval import Request, Roster, Way, eligible
from firedoor.errors import BadInput
from firedoor.model import Reversal, Tier
from firedoor.planning import Planned
from firedoor.playbook import Approval
from firedoor.run import Item, Order

LAPSES_AFTER: Final = timedelta(hours=4)
MOST_ALONE: Final = 5
TAKEN_BACK: Final = (Reversal.EXACT, Reversal.OWNER)


def request(order: Order, planned: Planned, *, approval: Approval, roster: Roster, now: datetime) -> Request | None:
    """The request for a plan; None where it needs nobody's approval. Raises `BadInput` where nobody could give it."""
    if planned.tier is Tier.AUTO:
        return None
    asked_for = [(item.id, item.action, item.plan) for item in planned.items if item.plan is not None and not item.telling]
    barred = tuple(person.name for person in roster.among(planned.names))
    made = Request(
        run=order.run,
        mode=order.mode,
        playbook=order.playbook,
        fingerprint=planned.fingerprint,
        effects={name: tuple(change.effect(action) for change in plan.changes) for name, action, plan in asked_for},
        covers={name: plan.covers for name, _, plan in asked_for if plan.covers},
        required=_required(order, planned),
        requester=order.requester,
        roster=roster.hash,
        barred=barred,
        requested=now,
        expires=now + timedelta(minutes=approval.expires_minutes),
        lapses=now + timedelta(minutes=approval.expires_minutes) + LAPSES_AFTER,
        nonce=secrets.token_hex(16),
        lines=planning.lines(planned.items),
        out_of_band=out_of_band(order, planned, barred=barred),
        way=order.way,
        standing=order.standing,
    )
    _check_way(order, planned, roster, now)
    if (able := len(eligible(made, roster))) < made.required:
        raise _nobody(made, able)
    return made


def alone(order: Order, planned: Planned) -> Planned:
    """The plan as one person may carry it out by themselves: without what cannot be taken back."""
    items = tuple(_left_out(item) if item.reversal not in TAKEN_BACK and not item.telling else item for item in planned.items)
    return replace(planned, items=items, fingerprint=planning.fingerprint(items, mode=order.mode, playbook=order.playbook))


def _left_out(item: Item) -> Item:
    refused = item.refused or f"{item.action} cannot be taken back, so nobody does it on {item.label} alone"
    return replace(item, plan=None, residual=(), refused=refused)


def out_of_band(order: Order, planned: Planned, *, barred: tuple[str, ...]) -> str:
    """Why decisions must be signed; empty where chat may carry them."""
    whys = list(planned.powers)
    if order.requester in barred:
        whys.append(f"{order.requester}, who asks, is in the plan")
    if others := [name for name in barred if name != order.requester]:
        whys.append(f"{', '.join(others)} of the roster {'is' if len(others) == 1 else 'are'} in the plan")
    if order.protected:
        whys.append("what is protected is not spared")
    if order.way is not Way.ORDINARY:
        whys.append(f"a {order.way} is signed by whoever begins it")
    return "; ".join(whys)


def _required(order: Order, planned: Planned) -> Tier:
    if order.way is not Way.ORDINARY:
        return Tier.ONE
    return Tier.TWO if order.protected else planned.tier


def _check_way(order: Order, planned: Planned, roster: Roster, now: datetime) -> None:
    """Raise `BadInput` where a freeze, or one person alone, would do more than they may."""
    acting = [item for item in planned.items if item.plan is not None and item.plan.wants_approval and not item.telling]
    targets = {item.label for item in acting}
    if order.way is not Way.ORDINARY and order.protected:
        raise BadInput("what is protected takes two people, and nobody acts on it alone", advice="Leave it out, or use `firedoor contain`")
    if order.way is Way.BREAK_GLASS and planned.tier is Tier.TWO:
        raise BadInput("something in this plan needs two people whatever happens", advice="Leave it out, or use `firedoor contain`")
    if order.way is Way.BREAK_GLASS and len(targets) > MOST_ALONE:
        raise BadInput(f"one person alone may act on {MOST_ALONE} targets, and this plan has {len(targets)}", advice="Name fewer of them")
    if order.way is not Way.FREEZE:
        return
    keys = {person.name: person.keys for person in roster.people if person.may_approve}
    if order.standing is None or (lacks := order.standing.lacks(keys, roster.hash, now)):
        why = lacks if order.standing is not None else "there is none"
        raise BadInput(
            f"no standing approval is in force: {why}", advice="Two approvers sign one by daylight: firedoor standing sign --key FILE"
        )
    if beyond := sorted({item.action for item in acting} - set(order.standing.actions)):
        raise BadInput(f"the standing approval does not cover {', '.join(beyond)}", advice="Use `firedoor contain`")
    if len(targets) > order.standing.most:
        raise BadInput(
            f"the standing approval covers {order.standing.most} targets at once, not {len(targets)}", advice="Name fewer of them"
        )


def _nobody(made: Request, able: int) -> BadInput:
    if not made.out_of_band:
        return BadInput(
            f"this plan needs {made.required} approval(s), and {able} on the roster may give one: "
            "not the requester, and nobody who is in the plan",
            advice="Let somebody else request it, or add approvers to firedoor.toml",
        )
    kind = "a hardware-backed SSH key (sk-...)" if made.hardware else "an SSH key"
    return BadInput(
        f"chat cannot be trusted with this plan ({made.out_of_band}), so it needs {made.required} signature(s), and {able} of those who "
        f"may decide have {kind} on the roster",
        advice='Add their public keys to firedoor.toml: keys = ["..."] under [[people]]',
    )
