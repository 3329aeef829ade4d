"""The part of the command line about what was contained: whether it still stands, and the closing of an incident."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from typing import Annotated

import typer

from firedoor import cli_decisions, cli_signing
from firedoor.errors import BadInput

UNITS = {"h": "hours", "d": "days", "w": "weeks"}
MOST_DIGITS = 5

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("watch")(watch)
    app.command("close")(close)


def watch(
    runs: Annotated[list[str], typer.Argument(metavar="[RUN]...", help="Runs; all that are watched, where none is named.")] = [],
    since: Annotated[str, typer.Option(metavar="TIME", help="Only runs asked for in the last so many hours, days or weeks: 7d.")] = "",
    as_json: AsJson = False,
) -> None:
    """Look whether what was contained still stands. Changes nothing. Exit code 0 only where all of it does."""
    from firedoor import incidents, watchwords

    found = asyncio.run(incidents.watch(runs, since=_span(since)))
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else watchwords.report(found), nl=as_json)
    raise typer.Exit(incidents.exit_code(found))


@cli_signing.signed
def close(
    run: Annotated[str, typer.Argument(metavar="RUN")],
    by: cli_signing.By,
    reason: cli_decisions.Reason = "",
    with_open: Annotated[bool, typer.Option("--with-open", help="Although something is open; that is signed too.")] = False,
    yes: cli_signing.Yes = False,
    as_json: AsJson = False,
) -> None:
    """Close an incident with your own SSH signature: what this run contained is watched no more."""
    from firedoor import incidents

    job = incidents.close(run, by.signer(), reason=reason, with_open=with_open, confirm=by.confirming(yes=yes))
    found = asyncio.run(job)
    left = f", with {len(found['left'])} left open" if found["left"] else ""
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else f"Closed: run {run}, by {found['by']}{left}.")


def _span(text: str) -> timedelta | None:
    if not text:
        return None
    if (found := re.fullmatch(rf"(\d{{1,{MOST_DIGITS}}})([hdw])", text)) is None:
        raise BadInput(f"{text[:20]!r} is no span of time", advice="Write it as 12h, 7d or 4w")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
