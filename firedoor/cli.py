"""The command line. Each command reads its arguments, hands over, prints, and exits with a code that a script can trust.

0: done. 1: not contained, or something is open. 2: bad input, and nothing was touched. 3: denied, expired or stopped.

Nothing heavy is imported here: `firedoor --help` must answer at once, at three in the morning too.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import Annotated, Any, Literal, NoReturn, TypeVar

os.environ.setdefault("TYPER_USE_RICH", "0")  # saves a third of a second of start-up

import typer

from firedoor import cli_audit, cli_decisions, cli_doctor, cli_hunts, cli_permissions, cli_sweeps
from firedoor.defect import kind_and_place, way
from firedoor.errors import BadInput, Defect, FiredoorError

T = TypeVar("T")

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
cli_doctor.register(app)
cli_sweeps.register(app)
cli_hunts.register(app)
cli_permissions.register(app)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Inputs = Annotated[list[str], typer.Option("--input", "-i", metavar="KEY=VALUE", help="An input; repeat it, or separate values by commas.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Your name on the roster.", envvar="FIREDOOR_REQUESTER")]
LAG = 0.1
Against = Literal["simulated", "live"]
RunName = Annotated[str, typer.Argument(metavar="RUN")]


def main() -> None:
    """Run the command line."""
    _leave(obey(sys.argv[1:]))


def obey(words: Sequence[str]) -> int:
    """Do what the words say; the exit code. Every error becomes one clear message on standard error; none is quoted but ours."""
    try:
        app(args=list(words), standalone_mode=True)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    except FiredoorError as error:
        _complain(error, as_json="--json" in words)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has left; there is nobody to tell
        return 1
    except Exception as error:  # noqa: BLE001 - its own words may quote a secret, so it tells its kind and its way only
        advice = "What was done is on record: see `firedoor runs`, and resume a run that has not ended. Report this with the lines below"
        _complain(Defect(f"a defect in Firedoor: {kind_and_place(error)}", changed=None, advice=advice), as_json="--json" in words)
        typer.echo(way(error), err=True)
        return 1
    return 0


@app.command()
def drill(
    scenario: Annotated[str, typer.Argument(help="Which exercise.")] = "cloudflare-okta-2023",
    approve: Annotated[str, typer.Option(help="auto: scripted people do. ask: you approve, here. page: you do it all, in a browser.")] = "",
    lag: Annotated[float, typer.Option(min=0.0, max=10.0, help="How much vendors lag: 1.0 is real life.")] = LAG,
    contain: Annotated[bool, typer.Option("--contain/--no-contain", help="Or leave the attacker alone: the judge must say no.")] = True,
    undo: Annotated[bool, typer.Option("--undo", help="Undo it all at the end, once the attacker is gone.")] = False,
    against: Annotated[Against, typer.Option(help="live: the real estate, real Slack, real people, and not one write.")] = "simulated",
    given: Inputs = [],
    requester: As = "",
    as_json: AsJson = False,
) -> None:
    """A tabletop exercise: simulated vendors, a real attacker process, the very code that runs live. Or all real, and nothing written."""
    if against == "live":
        if approve or undo or not contain or lag != LAG:
            what = "--approve, --lag, --no-contain and --undo are for simulated vendors"
            raise BadInput(what, advice="Leave them out: on the real estate people decide, and nothing is changed")
        _exercise(scenario, given, requester or getpass.getuser(), as_json=as_json)
    if given:
        raise BadInput("a drill on simulated vendors makes up what it is about", advice="Leave out -i, or add --against live")
    from firedoor import drilling
    from firedoor.exercise import told

    report = _run(drilling.run(scenario, approve=approve, lag=lag, contains=contain, as_json=as_json, undoes=undo))
    _show(report, as_json=as_json, render=told.render)
    raise typer.Exit(told.exit_code(report))


def _exercise(scenario: str, given: Sequence[str], requester: str, *, as_json: bool) -> NoReturn:
    from firedoor import exercising, inputs
    from firedoor.exercise import tabletopwords

    report = _run(exercising.hold(scenario, inputs.pairs(given), requester=requester, say=_aside(as_json=as_json)))
    _show(report, as_json=as_json, render=tabletopwords.render)
    raise typer.Exit(_exit_code(report))


@app.command()
def plan(playbook: str, given: Inputs = [], requester: As = "", as_json: AsJson = False) -> None:
    """What a playbook would change, read from the real systems. Changes nothing and asks nobody."""
    from firedoor import running, words

    report = _run(running.preview(playbook, given, requester=requester or getpass.getuser()))
    _show(report, as_json=as_json, render=words.plan_markdown)


@app.command()
def contain(
    playbook: str,
    given: Inputs = [],
    requester: As = "",
    protected: Annotated[bool, typer.Option("--protected", help="Do not spare what is protected: two people must sign.")] = False,
    break_glass: Annotated[bool, typer.Option("--break-glass", help="Act alone: few targets, nothing final, all told.")] = False,
    key: cli_decisions.Key = None,
    as_json: AsJson = False,
) -> None:
    """Plan, ask for approval in Slack or by signature, apply, verify, report."""
    from firedoor import running, words

    alone = cli_decisions.signer(key) if break_glass else None
    who = requester or getpass.getuser()
    say, tell = _aside(as_json=as_json), _teller(words.report_markdown, as_json=as_json)
    report = _run(running.contain(playbook, given, requester=who, say=say, tell=tell, protected=protected, alone=alone))
    raise typer.Exit(_exit_code(report))


@app.command()
def freeze(
    users: Annotated[list[str], typer.Argument(metavar="[USER]...", help="Okta logins.")] = [],
    access_keys: Annotated[list[str], typer.Option("--access-key", metavar="ID", help="A key whose owner is frozen in AWS.")] = [],
    key: cli_decisions.Key = None,
    as_json: AsJson = False,
) -> None:
    """Freeze a few accounts at once: on the standing approval, signed by you alone, all told. Undo takes it back."""
    from firedoor import running, words

    say, tell = _aside(as_json=as_json), _teller(words.report_markdown, as_json=as_json)
    report = _run(running.freeze(users, access_keys, signer=cli_decisions.signer(key), say=say, tell=tell))
    raise typer.Exit(_exit_code(report))


@app.command()
def undo(
    run: RunName,
    preview: Annotated[bool, typer.Option("--plan", help="Only show what it would change.")] = False,
    requester: As = "",
    as_json: AsJson = False,
) -> None:
    """Undo what a run changed, by its receipts and nothing else, with an approval of its own."""
    from firedoor import running, words

    who = requester or getpass.getuser()
    say, tell = _aside(as_json=as_json), _teller(words.report_markdown, as_json=as_json)
    if preview:
        report = _run(running.preview_undo(run, requester=who))
        _show(report, as_json=as_json, render=words.plan_markdown)
    else:
        report = _run(running.undo(run, requester=who, say=say, tell=tell))
    raise typer.Exit(_exit_code(report))


@app.command()
def resume(run: RunName, as_json: AsJson = False) -> None:
    """Go on with a run whose process died, or whose steps failed. Reads the world first; does nothing twice."""
    from firedoor import running
    from firedoor.exercise import tabletopwords

    say, tell = _aside(as_json=as_json), _teller(tabletopwords.of_any, as_json=as_json)
    report = _run(running.resume(run, say=say, tell=tell))
    raise typer.Exit(_exit_code(report))


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
    _show({"runs": found}, as_json=as_json, render=lambda data: words.runs_markdown(data["runs"]))
    raise typer.Exit(1 if any(one["outcome"] == "unreadable" for one in found) else 0)


@app.command()
def show(run: RunName, as_json: AsJson = False) -> None:
    """One run: its plan, its steps, what is open."""
    from firedoor import running, sweepwords
    from firedoor.exercise import tabletopwords

    found = _run(running.show(run))
    _show(found, as_json=as_json, render=sweepwords.shown if "mandate" in found else tabletopwords.of_any)


@playbooks_app.command("list")
def playbooks_list(as_json: AsJson = False) -> None:
    """Every playbook and what it is for."""
    from firedoor import shelf, words

    _show({"playbooks": shelf.cards()}, as_json=as_json, render=lambda data: words.playbooks_markdown(data["playbooks"]))


@playbooks_app.command("lint")
def playbooks_lint(names: Annotated[list[str], typer.Argument(metavar="[NAME OR FILE]...")] = [], as_json: AsJson = False) -> None:
    """Check playbooks: shape, names, references, circles, and that sources are closed before what they mint."""
    from firedoor import running, words

    data = running.lint_all(names)
    _show(data, as_json=as_json, render=words.lint_markdown)
    raise typer.Exit(2 if any(data.values()) else 0)


@playbooks_app.command("show")
def playbooks_show(name: str, as_json: AsJson = False) -> None:
    """One playbook: its inputs, its steps and their order, who must approve, how far it can be undone."""
    from firedoor import diagram, running

    _show(running.book_card(name), as_json=as_json, render=diagram.card_markdown)


@playbooks_app.command("graph")
def playbooks_graph(name: str) -> None:
    """One playbook as a flowchart in Mermaid's language."""
    from firedoor import running

    typer.echo(running.book_graph(name), nl=False)


@playbooks_app.command("schema")
def playbooks_schema() -> None:
    """The JSON Schema of playbook files, as in playbooks/schema.json."""
    from firedoor import running

    typer.echo(json.dumps(running.book_schema(), indent=2))


@actions_app.command("list")
def actions_list(as_json: AsJson = False) -> None:
    """Every action and query, with what it needs and how far it can be undone."""
    from firedoor import running, words

    _show(running.actions(), as_json=as_json, render=words.actions_markdown)


def _leave(code: int) -> NoReturn:
    """Exit. Prefect's threads have what is left of their time to send what they still hold: with its server gone, they try for minutes."""
    sys.stdout.flush()
    sys.stderr.flush()
    if "prefect" in sys.modules:
        from firedoor import orchestrating

        last_word = threading.Timer(orchestrating.left(), os._exit, (code,))
        last_word.daemon = True
        last_word.start()
    sys.exit(code)


def _run(job: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(job)


def _exit_code(report: Mapping[str, Any]) -> int:
    from firedoor.report import RunOutcome

    return RunOutcome(report["outcome"]).exit_code


def _show(data: Mapping[str, Any], *, as_json: bool, render: Any) -> None:
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


def _teller(render: Any, *, as_json: bool) -> Any:
    """Prints a report as soon as it is there."""

    def tell(report: Mapping[str, Any]) -> None:
        _show(report, as_json=as_json, render=render)
        sys.stdout.flush()

    return tell


def _aside(*, as_json: bool) -> Any:
    """Progress goes to standard error, so that standard output holds the result alone."""
    return (lambda _: None) if as_json else (lambda text: typer.echo(text, err=True))


def _complain(error: FiredoorError, *, as_json: bool) -> None:
    if as_json:
        fault = {
            "error": type(error).__name__,
            "what": error.what,
            "target": error.target,
            "changed": error.changed,
            "advice": error.advice,
        }
        typer.echo(json.dumps(fault, ensure_ascii=False))
    typer.echo(str(error), err=True)
