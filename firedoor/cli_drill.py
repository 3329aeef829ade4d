"""The part of the command line that holds exercises: with vendors that are simulated, or on the real estate with nothing written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

import typer

from firedoor import cli_signing, completing
from firedoor.cli_printing import AsJson, AsStream, Inputs, attending, exit_code, printed
from firedoor.errors import BadInput

LAG = 0.1
Against = Literal["simulated", "live"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(drill)


@cli_signing.signed
def drill(
    scenario: Annotated[str, typer.Argument(help="Which exercise.", autocompletion=completing.exercises)] = "cloudflare-okta-2023",
    approve: Annotated[str, typer.Option(help="auto: scripted people do. ask: you approve, here. page: you do it all, in a browser.")] = "",
    lag: Annotated[float, typer.Option(min=0.0, max=10.0, help="How much vendors lag: 1.0 is real life.")] = LAG,
    contain: Annotated[bool, typer.Option("--contain/--no-contain", help="Or leave the attacker alone: the judge must say no.")] = True,
    undo: Annotated[bool, typer.Option("--undo", help="Undo it all at the end, once the attacker is gone.")] = False,
    against: Annotated[Against, typer.Option(help="live: the real estate, real Slack, real people, and not one write.")] = "simulated",
    given: Inputs = [],
    *,
    by: cli_signing.By,
    as_json: AsJson = False,
    as_stream: AsStream = False,
) -> None:
    """A tabletop exercise: simulated vendors, a real attacker process, the very code that runs live. Or all real, and nothing written."""
    if against == "live":
        if approve or undo or not contain or lag != LAG:
            what = "--approve, --lag, --no-contain and --undo are for simulated vendors"
            raise BadInput(what, advice="Leave them out: on the real estate people decide, and nothing is changed")
        _hold(scenario, given, by, as_json=as_json, as_stream=as_stream)
    by.check_here("nobody real orders a drill on simulated vendors")
    if given:
        raise BadInput("a drill on simulated vendors makes up what it is about", advice="Leave out -i, or add --against live")
    if as_stream:
        raise BadInput("a drill on simulated vendors tells no stream of events", advice="Give --json, or add --against live")
    from firedoor import drilling
    from firedoor.exercise import told

    report = asyncio.run(drilling.run(scenario, approve=approve, lag=lag, contains=contain, as_json=as_json, undoes=undo))
    printed(report, as_json=as_json, render=told.render)
    raise typer.Exit(told.exit_code(report))


def _hold(scenario: str, given: Sequence[str], by: cli_signing.By, *, as_json: bool, as_stream: bool) -> NoReturn:
    from firedoor import exercising, inputs

    at = attending(as_json=as_json, as_stream=as_stream)
    job = exercising.hold(scenario, inputs.pairs(given), by=by.signer, say=at.say, tell=at.tell, watch=at)
    raise typer.Exit(exit_code(at.run(job)))
