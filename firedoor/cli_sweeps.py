"""The part of the command line that is about credentials: the inventory of all there are, and sweeps through them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from firedoor import cli_signing, completing, moments
from firedoor.cli_printing import AsJson, AsStream, printed
from firedoor.errors import BadInput

Before = Annotated[
    str, typer.Option(metavar="TIME", help="Only credentials made before that moment (ISO 8601, UTC where no zone is given).")
]
Pattern = Annotated[list[str], typer.Option(metavar="PATTERN", help="One that fits is wanted; * and ? stand for anything. Repeat it.")]
SweepName = Annotated[str, typer.Argument(metavar="SWEEP", autocompletion=completing.sweeps)]
RunName = Annotated[str, typer.Argument(metavar="RUN", autocompletion=completing.runs)]

inventory_app = typer.Typer(invoke_without_command=True, help="Every credential there is, who holds it, and when it was last used.")
sweep_app = typer.Typer(no_args_is_help=True, help="Every credential in a scope revoked or rotated, with the proof that none is left.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(inventory_app, name="inventory")
    app.add_typer(sweep_app, name="sweep")


@inventory_app.callback()
def inventory(
    context: typer.Context,
    system: Pattern = [],
    kind: Pattern = [],
    place: Pattern = [],
    holder: Pattern = [],
    owner: Pattern = [],
    given_to: Pattern = [],
    unused_for: Annotated[
        int | None, typer.Option(metavar="DAYS", min=1, max=36_500, help="Not used for so long, by the vendor's own word.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List credentials. What is not known of one is called unknown, never unused. Exit code 1 where a place could not be listed."""
    if context.invoked_subcommand is not None:
        return
    from firedoor import sweeps, sweepwords
    from firedoor.scope import Scope

    scope = Scope(
        types=tuple(f"{one}.{other}" for one in system or ["*"] for other in kind or ["*"]) if system or kind else (),
        places=tuple(place),
        holders=tuple(holder),
        owners=tuple(owner),
        given_to=tuple(given_to),
        unused_for=None if unused_for is None else timedelta(days=unused_for),
    )
    found = asyncio.run(sweeps.inventory(scope))
    printed(found, as_json=as_json, render=sweepwords.inventory)
    raise typer.Exit(1 if found["unlisted"] else 0)


@inventory_app.command("diff")
def inventory_diff(before: Path, after: Path, as_json: AsJson = False) -> None:
    """What came, went and changed between two inventories saved with --json. Exit code 1 where anything did; 4 where not all could be
    compared, since one of the two could not list it.
    """
    from firedoor import comparing, sweepwords

    found = comparing.compare(before, after)
    printed(found, as_json=as_json, render=sweepwords.difference)
    raise typer.Exit(comparing.exit_code(found))


@sweep_app.command("list")
def sweep_list(as_json: AsJson = False) -> None:
    """The sweep playbooks there are."""
    from firedoor import sweepbook, wiring

    known = wiring.load_catalogue()
    books = [sweepbook.find(name, known) for name in sweepbook.shelf()]
    rows = [{"sweep": one.sweep, "title": one.title, "aim": str(one.aim), "types": list(one.scope.types)} for one in books]
    lines = "\n".join(f"{one['sweep']}: {one['title']} ({one['aim']})" for one in rows)
    typer.echo(json.dumps(rows, ensure_ascii=False, indent=2) if as_json else lines)


@sweep_app.command("plan")
def sweep_plan(sweep: SweepName, before: Before = "", as_json: AsJson = False) -> None:
    """What a sweep would find and do now, read from the real systems. Changes nothing and asks nobody."""
    from firedoor import sweeps, sweepwords

    printed(asyncio.run(sweeps.preview(sweep, before=_moment(before))), as_json=as_json, render=sweepwords.preview)


@sweep_app.command("run")
@cli_signing.signed
def sweep_run(
    sweep: SweepName,
    by: cli_signing.By,
    before: Before = "",
    account_for: Annotated[
        list[Path], typer.Option(metavar="FILE", help="Leaked credentials, as `firedoor import` reads them: none may be missing.")
    ] = [],
    as_json: AsJson = False,
    as_stream: AsStream = False,
) -> None:
    """Ask for approval, sweep, list everything again; you sign for it with your SSH key. Exit code 0 only where nothing is left over."""
    from firedoor import sweeps

    begin = partial(sweeps.sweep, sweep, who=by.signer, before=_moment(before), lists=account_for)
    _carry_out(begin, as_json=as_json, as_stream=as_stream)


@sweep_app.command("resume")
@cli_signing.signed
def sweep_resume(run: RunName, by: cli_signing.By, as_json: AsJson = False, as_stream: AsStream = False) -> None:
    """Go on with a sweep that a dead process left, or that has something left over. You sign for it with your SSH key."""
    from firedoor import sweeps

    _carry_out(partial(sweeps.resume, run, who=by.signer), as_json=as_json, as_stream=as_stream)


@sweep_app.command("report")
def sweep_report(
    run: RunName,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as one HTML file, with charts.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Markdown.")] = None,
    as_json: AsJson = False,
) -> None:
    """The report of a sweep: what is left over comes first. Exit code 0 only where nothing is."""
    from firedoor import running, sweephtml, sweepwords

    report = asyncio.run(running.show(run))
    if "left_over" not in report:
        what = "is under way" if "mandate" in report else "is no sweep"
        raise BadInput(f"run {run} {what}", advice=f"See `firedoor show {run}`")
    for path, render in ((html, sweephtml.page), (markdown, sweepwords.report)):
        if path is not None:
            _write(path, render(report))
    if html is None and markdown is None:
        printed(report, as_json=as_json, render=sweepwords.printed)
    raise typer.Exit(_exit_code(report))


@sweep_app.command("sign")
@cli_signing.signed
def sweep_sign(
    sweep: SweepName,
    by: cli_signing.By,
    days: Annotated[int, typer.Option(min=1, max=184, help="How long a new mandate is in force.")] = 90,
    yes: cli_signing.Yes = False,
    as_json: AsJson = False,
) -> None:
    """Sign a sweep's mandate, so that it may run by schedule with nobody asked. It names the playbook as it is now, word for word."""
    from firedoor import sweeps

    found = asyncio.run(sweeps.sign(sweep, by.signer(), days=days, confirm=by.confirming(yes=yes)))
    said = "It is in force." if found["in_force"] else f"It is not in force yet: {found['lacks']}."
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else said)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    if (moment := moments.read(text, zone=False)) is None:
        raise BadInput(f"{text!r} is no moment", advice="Write it as 2023-10-20T08:00:00Z")
    return moment


def _carry_out(begin: Callable[..., Coroutine[Any, Any, Mapping[str, Any]]], *, as_json: bool, as_stream: bool) -> None:
    """Carry out a sweep, and show how far it is, in bars, in lines or as a stream of JSON."""
    from firedoor import sweepwords
    from firedoor.halting import Halting

    if as_json and as_stream:
        raise BadInput("--json and --json-stream exclude each other", advice="Give one of them")
    if as_stream:
        _stream(begin)
    say, watch = sweepwords.watching(as_json=as_json)
    halt = Halting(say)
    _end(halt.run(begin(say=say, watch=watch, at=lambda run, desk, _: halt.at(run, desk))), as_json=as_json)


def _stream(begin: Callable[..., Coroutine[Any, Any, Mapping[str, Any]]]) -> NoReturn:
    from firedoor.attending import Attending

    at = Attending(as_json=False, as_stream=True, printed=_unprinted)

    async def told() -> Mapping[str, Any]:
        report = await begin(say=at.say, watch=_unprinted, at=at.over)
        at.tell(report)
        return report

    raise typer.Exit(_exit_code(at.run(told())))


def _unprinted(what: object) -> None:
    """It stands in the stream."""
    del what


def _end(report: Mapping[str, Any], *, as_json: bool) -> None:
    from firedoor import sweepwords

    printed(report, as_json=as_json, render=sweepwords.printed)
    if report["outcome"] == "stopped" and not as_json:
        typer.echo(sweepwords.what_next(report), err=True)
    raise typer.Exit(_exit_code(report))


def _exit_code(report: Mapping[str, Any]) -> int:
    from firedoor.report import RunOutcome

    return RunOutcome(report["outcome"]).exit_code


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror})", advice="Nothing is written over; give another name") from error
    typer.echo(f"Written: {path}", err=True)
