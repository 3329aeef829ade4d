"""The documents that people sign, written anew from a pack's events: the part of an evidence pack's verifier that knows their words."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.evidence.hashing import Row, digest


def paper(lines: Sequence[str]) -> str:
    """Lines of a document; what cannot be seen shows as its code point."""
    return "\n".join("".join(one if one.isprintable() else f"[U+{ord(one):04X}]" for one in line) for line in lines) + "\n"


def decision_text(run: str, said: Row, asked: Row | None) -> str:
    """What a person signs to approve, deny or stop a run."""
    lines = ["Firedoor decision, version 1", f"decision: {said['answer']}", f"run: {run}"]
    if asked is not None:
        lines += [
            f"mode: {asked['mode']}",
            f"playbook: {asked['playbook']}",
            f"requested by: {asked['requester']}",
            f"approvals needed: {asked['required']}",
            f"way: {asked['way']}",
            f"signed outside chat because: {asked['out_of_band'] or 'the signer chose to'}",
            "changes:",
            *(f"- {line}" for line in asked["lines"]),
            f"expires: {asked['expires']}",
            f"roster: {asked['roster']}",
            f"nonce: {asked['nonce']}",
            f"fingerprint: {asked['fingerprint']}",
        ]
    return paper([*lines, *(f"{name}: {said[name]}" for name in ("request", "by", "via", "at", "reason"))])


def standing_text(given: Row) -> str:
    """What is signed as a standing approval."""
    return "\n".join(
        [
            "Firedoor standing approval, version 1",
            f"one person may, with their own signature, do this to at most {given['most']} targets at once: {', '.join(given['actions'])}",
            "never to anybody or anything that is protected; everybody on the roster is told each time it is used",
            *(f"{name}: {given[name]}" for name in ("made", "expires", "roster", "nonce")),
            "",
        ]
    )


def mandate_text(given: Row) -> str:
    """What is signed as a sweep's mandate."""
    return "\n".join(
        [
            "Firedoor sweep mandate, version 1",
            f"the sweep {given['sweep']} may run by schedule, with nobody asked, and in each run change:",
            *(f"- {line}" for line in given["lines"]),
            "never what is protected; everything it changes is in its report",
            f"playbook: {given['playbook']}",
            f"signatures needed: {given['required']}",
            *(f"{name}: {given[name]}" for name in ("made", "expires", "roster", "nonce")),
            "",
        ]
    )


def order_text(given: Row) -> str:
    """What a person signs at a terminal to have a run begun."""
    kind = "undo" if given["undoes"] else "sweep" if given["sweep"] else "freeze" if given["way"] == "freeze" else "contain"
    lines = [
        "Firedoor order, version 1",
        f"order: {kind}",
        *(f"{name}: {given[name]}" for name in ("run", "incident", "mode", "playbook", "title")),
        "inputs:",
        *(f"- {name}: {value}" for name, values in sorted(given["inputs"].items()) for value in values),
        f"undoes: {given['undoes']}",
        f"follows: {given['follows']}",
        f"what is protected: {'not spared' if given['protected'] else 'spared'}",
        f"way: {given['way']}",
        f"standing approval: {digest(given['standing']) if given['standing'] is not None else ''}",
        f"by: {given['requester']}",
        f"via: {given['via']}",
        f"at: {given['asked']}",
        *(f"{name}: {given[name]}" for name in ("expires", "roster", "nonce") if given.get(name) is not None),
    ]
    return paper(lines)


def resumption_text(order: Row, given: Row) -> str:
    """What a person signs at a terminal to go on with a run."""
    lines = [
        "Firedoor order, version 1",
        "order: resume",
        *(f"{name}: {order[name]}" for name in ("run", "mode", "playbook")),
        f"ordered by: {order['requester']}",
        *(f"{name}: {given[name]}" for name in ("by", "via", "at", "expires", "roster", "nonce") if given.get(name) is not None),
    ]
    return paper(lines)


def closing_text(given: Row) -> str:
    """What is signed to close an incident."""
    return paper(
        [
            "Firedoor closing of an incident, version 1",
            *(f"{name}: {given[name]}" for name in ("run", "incident", "playbook")),
            "from now on nobody looks whether what this run contained still stands",
            f"open, or not read, and left so: {len(given['left'])}",
            *(f"- {line}" for line in given["left"]),
            *(f"{name}: {given[name]}" for name in ("look", "by", "at", "reason")),
        ]
    )
