"""Checks evidence packs of Firedoor. Needs Python 3.11 or later and nothing else: neither Firedoor nor any package.

    python -I verify.py [PACK ...] [--head HASH ...] [--key approval.key]

A PACK is a folder or a .zip; without one, it is the folder that this file lies in. ``--head`` is a journal head that was told outside, in a
Slack thread, a ticket or a report. ``--key`` is the serving process's key: without it, decisions given in chat cannot be checked. Exit
code 0: all that could be checked holds. 1: something does not. 2: this is no pack.
"""

from __future__ import annotations

import argparse
import hmac
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from firedoor.evidence.batches import Batches
from firedoor.evidence.force import SIGNERS, Stops, lapsed, may, stands
from firedoor.evidence.hashing import Row, asks, canonical, digest, effect, fingerprint, kept, last_asked, led_out, links
from firedoor.evidence.papers import closing_text, decision_text, mandate_text, order_text, resumption_text, standing_text
from firedoor.evidence.signatures import HOSTILE, holds, key_of

Files = Mapping[str, bytes]

LONGEST = 1_000_000_000


class Pack:
    """One pack under examination: ``faults`` is what does not hold, ``notes`` what cannot be checked here."""

    def __init__(self, files: Files, key: bytes | None) -> None:
        self.files, self.key = files, key
        self.faults: list[str] = []
        self.notes: list[str] = []
        self.checked: list[str] = []
        self.rows: list[Row] = [json.loads(line) for line in files["events.jsonl"].decode("utf-8").split("\n") if line]
        self.people: dict[str, list[str]] = json.loads(files["people.json"])
        self.run = str(json.loads(files["pack.json"])["run"])
        self.order: Row = {}
        self.request: Row | None = None
        self.resumed: Row = {}
        self.stops = Stops()
        self.renewal: Row | None = None
        self.roster = last_asked(self.rows)
        self.asked = ""
        self.items: dict[str, Row] = {}
        self.approved: set[str] = set()
        self.named: set[str] = set()
        self.denied = self.ruled = ""
        self.exercise = self.founded = False
        self.signed = self.vouched = self.telling = 0
        self.begun: dict[str, dict[str, str]] = {}
        batches = files.get("batches.jsonl", b"").decode("utf-8").split("\n")
        self.batches = Batches(self.run, [json.loads(line) for line in batches if line])
        self.texts: set[str] = set()

    def examine(self, heads: Sequence[str]) -> None:
        """All of it."""
        self.chain()
        for row in self.rows:
            try:
                self.event(row, json.loads(row["body"]))
            except HOSTILE as error:
                self.fault(row, f"holds what no such event of Firedoor's holds ({type(error).__name__})")
        if self.batches.book is not None:
            self.swept()
        self.report()
        self.heads(heads)
        for name in sorted(name for name in self.files if name.startswith("signed/") and name not in self.texts):
            self.faults.append(f"{name} belongs to no signature of the run's events")
        if self.vouched and self.key is None:
            self.notes.append(
                f"{self.vouched} mark(s) by the serving process's key: on requests, rulings, and decisions given in chat (add --key)"
            )
        if self.telling:
            self.notes.append(
                f"whether {self.telling} write(s) that nobody was asked about needed an approval: only Firedoor knows its actions"
            )

    def fault(self, row: Row, what: str) -> None:
        """Something of an event does not hold."""
        self.faults.append(f"event {row.get('seq')} (number {row.get('n')} of the run) {what}")

    def chain(self) -> None:
        """Every hash and both links, of the run and of the streams of its batches."""
        for row, what in links(self.rows, self.run):
            self.fault(row, what)
        self.checked.append(f"{len(self.rows)} events: every hash, their order, that none is missing between the first and the last")
        if loose := led_out(self.rows):
            self.notes.append(f"the journal's own link of {loose} event(s), each to an event of another run, which is not in this pack")

    def event(self, row: Row, body: Row) -> None:  # noqa: C901, PLR0912 - one case a kind of event
        """What an event says of the run."""
        match row["kind"]:
            case "run.opened":
                self.opened(row, body)
                self.exercise = body["mode"] == "exercise"
            case "run.resumed":
                self.goes_on(row, body)
            case "run.planned":
                self.planned(row, {item["id"]: item for item in body["items"]})
            case "approval.requested":
                self.requested(row, body)
            case "approval.decided" | "run.stop":
                self.decided(row, body)
            case "approval.closed":
                self.ruled = str(body["ruling"])
                self.marked(row, str(body["mark"]), {"namespace": "firedoor/request/1", "request": self.asked, "ruling": self.ruled})
            case "step.intent" | "step.receipt" if self.exercise:
                self.fault(row, "is of a write, in an exercise, which makes none")
            case "step.withheld" if not self.exercise or body["item"] not in self.items:
                self.fault(row, "withholds a write that is not in the plan of an exercise")
            case "step.intent":
                self.began(row, body)
            case "step.receipt":
                if body["effect"] not in self.begun.get(body["item"], {}):
                    self.fault(row, "is a receipt for a write that was never begun")
            case "sweep.begun":
                self.sweeps(row, body)
            case "sweep.listed" | "sweep.settled":
                self.batches.take(row, body)
            case "incident.closed":
                if body["run"] != self.run:
                    self.fault(row, "closes another run")
                self.signature(row, "close", str(body["by"]), closing_text(body), str(body["proof"]), hardware=False)
            case "step.ended" if body["item"] not in self.items:
                self.fault(row, "ends a step that is not in the plan")

    def opened(self, row: Row, body: Row) -> None:
        """The order: of this run and, where it was given at a terminal, signed."""
        self.order, via = body, body.get("via", "")
        if row["n"] != 1 or body["run"] != self.run:
            self.fault(row, "is not the order of this run")
        if via == "terminal":
            self.signature(
                row, "order", str(body["requester"]), order_text(body), str(body["proof"]), hardware=False, roster=str(body["roster"])
            )
        elif via == "firedoor":
            self.notes.append(f"who gave the order: it follows from run {body['follows']}, and is in that one's pack")
        else:
            self.notes.append(f"who gave the order: it was not signed, but {f'came by {via}' if via else 'is of before orders said'}")

    def goes_on(self, row: Row, body: Row) -> None:
        """A resumption: signed where it was given at a terminal, and where somebody had stopped the run."""
        self.resumed, by = body, str(body.get("by", ""))
        if body.get("via") == "terminal":
            text, roster = resumption_text(self.order, body), str(body["roster"])
            self.signature(row, "resume", by, text, str(body["proof"]), hardware=False, roster=roster)
        for what in self.stops.ended(row, body, self.request, drill=self.order["mode"] == "drill"):
            self.fault(row, what)

    def planned(self, row: Row, items: dict[str, Row]) -> None:
        """The plan; or what is left of it, for the people of another roster, on the word of one of them."""
        if self.items:
            by, rests = self.resumed, self.request or self.renewal or self.order
            unasked = self.request is None and self.renewal is not None
            if (
                by.get("via") != "terminal"
                or self.denied
                or self.ruled not in ("", "granted")
                or (by["roster"] == rests.get("roster") and not unasked)
            ):
                self.fault(row, "plans the run a second time, and nobody on another roster has ordered that")
            if [kept(item) for item in items.values()] != [kept(item) for item in self.items.values()]:
                self.fault(row, "plans the run a second time, and for something else than at first")
            self.renewal, self.request = by, None
        self.items = items

    def requested(self, row: Row, body: Row) -> None:
        """A request: it asks for what the plan says, in the name of whoever ordered that."""
        mark = str(body.pop("mark"))
        by = (self.renewal["by"], "ordinary") if self.renewal is not None else (self.order["requester"], self.order.get("way", "ordinary"))
        if self.request is not None or (body["requester"], body["way"]) != by:
            self.fault(row, "asks a second time, or in another name or way than the run was ordered")
        if self.renewal is not None and self.renewal["roster"] != body["roster"]:
            self.fault(row, "asks another roster than the one on whose word the run goes on")
        self.request, self.asked, self.approved, self.denied, self.ruled = body, digest(body), set(), "", ""
        self.named |= {*body["effects"], *body["covers"]}
        self.marked(row, mark, {"namespace": "firedoor/request/1", "request": self.asked, "ruling": ""})
        plans = {name: item for name, item in self.items.items() if item["plan"] is not None and not item["telling"]}
        changes = [change["says"] for item in plans.values() for change in item["plan"]["changes"]]
        covers = [f"{cover['says']} (at most {cover['at_most']})" for item in plans.values() for cover in item["plan"]["covers"]]
        whole = {"mode": body["mode"], "playbook": body["playbook"], "items": {name: fingerprint(item) for name, item in plans.items()}}
        if body["run"] != self.run or body["fingerprint"] != digest(whole) or body["lines"] != changes + covers:
            self.fault(row, "asks for something else than the plan says")
        given, valid = body["standing"], set[str]()
        for number, (name, proof) in enumerate(sorted(given["signed"].items() if given is not None else ()), start=1):
            what, text = f"standing-{number}", standing_text(given)
            if self.signature(row, what, name, text, proof, hardware=False, roster=given["roster"]):
                valid.add(key_of(proof))
        self.founded = body["way"] != "freeze" or (stands(body, self.order) and len(valid) >= SIGNERS)

    def marked(self, row: Row, mark: str, named: Row) -> None:
        """A mark by the serving process's key, where that is at hand."""
        self.vouched += 1
        if self.key is not None and not hmac.compare_digest(
            mark.encode(), ("mac:" + hmac.new(self.key, canonical(named).encode(), "sha256").hexdigest()).encode()
        ):
            self.fault(row, "does not have the serving process's mark")

    def decided(self, row: Row, body: Row) -> None:
        """A decision: on this request, by somebody who might, with a proof."""
        asked, who, answer = self.request, str(body["by"]), str(body["answer"])
        if (row["kind"] == "run.stop") != (answer == "stop"):
            return self.fault(row, f"holds {who}'s decision to {answer}, and is no event of that")
        if body["request"] != (self.asked if asked is not None else digest({"run": self.run})):
            return self.fault(row, f"is {who}'s decision on something else")
        if asked is not None and not may(asked, who, answer, str(body["at"])):
            return self.fault(row, f"is {who}'s, who might not decide this, or not then")
        proof = str(body["proof"])
        if proof.startswith("ssh:"):
            hardware = bool(asked and asked["out_of_band"] and asked["required"] == 2 and answer == "approve")
            if not self.signature(
                row, answer, who, decision_text(self.run, body, asked), proof, hardware=hardware, roster=asked["roster"] if asked else ""
            ):
                return None
        elif asked is not None and asked["out_of_band"]:
            return self.fault(row, f"is {who}'s decision without a signature, where only signatures count")
        else:
            named = {name: body[name] for name in ("request", "answer", "by", "via", "at", "reason")}
            self.marked(row, proof, {"namespace": "firedoor/decision/1", **named})
        if answer == "stop":
            self.stops.since.append((row, body))
        if answer == "approve":
            self.approved.add(who)
        self.denied = self.denied or (who if answer == "deny" else "")
        return None

    def signature(self, row: Row, what: str, who: str, text: str, proof: str, *, hardware: bool, roster: str = "") -> bool:
        """Whether a signature holds, and is the one in the folder of what was signed. ``roster`` is the one that it names, if any."""
        name = f"signed/{row['n']}-{what}"
        blob = "".join(line for line in self.files.get(f"{name}.sig", b"").decode("utf-8").splitlines() if not line.startswith("-----"))
        self.texts |= {f"{name}.txt", f"{name}.sig"}
        if self.files.get(f"{name}.txt") != text.encode() or f"ssh:{blob}" != proof:
            self.fault(row, f"and {name} are not about the same")
        keys, own = self.people.get(who, []), key_of(proof)
        earlier = who not in self.people or (roster not in {"", self.roster} and own not in keys)
        if not holds(text, proof, (own,) if earlier else tuple(keys), hardware):
            self.fault(row, f"is said to be signed by {who}, and the signature does not hold")
            return False
        if earlier:
            self.notes.append(
                f"{who}'s signature of event {row['seq']}: no public key of theirs is in this pack for it (the roster has changed)"
            )
        self.signed += not earlier
        return True

    def began(self, row: Row, body: Row) -> None:
        """A write: it is one that was approved."""
        item, asked = self.items.get(body["item"]), self.request
        begun = self.begun.setdefault(body["item"], {})
        used = len({effect for effect, cover in begun.items() if cover and cover == body["cover"]} - {body["effect"]})
        begun.setdefault(body["effect"], body["cover"])
        if item is None or effect(body["change"], item["action"]) != body["effect"]:
            return self.fault(row, "begins a write that is not the one it names")
        if asked is None and (item["id"] in self.named or (self.renewal is not None and asks(item))):
            return self.fault(row, f"begins {body['says']!r} without a valid approval: nobody was asked")
        if asked is None or item["telling"]:
            self.telling += 1
            return None
        most = {cover["name"]: cover["at_most"] for cover in asked["covers"].get(item["id"], ())}
        granted = self.ruled in {"", "granted"} and len(self.approved) >= asked["required"]
        if self.denied or not self.founded or not granted:
            return self.fault(row, f"begins {body['says']!r} without a valid approval")
        if body["effect"] not in asked["effects"].get(item["id"], ()) and used >= most.get(body["cover"], 0):
            return self.fault(row, f"begins {body['says']!r}, which is not among what was approved")
        if lapsed(row, asked["lapses"]):
            self.fault(row, f"begins {body['says']!r} after its approval had lapsed")
        return None

    def sweeps(self, row: Row, body: Row) -> None:
        """What is swept: it is what the plan says, and its mandate is signed where it rests on one."""
        book, mandate = body["playbook"], body["mandate"]
        self.batches.book, self.batches.since = book, row["seq"]
        planned = {name: (item["action"], item["target"]["playbook"]) for name, item in self.items.items()}
        if planned != {name: (action, digest(book)) for name, action in book["treat"].items()}:
            self.fault(row, "begins another sweep than the plan says")
        if mandate is None:
            return
        valid = 0
        for number, (name, proof) in enumerate(sorted(mandate["signed"].items()), start=1):
            valid += self.signature(row, f"mandate-{number}", name, mandate_text(mandate), proof, hardware=False)
        began = datetime.fromisoformat(str(row["at"]))
        in_force = datetime.fromisoformat(mandate["made"]) <= began < datetime.fromisoformat(mandate["expires"])
        if (mandate["sweep"], mandate["playbook"]) != (book["sweep"], digest(book)) or not in_force or valid < max(mandate["required"], 1):
            self.fault(row, "begins a sweep on a mandate that is not in force for it")
        self.batches.approved, self.batches.until = True, mandate["expires"]

    def swept(self) -> None:
        """The batches, each in its stream: what they wrote was approved, and is what the sweep says."""
        if (asked := self.request) is not None:
            granted = self.ruled == "granted" and not self.denied and len(self.approved) >= asked["required"]
            self.batches.approved, self.batches.until = granted, asked["lapses"]
            self.batches.since = max(row["seq"] for row in self.rows if row["kind"] == "approval.closed") if granted else 0
        for row, what in self.batches.faults():
            self.fault(row, what)
        rows, writes = len(self.batches.rows), self.batches.writes
        self.checked.append(f"{rows} events of batches: every hash, and that each of {writes} write(s) was approved, and in its place")

    def report(self) -> None:
        """The report is the one that the events hold."""
        told = json.loads(self.files["report.json"])
        ends = [row for row in self.rows if row["kind"] in {"run.finished", "run.resumed"}]
        if not ends or ends[-1]["kind"] != "run.finished":
            if told["outcome"] != "running":
                self.faults.append("report.json tells how the run ended, and the events do not")
            self.notes.append("the report: the run is not over, so no event holds one")
        elif told != {**json.loads(ends[-1]["body"]), "journal_head": ends[-1]["hash"]}:
            self.faults.append("report.json is not what the run's last report says")
        else:
            self.checked.append("report.json: it is what the run's own end says")
        self.notes.append("report.md and README.txt: they are for reading; report.json is what was checked")

    def heads(self, given: Sequence[str]) -> None:
        """The heads that were told outside stand among the events."""
        kept = json.loads(self.files["heads.json"])
        here = {row["hash"]: row["n"] for row in self.rows}
        if (kept["first"], kept["last"], kept["events"]) != (self.rows[0]["hash"], self.rows[-1]["hash"], len(self.rows)):
            self.faults.append("heads.json names another first or last event: the run was cut, or the pack put together anew")
        for told in kept["told"]:
            if here.get(told["head"]) != told["n"]:
                self.faults.append(f"the head {told['head']}, told {told['where']}, is not that of number {told['n']} of the run")
        for head in given:
            if head in here:
                self.checked.append(f"the head {head}: it is that of number {here[head]} of the run, so all up to there is as it was then")
            else:
                self.faults.append(
                    f"the head {head} was told outside, and is no event's of this run: it was rewritten, or is another run's"
                )
        if not given:
            self.notes.append(
                "whether it was all rewritten, signatures apart: compare a head told outside (--head), see heads.json for where"
            )


def opened(path: Path) -> Files:
    """The files of a pack. Raises `ValueError` where it is none, `OSError` where it cannot be read."""
    if path.is_dir():
        return {one.relative_to(path).as_posix(): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}
    with zipfile.ZipFile(path) as pack:
        names = pack.namelist()
        if len(set(names)) != len(names) or sum(one.file_size for one in pack.infolist()) > LONGEST:
            raise ValueError("it has a name twice, or is too large")
        return {name: pack.read(name) for name in names}


def told(path: Path, pack: Pack) -> Iterator[str]:
    """What came of it, in words."""
    yield f"{path}: run {pack.run} {'DOES NOT HOLD' if pack.faults else 'holds'}"
    yield from (f"  fault: {fault}" for fault in pack.faults)
    yield from (f"  checked: {one}" for one in pack.checked)
    if pack.signed:
        yield f"  checked: {pack.signed} signature(s), against the public keys in people.json: compare those with your own list"
    if pack.key is not None:
        yield f"  checked: {pack.vouched} mark(s) by the key that was given"
    yield from (f"  not checked: {note}" for note in pack.notes)


def main() -> int:
    """The command."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(description="Check evidence packs of Firedoor.")
    parser.add_argument("packs", nargs="*", type=Path, metavar="PACK", default=[Path(__file__).resolve().parent])
    parser.add_argument("--head", action="append", default=[], metavar="HASH", help="a journal head that was told outside; repeat it")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the serving process's approval.key")
    given = parser.parse_args()
    code = 0
    for path in given.packs:
        try:
            pack = Pack(opened(path), given.key.read_bytes() if given.key else None)
            pack.examine(given.head)
        except (*HOSTILE, OSError, zipfile.BadZipFile, NotImplementedError) as error:
            sys.stdout.write(f"{path}: cannot be read as a pack ({type(error).__name__}: {error})\n")
            code = 2
            continue
        sys.stdout.writelines(f"{line}\n" for line in told(path, pack))
        code = code or bool(pack.faults)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
