"""The part of the command line that sets Firedoor up: files to begin with, and a look at all that they name."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(doctor)


def init(folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the two files go.")] = Path()) -> None:
    """Write a firedoor.toml and an .env.example with every setting and what it means. Nothing is written over."""
    from firedoor import beginning

    for path in beginning.write(folder):
        typer.echo(f"Written: {path}")


def doctor(as_json: AsJson = False) -> None:
    """Look, and only look, whether vendors, people and the journal are ready. Exit code 1 where something does not work."""
    from firedoor.cli_permissions import on_the_shelf
    from firedoor.doctor import look, told
    from firedoor.settings import load

    async def job() -> int:
        found = told.told(await look.diagnose(load(), on_the_shelf()))
        # Here, not after the loop has ended: what hangs may keep it from ending for a while.
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else told.markdown(found), nl=as_json)
        return told.exit_code(found)

    raise typer.Exit(asyncio.run(job()))
