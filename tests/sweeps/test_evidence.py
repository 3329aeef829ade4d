"""The evidence pack of a sweep holds its batches, and the verifier that needs nothing of Firedoor reads them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import auditing
from firedoor.canonical import canonical, plain
from firedoor.evidence import pack
from firedoor.journal import Kind
from firedoor.run import fold
from tests.edits import Row, rehash
from tests.sweeps.records import GRANTED, NIGHTLY, SWEEPS, once
from tests.sweeps.vault import Hall, hall

pytestmark = pytest.mark.edits

Files = dict[str, bytes]
Body = dict[str, Any]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(once(tmp_path_factory.mktemp("sweeps"))).parent


@pytest.fixture
async def here(recorded: Path, tmp_path: Path) -> AsyncIterator[Hall]:
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    async with hall(tmp_path, {}) as found:
        yield found


async def packed(here: Hall, run: str) -> Files:
    rows = [row async for row in here.journal.rows(run)]
    chain = await here.journal.audit()
    related = await auditing.related(here.journal, fold(run, await here.journal.events(run)))
    batches = await auditing.batches_of(here.journal, run, rows)
    whole = pack.Whole(run=run, rows=rows, roster=here.roster, head=chain.head, height=chain.events, related=related, batches=batches)
    return dict(pack.files(whole))


def verified(files: Files, folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    command = [sys.executable, "-I", str(folder / "verify.py"), str(folder), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60, check=False)


@pytest.mark.parametrize("run", SWEEPS)
async def test_the_pack_of_a_sweep_holds(here: Hall, run: str, tmp_path: Path) -> None:
    files = await packed(here, run)
    done = verified(files, tmp_path / "pack", "--key", here.folder / "approval.key")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    rows = [json.loads(line) for line in files["batches.jsonl"].decode().splitlines()]
    writes = sum(len(json.loads(row["body"])["writes"]) for row in rows if row["kind"] == Kind.INTENTS)
    assert writes
    assert f"checked: {len(rows)} events of batches: every hash, and that each of {writes} write(s) was approved" in done.stdout
    assert files["report.md"].decode().startswith("# 0 left over: Keys, closed\n")
    assert "batches.jsonl: the same of each batch" in files["README.txt"].decode()
    if run == NIGHTLY:
        assert "2 signature(s), against the public keys in people.json" in done.stdout


async def test_the_command_writes_it_whole(here: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "firedoor.toml").write_text("")
    monkeypatch.setenv("FIREDOOR_CONFIG", str(tmp_path / "firedoor.toml"))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(here.folder))
    path = await auditing.export(GRANTED, tmp_path / "pack.zip")
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    done = verified(files, tmp_path / "pack")
    assert done.returncode == 0, done.stdout
    assert "events of batches" in done.stdout


def rows_of(files: Files, name: str) -> list[Row]:
    return [json.loads(line) for line in files[name].decode().splitlines()]


def edited(name: str, kind: Kind, change: Callable[[Body], object]) -> Callable[[Files], Files]:
    """The first event of a kind changed, and hashed again."""

    def edit(files: Files) -> Files:
        rows = rows_of(files, name)
        row = next(one for one in rows if one["kind"] == kind)
        body = json.loads(row["body"])
        change(body)
        row["body"] = canonical(body)
        rehash(row)
        return {**files, name: "".join(f"{canonical(one)}\n" for one in rows).encode()}

    return edit


def late(files: Files) -> Files:
    """Its first write was begun when what it rests on was in force no more."""
    rows = rows_of(files, "batches.jsonl")
    row = next(one for one in rows if one["kind"] == Kind.INTENTS)
    row["at"] = plain(datetime.now(UTC) + timedelta(days=999))
    rehash(row)
    return {**files, "batches.jsonl": "".join(f"{canonical(one)}\n" for one in rows).encode()}


def without(kind: Kind) -> Callable[[Files], Files]:
    def edit(files: Files) -> Files:
        kept = [row for row in rows_of(files, "batches.jsonl") if row["kind"] != kind]
        return {**files, "batches.jsonl": "".join(f"{canonical(row)}\n" for row in kept).encode()}

    return edit


def altered(files: Files) -> Files:
    return {**files, "batches.jsonl": files["batches.jsonl"].replace(b"k1", b"k7", 1)}


def elsewhere(body: Body) -> None:
    body["writes"][0]["credential"] = "vault:key:west/k1"


def many(body: Body) -> None:
    body["writes"] += [body["writes"][0] | {"credential": f"vault:key:north/n{number}"} for number in range(101)]


def another(body: Body) -> None:
    body["writes"][0]["change"]["at"]["key"] = "k9"


def larger(body: Body) -> None:
    body["playbook"]["at_most"] = 100000


FOUND: dict[str, tuple[str, Callable[[Files], Files], str]] = {
    "a field altered": (GRANTED, altered, "its hash says"),
    "no batches": (GRANTED, lambda files: {**files, "batches.jsonl": b""}, "its stream is not in this pack"),
    "an intent removed": (GRANTED, without(Kind.INTENTS), "that was never begun"),
    "an end removed": (GRANTED, without(Kind.SETTLED), "its stream does not say that"),
    "a write elsewhere": (GRANTED, edited("batches.jsonl", Kind.INTENTS, elsewhere), "which is not of its batch's place"),
    "another write": (GRANTED, edited("batches.jsonl", Kind.INTENTS, another), "begins a write that is not the one it names"),
    "many more": (GRANTED, edited("batches.jsonl", Kind.INTENTS, many), "and 100 were approved"),
    "a lapsed approval": (GRANTED, late, "after its approval had lapsed"),
    "a lapsed mandate": (NIGHTLY, late, "after its approval had lapsed"),
    "fewer rows": (GRANTED, edited("batches.jsonl", Kind.SETTLED, lambda body: body["rows"].clear()), "counts other credentials"),
    "no such body": (GRANTED, edited("batches.jsonl", Kind.SETTLED, lambda body: body.pop("rows")), "holds what no such event"),
    "a larger bound": (GRANTED, edited("events.jsonl", Kind.SWEEP, larger), "begins another sweep than the plan says"),
    "a denial": (GRANTED, edited("events.jsonl", Kind.DECIDED, lambda body: body.update(answer="deny")), "without a valid approval"),
    "a longer mandate": (
        NIGHTLY,
        edited("events.jsonl", Kind.SWEEP, lambda body: body["mandate"].update(expires="2099-01-01T00:00:00.000000Z")),
        "the signature does not hold",
    ),
    "an unsigned mandate": (
        NIGHTLY,
        edited("events.jsonl", Kind.SWEEP, lambda body: body["mandate"].update(signed={})),
        "a mandate that is not in force",
    ),
}


@pytest.mark.parametrize("name", FOUND)
async def test_what_was_changed_in_it_is_found(here: Hall, name: str, tmp_path: Path) -> None:
    run, edit, words = FOUND[name]
    done = verified(edit(await packed(here, run)), tmp_path / "pack")
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    assert words in done.stdout, done.stdout
