"""Every command that a page tells a reader to type is typed here, at a simulated company; what cannot be is named, with its reason."""

from __future__ import annotations

import tomllib
from itertools import groupby
from pathlib import Path

import pytest

from firedoor import sweepbook, yamlbook
from firedoor.settings import ROOT, Settings, load
from tests.manual import known, pages
from tests.manual.pages import Command
from tests.manual.stand import PEOPLE, STAND_INS, stand
from tests.manual.unrun import UNRUN

# What is typed beside Firedoor itself. Any other program is a matter of `UNRUN`: it may do anything to the machine that the tests run on.
PROGRAMS = {"firedoor", "ssh-keygen", "python", "cat", "chmod", "cp", "set", "."}
RUN = {
    page: [command for command in found if command.text not in UNRUN and command.text.split()[0] in PROGRAMS]
    for page, found in ((page, list(found)) for page, found in groupby(pages.commands(), key=lambda command: command.page))
}


@pytest.mark.manual
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page, found in RUN.items() if found])
async def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    async with stand(tmp_path) as here:
        async for ended in here.follow(RUN[page]):
            assert ended.code == ended.command.code, f"{ended.command}: exit code {ended.code}, not {ended.command.code}\n{ended.output}"
            assert not ended.unseen, f"{ended.command}: the page shows what it does not print: {ended.unseen}\n{ended.output}"


def test_every_command_of_a_page_is_one() -> None:
    assert pages.commands()
    wrong = {str(command): found for command in pages.commands() if (found := known.faults(command.text))}
    wrong |= {f"{pages.named(path)}: {text}": found for path in _all() for text in pages.mentioned(path) if (found := known.faults(text))}
    assert wrong == {}


def test_a_command_that_is_none_is_found_out() -> None:
    assert known.faults("firedoor plan identity-breach -i users=x --jsn > out") == ("firedoor plan has no option --jsn",)
    assert known.faults("sudo -u firedoor env A=b /opt/firedoor/.venv/bin/firedoor sweep pln x") == ("firedoor sweep has no command pln",)
    assert known.faults("firedoor sweep pln x") == ("firedoor sweep has no command pln",)
    assert known.faults("firedoor contian x") == ("firedoor has no command contian",)
    assert known.faults("make drll") == ("the Makefile has no target drll",)
    assert known.faults("make drill RGS=x") == ("the Makefile has no variable RGS",)
    assert known.faults("aws iam create-role --role-nme x") == ("aws iam create-role has no --role-nme",)
    assert known.faults("aws iam make-role") == ("aws iam has no make-role",)


def test_what_is_of_another_program_is_named() -> None:
    typed = [command for command in pages.commands() if command.text not in UNRUN]
    assert [str(command) for command in typed if command.text.split()[0] not in PROGRAMS] == []


def test_what_is_not_run_stands_in_a_page_and_has_a_reason() -> None:
    typed = {command.text for command in pages.commands()}
    assert set(UNRUN) - typed == set()
    assert all(UNRUN.values())


def test_what_stands_for_something_else_is_explained() -> None:
    page = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [name for name in (*STAND_INS, "RUN", *PEOPLE[:2]) if f"`{name}`" not in page] == []


def test_commands_stand_in_blocks_that_are_read() -> None:
    assert {pages.named(path): found for path in pages.pages() if (found := list(pages.indented(path)))} == {}


def test_a_block_is_read_command_by_command() -> None:
    shell = "# first\nfiredoor plan a \\\n  -i b=c   # exit code 1: it says why\n\nmake drill\n"
    text = f"x\n```sh\n{shell}```\n```text\nIt is.\n\n...\n```\n```toml\na = 1\n```\n"
    assert list(pages.commands_in(text, "p")) == [
        Command(page="p", line=5, text="firedoor plan a -i b=c", comment="exit code 1: it says why"),
        Command(page="p", line=7, text="make drill", shows=("It is.",)),
    ]
    assert [command.code for command in pages.commands_in(text, "p")] == [1, 0]


@pytest.mark.parametrize(("page", "text"), list(pages.blocks("toml")))
def test_settings_of_a_page_are_taken(page: str, text: str, tmp_path: Path) -> None:
    assert set(tomllib.loads(text)) <= set(Settings.model_fields), page
    (tmp_path / "firedoor.toml").write_text(text, encoding="utf-8")
    load(tmp_path / "firedoor.toml")


@pytest.mark.parametrize(("page", "text"), list(pages.blocks("yaml")))
def test_exceptions_of_a_page_are_taken(page: str, text: str) -> None:
    book = sweepbook.shelf()["incident-credentials"].read_text(encoding="utf-8") + text
    assert yamlbook.parse(sweepbook.Sweep, book, source=page, what="sweep").exceptions


def _all() -> list[Path]:
    return [*pages.pages(), *(ROOT / "docs").glob("*.md")]
