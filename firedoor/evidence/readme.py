"""What an evidence pack says of itself, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

BATCHES: Final = ("- batches.jsonl: the same of each batch of the sweep: what was written, what became of it, how each credential stood.",)
EXERCISE: Final = ("It was an exercise: people were really asked, and nothing was written, so there are no receipts.",)


class Paper(Protocol):
    """Something that was signed."""

    @property
    def name(self) -> str:
        """That of its files."""

    @property
    def by(self) -> str:
        """Who did."""


def readme(about: Mapping[str, Any], found: Mapping[str, Any], signed: Sequence[Paper], *, sweep: bool = False) -> str:
    """The README of a pack."""
    example = signed[0].name if signed else "4-approve"
    related = [f"- run {run}: {word}" for run, word in about["related"].items()]
    told = [f"- {one['where']}: {one['head']}" for one in found["told"]]
    lines = [
        f"Evidence of run {about['run']}, incident {about['incident']}",
        "",
        f"Firedoor ran the playbook {about['playbook']} ({about['mode']}), asked for by {about['requester']}.",
        f"It ended: {about['outcome']}.",
        *(EXERCISE if about["mode"] == "exercise" else []),
        "",
        "To check it, with Python 3.11 or later and nothing else:",
        "",
        "    python -I verify.py",
        "",
        "Do not take the verifier's word for it either: compare verify.py with the one in a pack that you trust, or read it.",
        "",
        "What is in here",
        "",
        "- events.jsonl: each event of the run, a line each, as it stands in Firedoor's journal. Its hash covers every other",
        "  column; each names the hash of the run's event before it (run_prev) and of the journal's (prev).",
        *(BATCHES if sweep else []),
        "- report.json, report.md: how the run ended. The first is checked against the events; the second is for reading.",
        "- signed/: what people signed, and their signatures. people.json and allowed_signers hold their public keys: compare",
        "  them with your own list. OpenSSH checks them too, each by its name:",
        f"      ssh-keygen -Y verify -f allowed_signers -I {example} -n firedoor -s signed/{example}.sig < signed/{example}.txt",
        "- heads.json: the run's first and last hash, the journal's newest when this was put together, and where this run's",
        "  heads were told outside.",
        "- pack.json: what this is a pack of.",
        "",
        "What a hash alone does not show",
        "",
        "Whoever rewrote the whole record could have hashed it again. Two things they could not do: sign for somebody, and",
        "change what was told outside. So compare at least one head with the place where it was told:",
        "",
        "    python -I verify.py --head sha256:...",
        "",
        *(told or ["- this run's record names no place where one was told"]),
        "",
        "Decisions that were given in chat, and the marks on requests and rulings, are proven with a key that only the process",
        "has which serves Firedoor. Whoever may have that file checks them too: python -I verify.py --key approval.key. The key",
        "is not in this pack.",
        "",
        "Links to events of other runs lead out of this pack; `firedoor audit verify` checks those, at the journal itself.",
        "",
        *(["Runs that belong to this one, each with a pack of its own:", "", *related, ""] if related else []),
    ]
    return "\n".join(lines)
