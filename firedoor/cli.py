"""The command line. Each command reads its arguments, hands over, prints, and exits with a code that a script can trust.

0: done. 1: not contained, or something is open. 2: bad input, and nothing was touched. 3: denied, expired or stopped. 130, 143: ended at
once, by a second Ctrl-C or SIGTERM.

Nothing heavy is imported here: `firedoor --help` must answer at once, at three in the morning too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

os.environ.setdefault("TYPER_USE_RICH", "0")  # saves a third of a second of start-up

import typer

from firedoor import (
    cli_audit,
    cli_decisions,
    cli_doctor,
    cli_drill,
    cli_hunts,
    cli_journal,
    cli_permissions,
    cli_signing,
    cli_sweeps,
    cli_watch,
    completing,
    logs,
    outlet,
    scribe,
)
from firedoor.cli_printing import AsJson, AsStream, Inputs, attending, exit_code, printed
from firedoor.defect import kind_and_place, way
from firedoor.errors import Defect, FiredoorError
from firedoor.legible import legible

if TYPE_CHECKING:
    from firedoor import planview
    from firedoor.planning import Planned
    from firedoor.run import Order

T = TypeVar("T")
BROKEN_OFF = 130  # what typer exits with after Ctrl-C

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    help="Contain an identity breach in seconds, and prove that it is contained.",
    pretty_exceptions_enable=False,
)
playbooks_app = typer.Typer(no_args_is_help=True, help="The playbooks there are, and whether they are sound.")
actions_app = typer.Typer(no_args_is_help=True, help="The actions and queries that playbooks are made of.")
app.add_typer(playbooks_app, name="playbooks")
app.add_typer(actions_app, name="actions")
cli_decisions.register(app)
cli_audit.register(app)
cli_journal.register(app)
cli_doctor.register(app)
cli_sweeps.register(app)
cli_hunts.register(app)
cli_permissions.register(app)
cli_watch.register(app)
cli_drill.register(app)

PlaybookName = Annotated[str, typer.Argument(autocompletion=completing.playbooks)]
RunName = Annotated[str, typer.Argument(metavar="RUN", autocompletion=completing.runs)]


def main() -> None:
    """Run the command line. Whoever reads what it says may leave before it is done."""
    out = outlet.keep_open()
    logs.begin()
    code = obey(sys.argv[1:])
    if not scribe.any_left():  # somebody holds their terminal, and would hold us with it
        sys.stdout.flush()
        if out is not None and out.lost:
            code = code or 1
            typer.echo(
                f"What was to be printed could not be written ({out.lost}). What was done is on record: see `firedoor runs`.", err=True
            )
    _leave(code)


def obey(words: Sequence[str]) -> int:
    """Do what the words say; the exit code. Every error becomes one clear message on standard error; none is quoted but ours."""
    try:
        app(args=list(words), prog_name="firedoor", standalone_mode=True)
    except SystemExit as left:
        if left.code == BROKEN_OFF:
            typer.echo("Broken off with Ctrl-C. What was done before is on record: see `firedoor runs`.", err=True)
        return left.code if isinstance(left.code, int) else 0
    except FiredoorError as error:
        _complain(error, words)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - its own words may quote a secret, so it tells its kind and its way only
        advice = "What was done is on record: see `firedoor runs`, and resume a run that has not ended. Report this with the lines below"
        _complain(Defect(f"a defect in Firedoor: {kind_and_place(error)}", changed=None, advice=advice), words)
        logs.tell(way(error), level=logging.ERROR)
        return 1
    return 0


@app.command()
def plan(playbook: PlaybookName, given: Inputs = [], as_json: AsJson = False) -> None:
    """What a playbook would change, read from the real systems. Changes nothing and asks nobody."""
    from firedoor import running

    looks = _Looks()
    _show_plan(_run(running.preview(playbook, given, show=looks)), looks, as_json=as_json)


@app.command()
@cli_signing.signed
def contain(
    playbook: PlaybookName,
    given: Inputs = [],
    protected: Annotated[bool, typer.Option("--protected", help="Do not spare what is protected: two people must sign.")] = False,
    break_glass: Annotated[bool, typer.Option("--break-glass", help="Act alone: few targets, nothing final, all told.")] = False,
    *,
    by: cli_signing.By,
    as_json: AsJson = False,
    as_stream: AsStream = False,
) -> None:
    """Plan, ask for approval in Slack or by signature, apply, verify, report. You sign for it with your SSH key."""
    from firedoor import running

    at = attending(as_json=as_json, as_stream=as_stream)
    job = running.contain(playbook, given, who=by.signer, say=at.say, tell=at.tell, protected=protected, alone=break_glass, watch=at)
    report = at.run(job)
    raise typer.Exit(exit_code(report))


@app.command()
@cli_signing.signed
def freeze(
    users: Annotated[list[str], typer.Argument(metavar="[USER]...", help="Okta logins.")] = [],
    access_keys: Annotated[list[str], typer.Option("--access-key", metavar="ID", help="A key whose owner is frozen in AWS.")] = [],
    *,
    by: cli_signing.By,
    as_json: AsJson = False,
    as_stream: AsStream = False,
) -> None:
    """Freeze a few accounts at once: on the standing approval, signed by you alone, all told. Undo takes it back."""
    from firedoor import running

    at = attending(as_json=as_json, as_stream=as_stream)
    report = at.run(running.freeze(users, access_keys, who=by.signer, say=at.say, tell=at.tell, watch=at))
    raise typer.Exit(exit_code(report))


@app.command()
@cli_signing.signed
def undo(
    run: RunName,
    preview: Annotated[bool, typer.Option("--plan", help="Only show what it would change.")] = False,
    *,
    by: cli_signing.By,
    as_json: AsJson = False,
    as_stream: AsStream = False,
) -> None:
    """Undo what a run changed, by its receipts and nothing else, with an approval of its own. You sign for it with your SSH key."""
    from firedoor import running

    if preview:
        by.check_here("--plan only looks")
        looks = _Looks()
        report = _run(running.preview_undo(run, show=looks))
        _show_plan(report, looks, as_json=as_json)
    else:
        at = attending(as_json=as_json, as_stream=as_stream)
        report = at.run(running.undo(run, who=by.signer, say=at.say, tell=at.tell, watch=at))
    raise typer.Exit(exit_code(report))


@app.command()
@cli_signing.signed
def resume(run: RunName, by: cli_signing.By, as_json: AsJson = False, as_stream: AsStream = False) -> None:
    """Go on with a run whose process died, or whose steps failed. You sign for it. Reads the world first; does nothing twice."""
    from firedoor import running

    at = attending(as_json=as_json, as_stream=as_stream)
    report = at.run(running.resume(run, who=by.signer, elsewhere=by.elsewhere, say=at.say, tell=at.tell, watch=at))
    raise typer.Exit(exit_code(report))


@app.command()
def serve() -> None:
    """Listen in Slack for /firedoor commands and decisions, until stopped."""
    from firedoor import running

    _run(running.serve(say=_aside(as_json=False)))


@app.command()
def runs(as_json: AsJson = False) -> None:
    """All runs, newest first. Exit code 1 where one of them cannot be read."""
    from firedoor import running, words

    found = _run(running.runs())
    printed({"runs": found}, as_json=as_json, render=lambda data: words.runs_markdown(data["runs"]))
    raise typer.Exit(1 if any(one["outcome"] == "unreadable" for one in found) else 0)


@app.command()
def show(run: RunName, as_json: AsJson = False) -> None:
    """One run: its plan, its steps, what is open."""
    from firedoor import running, sweepwords, watchwords
    from firedoor.exercise import tabletopwords

    found = _run(running.show(run))
    words = tabletopwords.render if "against" in found else watchwords.run
    printed(found, as_json=as_json, render=sweepwords.printed if "mandate" in found else words)


@playbooks_app.command("list")
def playbooks_list(as_json: AsJson = False) -> None:
    """Every playbook and what it is for."""
    from firedoor import shelf, words

    printed({"playbooks": shelf.cards()}, as_json=as_json, render=lambda data: words.playbooks_markdown(data["playbooks"]))


@playbooks_app.command("lint")
def playbooks_lint(names: Annotated[list[str], typer.Argument(metavar="[NAME OR FILE]...")] = [], as_json: AsJson = False) -> None:
    """Check playbooks: shape, names, references, circles, and that sources are closed before what they mint."""
    from firedoor import books, words

    data = books.lint_all(names)
    printed(data, as_json=as_json, render=words.lint_markdown)
    raise typer.Exit(2 if any(data.values()) else 0)


@playbooks_app.command("show")
def playbooksshow_(name: PlaybookName, as_json: AsJson = False) -> None:
    """One playbook: its inputs, its steps and their order, who must approve, how far it can be undone."""
    from firedoor import books, diagram

    printed(books.card(name), as_json=as_json, render=diagram.card_markdown)


@playbooks_app.command("graph")
def playbooks_graph(name: PlaybookName) -> None:
    """One playbook as a flowchart in Mermaid's language."""
    from firedoor import books

    typer.echo(books.graph(name), nl=False)


@playbooks_app.command("schema")
def playbooks_schema() -> None:
    """The JSON Schema of playbook files, as in playbooks/schema.json."""
    from firedoor import books

    typer.echo(json.dumps(books.schema(), indent=2))


@actions_app.command("list")
def actions_list(as_json: AsJson = False) -> None:
    """Every action and query, with what it needs and how far it can be undone."""
    from firedoor import books, words

    printed(books.actions(), as_json=as_json, render=words.actions_markdown)


def _leave(code: int) -> NoReturn:
    """Exit. Prefect's threads have what is left of their time to send what they still hold: with its server gone, they try for minutes."""
    if scribe.any_left():
        os._exit(code)
    sys.stderr.flush()
    if "prefect" in sys.modules:
        from firedoor import orchestrating

        last_word = threading.Timer(orchestrating.left(), os._exit, (code,))
        last_word.daemon = True
        last_word.start()
    sys.exit(code)


def _run(job: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(job)


class _Looks:
    """Keeps the plan that it is shown, for when the command is done."""

    def __init__(self) -> None:
        self.lines: Sequence[planview.Line] = ()

    def __call__(self, order: Order, planned: Planned) -> None:
        from firedoor import planview

        self.lines = planview.lines(order, planned.items, required=int(planned.tier), why="; ".join(planned.powers))


def _show_plan(report: Mapping[str, Any], looks: _Looks, *, as_json: bool) -> None:
    from firedoor import planview

    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        planview.show(looks.lines, sys.stdout, os.environ)


def _aside(*, as_json: bool) -> Any:
    """Progress goes to standard error, so that standard output holds the result alone."""
    return (lambda _: None) if as_json else (lambda text: logs.tell(legible(text)))


def _complain(error: FiredoorError, words: Sequence[str]) -> None:
    fault = {"error": type(error).__name__, "what": error.what, "target": error.target, "changed": error.changed, "advice": error.advice}
    if "--json" in words:
        typer.echo(json.dumps(fault, ensure_ascii=False))
    if "--json-stream" in words:
        typer.echo(json.dumps({"event": "error", **fault}))
    logs.tell(legible(str(error)), level=logging.ERROR)
