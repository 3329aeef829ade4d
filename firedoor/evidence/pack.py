"""Puts an evidence pack together: one run's events as they are stored, what people signed, and a verifier that needs nothing of ours."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from firedoor import heads, ordering, report, signing, sweepreport, sweepwords, words
from firedoor.approval import Decision, Request, Roster, document
from firedoor.canonical import canonical, plain
from firedoor.chain import Row
from firedoor.evidence.readme import readme
from firedoor.journal import Event, Kind, read_row
from firedoor.look import Closing
from firedoor.mandate import Mandate
from firedoor.run import Record, Resumption, Started, Via, read_as, take
from firedoor.sweep import Progress

HERE: Final = Path(__file__).resolve().parent
PARTS: Final = ("hashing", "signatures", "papers", "force", "batches")  # of the verifier, besides its main one
IMPORT: Final = re.compile(r"^from firedoor\.evidence\.\w+ import .+\n", re.MULTILINE)
MARK: Final = "Files = Mapping[str, bytes]\n"  # where the verifier's own begins
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # a zip's first day: two packs of the same record have the same bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Something that was signed: by whom, the words, and the proof. ``name`` is that of its files."""

    name: str
    by: str
    text: str
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All that a pack is made of. ``roster`` is today's, ``head`` and ``height`` are the journal's; ``related`` maps runs to words.

    ``batches`` are the events of a sweep's batches, stream by stream.
    """

    run: str
    rows: Sequence[Row]
    roster: Roster
    head: str
    height: int
    related: Mapping[str, str]
    batches: Sequence[Row] = ()


def files(whole: Whole) -> Mapping[str, bytes]:
    """The pack's files by name, in the order in which they are packed. Raises `JournalBroken` where the run cannot be read."""
    events = [read_row(row) for row in whole.rows]
    record: Record | None = None
    signed: list[Signed] = []
    for event in events:
        record = take(record, event)
        signed += _signed(event, record)
    assert record is not None, "a pack is of a run that there is"
    told = record.report or _so_far(record, events)
    keys = _keys(signed, record, whole.roster)
    about = {
        "run": whole.run,
        **{name: told[name] for name in ("incident", "playbook", "mode", "requester", "outcome")},
        "related": dict(whole.related),
    }
    found = {
        "first": whole.rows[0]["hash"],
        "last": whole.rows[-1]["hash"],
        "events": len(whole.rows),
        "journal_head": whole.head,
        "journal_events": whole.height,
        "told": list(_told(events, record)),
    }
    made = {
        "README.txt": readme(about, found, signed, sweep=record.order.sweep),
        "pack.json": _pretty(about),
        "report.md": sweepwords.shown(told) if record.order.sweep else words.report_markdown(told),
        "report.json": _pretty(told),
        "heads.json": _pretty(found),
        "people.json": _pretty(keys),
        "allowed_signers": "".join(f'{one.name} namespaces="firedoor" {key}\n' for one in signed for key in keys.get(one.by, ())),
        "events.jsonl": "".join(f"{canonical(row)}\n" for row in whole.rows),
        **({"batches.jsonl": "".join(f"{canonical(row)}\n" for row in whole.batches)} if record.order.sweep else {}),
        **{name: text for one in signed for name, text in _papers(one)},
        "verify.py": verifier(),
    }
    return {name: text.encode() for name, text in made.items()}


def _so_far(record: Record, events: Sequence[Event]) -> Mapping[str, Any]:
    if not record.order.sweep:
        return report.compose(record, head=record.head)
    progress = Progress()
    progress.take(events)
    return sweepreport.so_far(record, progress, head=record.head)


def zipped(made: Mapping[str, bytes]) -> bytes:
    """The files as one zip; equal files make equal bytes."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as pack:
        for name, content in made.items():
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            pack.writestr(entry, content)
    return kept.getvalue()


def verifier() -> str:
    """The verifier as one file: its parts stand in the place where it imports them here."""
    parts = [_code(name).partition("from __future__ import annotations\n")[2].strip() for name in PARTS]
    before, after = _code("verify").split(MARK, 1)
    return before + "\n\n\n".join(parts) + f"\n\n\n{MARK}{after}"


def _code(name: str) -> str:
    """One part's source, without what it imports of the others."""
    return IMPORT.sub("", (HERE / f"{name}.py").read_text(encoding="utf-8"))


def _signed(event: Event, record: Record) -> Iterator[Signed]:
    """What an event puts on record of signatures."""
    request, order = record.request, record.order
    if event.kind == Kind.OPENED and order.via is Via.TERMINAL:
        yield Signed(name=f"{event.n}-order", by=order.requester, text=ordering.document(order), proof=order.proof)
    if event.kind == Kind.RESUMED and (who := read_as(Resumption, event.body, event)).via is Via.TERMINAL:
        yield Signed(name=f"{event.n}-resume", by=who.by, text=ordering.resumption_document(order, who), proof=who.proof)
    if event.kind == Kind.REQUESTED and request is not None and request.standing is not None:
        for number, (by, proof) in enumerate(sorted(request.standing.signed.items()), start=1):
            yield Signed(name=f"{event.n}-standing-{number}", by=by, text=request.standing.document, proof=proof)
    if event.kind == Kind.SWEEP and event.body.get("mandate") is not None:
        mandate = read_as(Mandate, event.body["mandate"], event)
        for number, (by, proof) in enumerate(sorted(mandate.signed.items()), start=1):
            yield Signed(name=f"{event.n}-mandate-{number}", by=by, text=mandate.document, proof=proof)
    if event.kind == Kind.CONCLUDED:
        closing = read_as(Closing, event.body, event)
        yield Signed(name=f"{event.n}-close", by=closing.by, text=closing.document, proof=closing.proof)
    if event.kind in {Kind.DECIDED, Kind.STOP}:
        decision = read_as(Decision, event.body, event)
        if decision.proof.startswith(signing.PROOF):
            name = f"{event.n}-{decision.answer}"
            yield Signed(name=name, by=decision.by, text=document(decision, event.run, request), proof=decision.proof)


def _papers(one: Signed) -> Iterator[tuple[str, str]]:
    text = one.proof.removeprefix(signing.PROOF)
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    yield f"signed/{one.name}.txt", one.text
    yield f"signed/{one.name}.sig", "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def _keys(signed: Sequence[Signed], record: Record, roster: Roster) -> Mapping[str, Sequence[str]]:
    """The public keys of those who signed. Of a roster that has changed since, only those still on it that were signed with."""
    asked: Request | None = record.request
    same = asked is not None and asked.roster == roster.hash
    found: dict[str, list[str]] = {}
    for one in signed:
        person = roster.by_name(one.by)
        mine = person.keys if person is not None else ()
        here = [key for key in mine if same or key == signing.key_of(one.proof)]
        if here:
            found[one.by] = list(dict.fromkeys((*found.get(one.by, ()), *here)))
    return found


def _told(events: Sequence[Event], record: Record) -> Iterator[Mapping[str, Any]]:
    """Where this run's heads were told outside, as far as the run's own record says so."""
    posts = {str(event.body["slack"]): str(event.body["ts"]) for event in events if event.kind == Kind.NOTED and "ts" in event.body}
    numbers = {event.hash: event.n for event in events}
    tickets = {done.effect: str(done.receipt.facts.get("ticket") or "") for done in record.receipts}
    for event in events:
        if event.kind == Kind.REQUESTED and "request" in posts:
            yield {"where": f"in Slack, in the request (message {posts['request']})", "head": event.hash, "n": event.n}
        elif event.kind == Kind.FINISHED:
            yield {"where": "in the report, as it was printed", "head": event.hash, "n": event.n}
            if "report" in posts:
                yield {"where": f"in Slack, in the report (message {posts['report']})", "head": event.hash, "n": event.n}
        elif event.kind == Kind.INTENT:
            started = read_as(Started, event.body, event)
            ticket = tickets.get(started.effect, "")
            for head in heads.in_data(plain(started.change.after)):
                if head in numbers:
                    where = f"in the ticket {ticket}" if ticket else f"when it was done: {started.says}"
                    yield {"where": where, "head": head, "n": numbers[head]}


def _pretty(data: object) -> str:
    return json.dumps(json.loads(canonical(data)), ensure_ascii=True, indent=2) + "\n"
