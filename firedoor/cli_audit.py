"""The part of the command line that looks at the journal as evidence: whether it holds, and packs of it to hand on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from firedoor import completing

RunName = Annotated[str, typer.Argument(metavar="RUN", autocompletion=completing.runs)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Heads = Annotated[list[str], typer.Option("--head", metavar="HASH", help="A journal head that was told outside; repeat it.")]
Files = Annotated[
    list[Path], typer.Option("--heads", metavar="FILE", help="A saved report, ticket or thread: each journal head in it is looked for.")
]
To = Annotated[Path | None, typer.Option("--to", metavar="FOLDER_OR_ZIP", help="Where the pack goes; nothing is written over.")]
FromSlack = Annotated[bool, typer.Option("--from-slack", help="Look for the heads that Firedoor's own messages in the channel tell.")]

audit_app = typer.Typer(no_args_is_help=True, help="The journal as evidence: whether it holds, and packs of it.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(audit_app, name="audit")


@audit_app.command("verify")
def verify(head: Heads = [], heads: Files = [], from_slack: FromSlack = False, as_json: AsJson = False) -> None:
    """Check every hash, every proof on a decision, and every head told outside. Exit code 1 where one does not hold."""
    from firedoor import auditing, words
    from firedoor.canonical import plain

    found = asyncio.run(auditing.verify(told=head, files=heads, from_slack=from_slack))
    data = {**plain(found), "faults": [{**plain(fault), "says": str(fault)} for fault in found.faults]}  # type: ignore[dict-item]
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else words.audit_markdown(data), nl=as_json)
    raise typer.Exit(1 if found.faults else 0)


@audit_app.command("export")
def export(run: RunName, to: To = None, as_json: AsJson = False) -> None:
    """Write a run's evidence pack: its record, what people signed, and a verifier that needs nothing but Python."""
    from firedoor import auditing

    path = asyncio.run(auditing.export(run, to))
    words = f"Written: {path}. To check it anywhere: unpack it, then python -I verify.py"
    typer.echo(json.dumps({"run": run, "pack": str(path)}, ensure_ascii=False) if as_json else words)
