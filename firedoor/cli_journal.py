"""The part of the command line that keeps the journal: copies of it, one put back, how it stands, its tables brought up to date."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from firedoor.keeping import Kept

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
File = Annotated[Path, typer.Argument(metavar="FILE")]

journal_app = typer.Typer(no_args_is_help=True, help="The journal's database: backup, restore, upgrade.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(journal_app, name="journal")


@journal_app.command("backup")
def backup(to: File, as_json: AsJson = False) -> None:
    """Copy a journal that is a file, also while runs write to it, and check the copy. Exit code 1 where its chain does not hold."""
    from firedoor import keeping, keepwords

    _told(asyncio.run(keeping.backup(to)), keepwords.copied, as_json=as_json)


@journal_app.command("restore")
def restore(source: File, as_json: AsJson = False) -> None:
    """Put a copy where no journal is yet, checked before and after. What was open in it is left to people."""
    from firedoor import keeping, keepwords

    _told(asyncio.run(keeping.restore(source)), keepwords.put_back, as_json=as_json)


@journal_app.command("restored")
def restored(as_json: AsJson = False) -> None:
    """Say that a PostgreSQL journal was put back by its own tools: it is checked, and what was open in it is left to people."""
    from firedoor import keeping, keepwords

    _told(asyncio.run(keeping.restored()), keepwords.put_back, as_json=as_json)


@journal_app.command("status")
def status(as_json: AsJson = False) -> None:
    """Where the journal is, its revision, how much is in it, what is open. Only looks. Exit code 1 where its chain does not hold."""
    from firedoor import keeping, keepwords

    _told(asyncio.run(keeping.status()), keepwords.standing, as_json=as_json)


@journal_app.command("upgrade")
def upgrade(as_json: AsJson = False) -> None:
    """Bring the journal's tables up to date, as the first process that opens it would. Back it up before: there is no way back."""
    from firedoor import keeping

    before, after = asyncio.run(keeping.upgrade())
    words = f"The journal's tables are of revision {after}" + (" already." if before == after else f"; they were of {before or 'none'}.")
    typer.echo(json.dumps({"before": before, "after": after}) if as_json else words)


def _told(kept: Kept, render: Callable[[Kept], Sequence[str]], *, as_json: bool) -> None:
    typer.echo(json.dumps(kept.told(), ensure_ascii=False, indent=2) if as_json else "\n".join(render(kept)))
    raise typer.Exit(1 if kept.journal.faults else 0)
