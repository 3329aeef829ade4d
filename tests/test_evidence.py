"""Evidence packs, and the one file that checks them: run alone, in a process that has nothing of Firedoor."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import auditing
from firedoor.approval import Roster
from firedoor.canonical import canonical, digest, plain
from firedoor.evidence import pack
from firedoor.journal import Kind
from firedoor.look import Closing
from firedoor.run import fold
from tests.edits import ALTERING, MOVING, Dice, Row, rehash, rehash_all
from tests.fakes import KEYS, Lab, lab
from tests.recorded import DOORS, RUNS
from tests.test_watching import looked

pytestmark = pytest.mark.edits

Files = dict[str, bytes]


@pytest.fixture
async def it(recorded_once: Path, tmp_path: Path) -> AsyncIterator[Lab]:
    shutil.copy(recorded_once, tmp_path / "journal.db")
    async with lab(tmp_path, DOORS) as found:
        yield found


async def packed(it: Lab, run: str, *, roster: Roster | None = None) -> Files:
    rows = [row async for row in it.journal.rows(run)]
    chain = await it.journal.audit()
    related = await auditing.related(it.journal, fold(run, await it.events(run)))
    whole = pack.Whole(run=run, rows=rows, roster=roster or it.roster, head=chain.head, height=chain.events, related=related)
    return dict(pack.files(whole))


def spread(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def verified(*words: object) -> subprocess.CompletedProcess[str]:
    """The verifier of the first pack named, run as a stranger would: isolated, elsewhere."""
    verifier = next(path for path in (Path(str(word)) / "verify.py" for word in words) if path.is_file())
    return subprocess.run(
        [sys.executable, "-I", str(verifier), *map(str, words)], capture_output=True, text=True, cwd="/", timeout=100, check=False
    )


def rows_of(files: Mapping[str, bytes]) -> list[Row]:
    return [json.loads(line) for line in files["events.jsonl"].decode().split("\n") if line]


def with_rows(files: Mapping[str, bytes], rows: Sequence[Row]) -> Files:
    return {**files, "events.jsonl": "".join(f"{json.dumps(row, default=repr)}\n" for row in rows).encode()}


async def test_a_closing_is_in_the_pack_and_is_checked_there(it: Lab, tmp_path: Path) -> None:
    await looked(it)
    record = fold("signed", await it.events("signed"))
    assert record.look is not None
    closing = Closing(
        run="signed", incident="i", playbook="fire", by="Ben", at=datetime.now(UTC), reason="over", look=record.look_head, left=("one",)
    )
    proof = KEYS["Ben"].sign(closing.document).proof
    await it.journal.append("signed", Kind.CONCLUDED, replace(closing, proof=proof))
    files = await packed(it, "signed")
    [name] = [name for name in files if name.endswith("-close.txt")]
    assert files[name].decode() == closing.document
    done = verified(spread(files, tmp_path / "pack"))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "4 signature(s)" in done.stdout, done.stdout
    rows = rows_of(files)
    body = json.loads(rows[-1]["body"])
    said = {"reason": "never", "left": [], "by": "Cem", "run": "r1"}
    for field, value in said.items():
        last = {**rows[-1], "body": canonical({**body, field: value})}
        rehash(last)
        told = verified(spread(with_rows(files, [*rows[:-1], last]), tmp_path / field))
        assert told.returncode == 1
        assert f"and {name.removesuffix('.txt')} are not about the same" in told.stdout
        assert ("closes another run" in told.stdout) is (field == "run")


@pytest.mark.parametrize("run", RUNS)
async def test_a_pack_holds_and_says_what_it_could_not_check(it: Lab, run: str, tmp_path: Path) -> None:
    files = await packed(it, run)
    done = verified(spread(files, tmp_path / "pack"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"run {run} holds" in done.stdout
    assert "mark(s) by the serving process's key: on requests, rulings, and decisions given in chat (add --key)" in done.stdout
    signed = sum(name.endswith(".sig") for name in files)
    assert signed == {"signed": 3, "stopped": 1, "frozen": 4}.get(run, 0)
    assert (f"{signed} signature(s)" in done.stdout) is bool(signed)
    events = await it.events(run)
    for n, event in enumerate(events, start=1):
        assert event.n == n
    (tmp_path / "key").write_bytes(b"k" * 32)
    sure = verified(tmp_path / "pack", "--key", tmp_path / "key", *(word for event in events for word in ("--head", event.hash)))
    assert sure.returncode == 0, sure.stdout
    assert "mark(s) by the key that was given" in sure.stdout
    assert sure.stdout.count("the head sha256:") == len(events)
    (tmp_path / "key").write_bytes(b"x" * 32)
    assert "does not have the serving process's mark" in verified(tmp_path / "pack", "--key", tmp_path / "key").stdout


def by_openssh(folder: Path, name: str) -> int:
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", name, "-n", "firedoor", "-s", f"signed/{name}.sig"]
    text = (folder / f"signed/{name}.txt").read_bytes()
    return subprocess.run(command, input=text, cwd=folder, capture_output=True, check=False).returncode


async def test_openssh_checks_the_signatures_too(it: Lab, tmp_path: Path) -> None:
    files = await packed(it, "frozen")
    folder = spread(files, tmp_path / "pack")
    names = [name.removesuffix(".sig").removeprefix("signed/") for name in files if name.endswith(".sig")]
    assert len(names) == 4
    for name in names:
        assert by_openssh(folder, name) == 0
    assert f"-s signed/{names[0]}.sig < signed/{names[0]}.txt" in files["README.txt"].decode()


def test_the_verifier_is_one_file_that_needs_nothing() -> None:
    tree = ast.parse(pack.verifier())
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names
    assert "firedoor" not in {name.partition(".")[0] for name in modules}


async def test_a_pack_of_the_same_record_has_the_same_bytes_in_a_set_order(it: Lab) -> None:
    one, other = pack.zipped(await packed(it, "signed")), pack.zipped(await packed(it, "signed"))
    assert one == other
    with zipfile.ZipFile(pack_at(it, one)) as opened:
        names = opened.namelist()
        assert opened.read("verify.py") == pack.verifier().encode()
    first, last = (
        ["README.txt", "pack.json", "report.md", "report.json", "heads.json", "people.json", "allowed_signers", "events.jsonl"],
        ["verify.py"],
    )
    assert names == [*first, *(name for name in names if name.startswith("signed/")), *last]


def pack_at(it: Lab, content: bytes) -> Path:
    path = it.path.with_name("pack.zip")
    path.write_bytes(content)
    return path


async def test_a_zip_is_checked_as_it_is(it: Lab, tmp_path: Path) -> None:
    files = await packed(it, "signed")
    (tmp_path / "verify.py").write_bytes(files["verify.py"])
    done = verified(pack_at(it, pack.zipped(files)), tmp_path)
    assert "run signed holds" in done.stdout
    assert "cannot be read as a pack" in done.stdout, "the folder beside it is none"
    assert done.returncode == 2


async def test_a_pack_names_the_runs_that_belong_to_it_and_where_heads_were_told(it: Lab) -> None:
    related = {run: json.loads((await packed(it, run))["pack.json"])["related"] for run in RUNS}
    assert related["r1"] == {
        "u1": "it undid this run",
        "more": "it asked for what this run found to do and had no approval for",
    }
    assert related["u1"] == {"r1": "this run undoes it"}
    assert list(related["more"]) == ["r1"]
    assert not related["signed"]
    readme = (await packed(it, "u1"))["README.txt"].decode()
    assert "- run r1: this run undoes it" in readme
    assert f"- in the report, as it was printed: {(await it.events('u1'))[-1].hash}" in readme


async def test_a_run_that_is_not_over_has_a_pack_that_says_so(it: Lab, tmp_path: Path) -> None:
    for event in (await it.events("r1"))[:5]:
        body = {**event.body, "run": "half"} if event.kind == Kind.OPENED else event.body
        await it.journal.append("half", Kind(event.kind), body)
    done = verified(spread(await packed(it, "half"), tmp_path / "pack"))
    assert "the run is not over, so no event holds one" in done.stdout
    assert done.returncode == 1, "its request is another run's"


async def test_people_who_have_left_the_roster_are_told_as_not_checked(it: Lab, tmp_path: Path) -> None:
    done = verified(spread(await packed(it, "signed", roster=Roster(people=())), tmp_path / "pack"))
    assert done.returncode == 0
    assert "Ben's signature of event " in done.stdout
    assert "no public key of theirs is in this pack" in done.stdout


async def test_a_thousand_random_edits_of_packs_are_all_found(it: Lab, tmp_path: Path) -> None:
    packs = [await packed(it, run) for run in ("signed", "stopped", "frozen", "u1")]
    ways = (*ALTERING, *MOVING)
    made: dict[Path, str] = {}
    for seed in range(1030):
        way, files = ways[seed % len(ways)], packs[seed % len(packs)]
        rows = rows_of(files)
        whole = list(map(repr, rows))
        way(rows, Dice(seed))
        if sorted(map(repr, rows)) == sorted(whole):
            continue
        rows.sort(key=lambda row: row["seq"] if isinstance(row["seq"], int) else 0)
        folder = tmp_path / "packs" / str(seed)
        folder.mkdir(parents=True)
        (folder / "pack.zip").write_bytes(_quick(with_rows(files, rows)))
        made[folder / "pack.zip"] = f"{way.__name__}, seed {seed}"
    sound = spread(packs[0], tmp_path / "sound")
    done = verified(sound, *made)
    assert "run signed holds" in done.stdout
    missed = [
        why
        for path, why in made.items()
        if not re.search(rf"^{re.escape(str(path))}: (run .* DOES NOT HOLD|cannot be read)", done.stdout, re.MULTILINE)
    ]
    assert missed == []
    assert len(made) >= 1000
    assert done.returncode != 0


def _quick(files: Mapping[str, bytes]) -> bytes:
    return pack.zipped({name: content for name, content in files.items() if name != "verify.py"})


def body_of(rows: Sequence[Row], kind: Kind) -> tuple[Row, dict[str, Any]]:
    row = next(row for row in rows if row["kind"] == kind)
    return row, json.loads(row["body"])


def fewer(rows: list[Row]) -> None:
    row, body = body_of(rows, Kind.REQUESTED)
    row["body"] = canonical({**body, "required": 1})


def another_reason(rows: list[Row]) -> None:
    row, body = body_of(rows, Kind.DECIDED)
    row["body"] = canonical({**body, "reason": "none"})


def another_person(rows: list[Row]) -> None:
    row, body = body_of(rows, Kind.DECIDED)
    row["body"] = canonical({**body, "by": "Cem"})


def another_write(rows: list[Row]) -> None:
    row, body = body_of(rows, Kind.INTENT)
    row["body"] = canonical({**body, "effect": digest("x")})


def one_approval_gone(rows: list[Row]) -> None:
    rows.remove(next(row for row in rows if row["kind"] == Kind.DECIDED))


def an_intent_gone(rows: list[Row]) -> None:
    rows.remove(next(row for row in rows if row["kind"] == Kind.INTENT))


def late(rows: list[Row]) -> None:
    row, _ = body_of(rows, Kind.INTENT)
    row["at"] = plain(datetime.now(UTC) + timedelta(hours=9))


def another_plan(rows: list[Row]) -> None:
    row, body = body_of(rows, Kind.PLANNED)
    body["items"][0]["plan"]["changes"][0]["says"] = "open all"
    row["body"] = canonical(body)


def another_order(rows: list[Row]) -> None:
    row, body = body_of(rows, Kind.OPENED)
    row["body"] = canonical({**body, "inputs": {"doors": ["d"]}})


def a_note(rows: list[Row]) -> None:
    row, body = body_of(rows, Kind.ENDED)
    row["body"] = canonical({**body, "reason": "it was nothing"})


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (fewer, "decision on something else"),
        (another_reason, "are not about the same"),
        (another_person, "the signature does not hold"),
        (another_order, "signed/1-order are not about the same"),
        (another_write, "begins a write that is not the one it names"),
        (one_approval_gone, "without a valid approval"),
        (late, "after its approval had lapsed"),
        (an_intent_gone, "a receipt for a write that was never begun"),
        (another_plan, "asks for something else than the plan says"),
    ],
)
async def test_a_pack_that_was_put_together_anew_is_found_by_its_signatures(
    it: Lab, edit: Callable[[list[Row]], None], words: str, tmp_path: Path
) -> None:
    done = verified(spread(anew(await packed(it, "signed"), edit), tmp_path / "pack"))
    assert done.returncode == 1
    assert words in done.stdout, done.stdout
    assert "is not what its hash says" not in done.stdout


async def test_a_run_of_before_orders_were_signed_holds_and_says_what_it_lacks(it: Lab, tmp_path: Path) -> None:
    def of_before(rows: list[Row]) -> None:
        row, body = body_of(rows, Kind.OPENED)
        row["body"] = canonical({name: value for name, value in body.items() if name not in {"via", "roster", "nonce", "proof"}})

    files = anew(await packed(it, "signed"), of_before)
    done = verified(spread({name: one for name, one in files.items() if "-order." not in name}, tmp_path / "pack"))
    assert done.returncode == 0, done.stdout
    assert "not checked: who gave the order: it was not signed, but is of before orders said" in done.stdout


async def test_what_no_signature_covers_is_found_by_a_head_told_outside(it: Lab, tmp_path: Path) -> None:
    files, told = await packed(it, "signed"), (await it.events("signed"))[-1].hash
    spread(anew(files, a_note), tmp_path / "pack")
    assert verified(tmp_path / "pack").returncode == 0, "as its README says"
    done = verified(tmp_path / "pack", "--head", told)
    assert done.returncode == 1
    assert f"the head {told} was told outside" in done.stdout


def anew(files: Files, edit: Callable[[list[Row]], None]) -> Files:
    """The pack as somebody makes it who edits an event and then does everything else as Firedoor does."""
    rows = rows_of(files)
    seqs = [row["seq"] for row in rows]
    edit(rows)
    rehash_all(rows)
    before: Row | None = None
    for row, seq in zip(rows, seqs, strict=False):
        row["seq"] = seq
        row["run_prev"] = before["hash"] if before else row["run_prev"]
        row["prev"] = before["hash"] if before and before["seq"] == seq - 1 else "sha256:" + "1" * 64
        rehash(row)
        before = row
    heads = json.loads(files["heads.json"])
    heads |= {"first": rows[0]["hash"], "last": rows[-1]["hash"], "events": len(rows), "told": []}
    report = {**json.loads(rows[-1]["body"]), "journal_head": rows[-1]["hash"]}
    return {**with_rows(files, rows), "heads.json": json.dumps(heads).encode(), "report.json": json.dumps(report).encode()}


def replaced(name: str, old: str, new: str) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        assert old.encode() in files[name]
        return {**files, name: files[name].replace(old.encode(), new.encode())}

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (replaced("report.json", '"contained"', '"failed"'), "report.json is not what the run's last report says"),
        (replaced("heads.json", '"events": 10', '"events": 9'), "heads.json names another first or last event"),
        (replaced("heads.json", '"n": 10', '"n": 9'), "is not that of number 9"),
        (replaced("people.json", KEYS["Ben"].public, KEYS["Ada"].public), "the signature does not hold"),
        (replaced("signed/4-approve.txt", "shut c/k", "shut d/k"), "are not about the same"),
        (lambda files: {**files, "signed/9-approve.txt": b"x"}, "belongs to no signature"),
        (lambda files: {**files, "people.json": b'{"Ben": 5}'}, "event 24 (number 4 of the run) holds what no such event"),
        (lambda files: {**files, "events.jsonl": b""}, "cannot be read as a pack"),
        (lambda files: {**files, "events.jsonl": b"[1]\n"}, "cannot be read as a pack"),
        (lambda files: {**files, "report.json": b"{"}, "cannot be read as a pack"),
        (lambda files: {name: content for name, content in files.items() if name != "heads.json"}, "cannot be read as a pack"),
    ],
)
async def test_whatever_else_was_changed_in_a_pack_is_found(it: Lab, change: Callable[[Files], Files], words: str, tmp_path: Path) -> None:
    done = verified(spread(change(await packed(it, "signed")), tmp_path / "pack"))
    assert done.returncode in {1, 2}
    assert re.sub(r"event \d+", "event 24", words) in re.sub(r"event \d+", "event 24", done.stdout)
    assert (done.stderr, "Traceback" in done.stdout) == ("", False)


@pytest.mark.parametrize(("left", "words"), [("run_prev", "the run's event before it"), ("prev", "the journal's event before it")])
async def test_whoever_mends_one_link_must_mend_the_other(it: Lab, left: str, words: str, tmp_path: Path) -> None:
    files = await packed(it, "signed")
    rows = rows_of(anew(files, a_note))
    for row, old in zip(rows, rows_of(files), strict=True):
        row[left] = old[left]
        rehash(row)
    done = verified(spread(with_rows(files, rows), tmp_path / "pack"))
    assert done.returncode == 1
    assert f"does not follow {words}" in done.stdout
