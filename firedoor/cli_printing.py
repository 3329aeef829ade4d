"""What a command of the command line prints of what it found or did: JSON, a line for each event, or words."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firedoor.errors import BadInput

if TYPE_CHECKING:
    from firedoor.attending import Attending

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
AsStream = Annotated[
    bool, typer.Option("--json-stream", help="Print a line of JSON for each thing it does, as it happens, the report last.")
]
Inputs = Annotated[list[str], typer.Option("--input", "-i", metavar="KEY=VALUE", help="An input; repeat it, or separate values by commas.")]


def printed(data: Mapping[str, Any], *, as_json: bool, render: Callable[[Any], str]) -> None:
    """Print it, as JSON or in the words that ``render`` has for it; at a terminal these are laid out."""
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    text = render(data)
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text, hyperlinks=False))


def attending(*, as_json: bool, as_stream: bool) -> Attending:
    """Whoever is at the run that the command begins. Raises `BadInput` where they want its report in two ways."""
    from firedoor.attending import Attending
    from firedoor.exercise import tabletopwords

    if as_json and as_stream:
        raise BadInput("--json and --json-stream exclude each other", advice="Give one of them")
    report = partial(printed, as_json=as_json, render=tabletopwords.of_any)
    return Attending(as_json=as_json, as_stream=as_stream, printed=report)


def exit_code(report: Mapping[str, Any]) -> int:
    """What a command exits with that ends with this report of a run."""
    from firedoor.report import RunOutcome

    return RunOutcome(report["outcome"]).exit_code
