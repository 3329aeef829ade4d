"""Ctrl-C at every question there is: real processes at a terminal of their own. A question that has no case here fails."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from firedoor import running
from firedoor.doctor import record
from firedoor.settings import ROOT, load
from tests.company import Company, company
from tests.e2e.seats import seated

pytestmark = pytest.mark.e2e

CTRL_C: Final = b"\x03"
PASSPHRASE: Final = "a long passphrase"
ENTER: Final = "Enter passphrase"
UNSIGNED: Final = "nothing was signed: you broke it off. Nothing was changed."
# What asks somebody at the terminal, by the names it is called by.
TYPERS: Final = ("prompt", "confirm", "getchar", "pause")
ASKS: Final = {"input", "prompts.line", *(f"{one}.{name}" for one in ("typer", "click") for name in TYPERS)}


@dataclass(frozen=True, slots=True)
class Case:
    """A command, what is answered before (to what part of a question), the question at which it is broken off, and what is said."""

    words: str
    at: str
    code: int = 3
    says: Sequence[str] = (UNSIGNED,)
    before: Sequence[tuple[str, str]] = ()
    locked: bool = False  # the key has a passphrase
    bare: bool = False  # and no public half beside it


DOCTOR: Final = "doctor --verify --system slack --key {key}"
SEEN: Final = (("[s]: ", "h"), ("for the record: ", "it shows at once"))
FIRST: Final = "you broke it off. Of 3 facts none was put on record. Nothing was changed. What is left is asked again: firedoor doctor"
SECOND: Final = "you broke it off. Of 3 facts 1 was put on record before, and stays there. Something was changed."
NONE_SIGNED: Final = "nothing was signed: you broke it off. Of 3 facts none was put on record."
STAYS: Final = "On record from this walk, and staying there:"
CASES: Final[dict[str, dict[str, Case]]] = {
    "cli_doctor._walk.ask": {
        "the first": Case(DOCTOR, "[s]: ", 130, (FIRST,)),
        "the second": Case(DOCTOR, "[s]: ", 130, (SECOND, STAYS), SEEN),
    },
    "cli_doctor._walk": {
        "the first": Case(DOCTOR, "for the record: ", 130, (FIRST,), SEEN[:1]),
        "the second": Case(DOCTOR, "for the record: ", 130, (SECOND, STAYS), (*SEEN, *SEEN[:1])),
    },
    "cli_signing.confirming.confirm": {"a standing approval": Case("standing sign --key {approver}", "Sign this?")},
    "drilling.asking.ask": {"a drill": Case("drill --approve ask --lag 0", "Approve? [y/N]", 130, ("Broken off with Ctrl-C.",))},
    "signing.public_half": {
        "contain": Case("contain session-hijack -i {users} --key {key}", ENTER, locked=True, bare=True),
        "a standing approval": Case("standing sign --key {approver}", ENTER, locked=True, bare=True),
        "the doctor": Case(DOCTOR, ENTER, locked=True, bare=True),
    },
    "signing.sign": {
        "contain": Case("contain session-hijack -i {users} --key {key}", ENTER, locked=True),
        "an exercise": Case("drill --against live -i {users} --key {key}", ENTER, locked=True),
        "a standing approval": Case("standing sign --yes --key {approver}", ENTER, locked=True),
        "break-glass, the changes": Case(
            "contain session-hijack -i {users} --break-glass --key {key}",
            ENTER,
            says=("stopped", "Nothing was changed"),
            before=((ENTER, PASSPHRASE),),
            locked=True,
        ),
        "the doctor": Case(DOCTOR, ENTER, 3, (NONE_SIGNED,), SEEN, locked=True),
        "the doctor, the second": Case(
            DOCTOR,
            ENTER,
            3,
            ("nothing was signed: you broke it off. Of 3 facts 1 was put on record before, and stays there.", STAYS),
            (*SEEN, (ENTER, PASSPHRASE), *SEEN),
            locked=True,
        ),
    },
}
ALL: Final = [(place, name) for place, cases in CASES.items() for name in cases]


@pytest.fixture
async def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        for name in ("PREFECT_API_URL", "SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        yield found


async def locked(key: Path) -> None:
    """Give it a passphrase."""
    made = await asyncio.create_subprocess_exec("ssh-keygen", "-q", "-p", "-f", str(key), "-P", "", "-N", PASSPHRASE)
    assert await made.wait() == 0


@pytest.mark.parametrize(("place", "name"), ALL, ids=[f"{place}: {name}" for place, name in ALL])
async def test_ctrl_c_at_a_question_says_what_stands_and_nothing_else(place: str, name: str, acme: Company) -> None:
    case = CASES[place][name]
    for key in (acme.key(0), acme.key(1)):
        if case.locked:
            await locked(key)
        if case.bare:
            key.with_name(f"{key.name}.pub").unlink()
    words = case.words.format(key=acme.key(0), approver=acme.key(1), users=f"users={acme.estate.victims[0]}").split()
    async with seated(*words) as (process, terminal):
        seen = 0
        for question, answer in case.before:
            seen = await terminal.shows(question, seen)
            terminal.press(f"{answer}\n".encode())
        await terminal.shows(case.at, seen)
        terminal.press(CTRL_C)
        assert await process.wait() == case.code, terminal.shown
        for words_ in case.says:
            await terminal.shows(words_, seen)
    after = terminal.shown[seen:]
    for never in ("Traceback", "asyncio", "Aborted", "halting.py", "defect"):
        assert never not in after, after
    assert not any(request.writes for request in acme.okta.requests)
    if place.startswith("cli_doctor") or "the doctor" in name:
        answered = sum("for the record" in question for question, _ in case.before)
        assert len(await record.established(load())) == answered - (place == "signing.sign")
    elif "drill" not in place:
        assert {one["outcome"] for one in await running.runs()} <= {"stopped"}


def test_every_question_has_a_case() -> None:
    assert sorted(asked()) == sorted(CASES), "give each a case in CASES; two in one function are two functions"


def asked() -> Iterator[str]:
    """Each place where somebody is asked something: the function, and where that is one for asking alone, whoever calls it."""
    for path in sorted((ROOT / "firedoor").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(ROOT / "firedoor").with_suffix("").parts)
        places = list(_calls(tree, "", ASKS))
        if module == "signing":
            places += list(_letting_write(tree))
        for place in places:
            callers = list(_calls(tree, "", {place})) if "." not in place else []
            yield from (f"{module}.{one}" for one in callers or [place])


def _calls(node: ast.AST, within: str, names: set[str]) -> Iterator[str]:
    """The functions that call one of these, once for each call."""
    for child in ast.iter_child_nodes(node):
        if (isinstance(child, ast.Call) and ast.unparse(child.func) in names) or _of_getpass(child, names):
            yield within
        named = f".{child.name}" if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""
        yield from _calls(child, f"{within}{named}".lstrip("."), names)


def _of_getpass(node: ast.AST, names: set[str]) -> bool:
    return names is ASKS and isinstance(node, ast.Import | ast.ImportFrom) and "getpass" in ast.unparse(node)


def _letting_write(tree: ast.AST) -> Iterator[str]:
    """The functions that run a program of others which may ask."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and any(one.arg == "aside" for one in call.keywords):
                    yield node.name
