"""The part of the command line that scopes an incident: hunts, and lists of what was leaked.

0: looked at whole, and nothing found but acts of hands that were named as known.
1: something was found, or not all could be looked at. 2: bad input.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from firedoor import moments
from firedoor.errors import BadInput, shown

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Since = Annotated[str, typer.Option(metavar="T", help="From when on, like 2023-10-18T16:00:00Z.")]
Until = Annotated[str, typer.Option(metavar="T", help="Until when; now where it is left out.")]

hunt_app = typer.Typer(no_args_is_help=True, help="What happened, and what was leaked: findings that fill in playbooks. Changes nothing.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(hunt_app, name="hunt")
    app.command("import")(import_)


@hunt_app.command("okta")
def okta(
    since: Since,
    until: Until = "",
    expected: Annotated[list[str], typer.Option("--expected", metavar="ACTOR", help="A login or id whose acts are known; repeat it.")] = [],
    supplier: Annotated[list[str], typer.Option("--supplier", metavar="DOMAIN", help="A supplier's mail domain; repeat it.")] = [],
    sensitive: Annotated[list[str], typer.Option("--sensitive", metavar="APP", help="A sensitive app's id or label; repeat it.")] = [],
    as_json: AsJson = False,
) -> None:
    """Go through Okta's System Log by the watch list: accounts, factors, rights, policies, tokens, sessions."""
    from firedoor import hunt_words, scoping

    job = scoping.hunt_okta(
        moment(since, "--since"), moment(until, "--until") if until else None, expected=expected, suppliers=supplier, apps=sensitive
    )
    hunt = asyncio.run(job)
    _show(scoping.report(hunt), hunt_words.okta_markdown, as_json=as_json)
    raise typer.Exit(0 if hunt.quiet else 1)


@hunt_app.command("har")
def har(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording of a browser, plain or gzipped.")],
    ask_aws: Annotated[bool, typer.Option("--ask-aws", help="Ask AWS whose the access keys in it are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Which sessions, tokens and keys a HAR file gives away, and whose they are. None is shown, stored or tried."""
    from firedoor import hunt_words, scoping

    data = asyncio.run(scoping.scan_har(file, ask_aws=ask_aws))
    _show(data, hunt_words.har_markdown, as_json=as_json)
    raise typer.Exit(1 if data["leaks"] or not data["whole"] else 0)


@hunt_app.command("aws-key")
def aws_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The id of an access key; never its secret.")],
    trail: Annotated[list[Path], typer.Option("--trail", metavar="PATH", help="A CloudTrail file, or a folder of them; repeat it.")],
    since: Since = "",
    until: Until = "",
    as_json: AsJson = False,
) -> None:
    """What was done with an AWS access key, and with the sessions and keys that came of it, by CloudTrail's files."""
    from firedoor import hunt_words, scoping

    start, end = (moment(text, name) if text else None for text, name in ((since, "--since"), (until, "--until")))
    data = scoping.trail_of(key, trail, start, end)
    _show(data, hunt_words.trail_markdown, as_json=as_json)
    raise typer.Exit(1 if data["findings"] or not data["whole"] else 0)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="gitleaks' JSON, TruffleHog's JSON lines, or CSV or JSON of a notice.")],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV and nothing else; rows left over or in doubt go to stderr.")] = False,
) -> None:
    """Which credentials a list of leaked ones names, to be accounted for. Exit code 1 where a row is left over, or in doubt."""
    from firedoor import hunt_words, scoping

    if as_csv and as_json:
        raise BadInput("--json and --csv exclude each other", advice="Give one of them")
    data, table = scoping.import_file(file)
    if as_csv:
        typer.echo(table, nl=False)
        typer.echo(hunt_words.left_markdown(data) + hunt_words.doubts_markdown(data), nl=False, err=True)
    else:
        _show(data, hunt_words.import_markdown, as_json=as_json)
    raise typer.Exit(0 if data["whole"] and not data["doubts"] else 1)


def moment(text: str, option: str) -> datetime:
    """A moment with a time zone. Raises `BadInput`."""
    if (found := moments.read(text)) is None:
        raise BadInput(f"{option} is no moment with a time zone", target=shown(text), advice="Write it like 2023-10-18T16:00:00Z")
    return found


def _show(data: Mapping[str, Any], render: Callable[[Mapping[str, Any]], str], *, as_json: bool) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else render(data), nl=as_json)
