"""What is said of a journal that was copied, put back or looked at. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.keeping import Kept
from firedoor.migrations import KNOWN
from firedoor.walking import Walked


def copied(kept: Kept) -> Sequence[str]:
    """After a backup."""
    return (
        *_faults(kept.journal),
        f"Written: {kept.where}. {_much(kept.journal)}",
        f"Its head: {kept.journal.head}",
        *_open(kept.journal, "Open in it"),
        "Not in it: the approval key and fingerprint key in the state folder, and firedoor.toml. Keep them elsewhere than the copy.",
    )


def put_back(kept: Kept) -> Sequence[str]:
    """After a restore."""
    asked = [f"Asked for under another approval key, so that it must be asked for again: {', '.join(kept.unsealed)}"]
    return (
        f"Put back: {kept.where}. {_much(kept.journal)}",
        f"Its head: {kept.journal.head}",
        *_open(kept.journal, "Open in it, and left to people: see what was done since, then go on by `firedoor resume`"),
        *(asked if kept.unsealed else []),
        "What was done after the copy was made is not in it. `firedoor audit verify --from-slack` names the heads that were told since.",
    )


def standing(kept: Kept) -> Sequence[str]:
    """At a look."""
    found = kept.journal
    if not found.events:
        return (f"The journal is {kept.where}; nothing is on record in it.",)
    late = "" if found.revision == KNOWN[-1] else f"; this Firedoor brings them to {KNOWN[-1]} when it opens it"
    return (
        *_faults(found),
        f"The journal is {kept.where}. {_much(found)}",
        f"Its head: {found.head}",
        f"Its tables are of revision {found.revision or 'none'}{late}.",
        *_open(found, "Open"),
    )


def _much(found: Walked) -> str:
    return f"{found.events} events of {found.runs} runs" + (f", the last of {found.newest}." if found.newest else ".")


def _open(found: Walked, what: str) -> Sequence[str]:
    return [f"{what}: {', '.join(found.open)}"] if found.open else []


def _faults(found: Walked) -> Sequence[str]:
    return [f"ITS CHAIN DOES NOT HOLD: {found.faults[0]}. {len(found.faults)} in all; see `firedoor audit verify`."] if found.faults else []
