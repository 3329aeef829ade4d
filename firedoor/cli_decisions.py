"""The part of the command line with which people decide by signature: approve, deny, stop, and the standing approval for freezes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firedoor import completing
from firedoor.cli_signing import By, Yes, confirming, signed, signer

if TYPE_CHECKING:
    from firedoor.terminal import Signer

RunName = Annotated[str, typer.Argument(metavar="RUN", autocompletion=completing.runs)]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

standing_app = typer.Typer(no_args_is_help=True, help="The standing approval that a freeze rests on: two approvers sign it by daylight.")


WORDS = {
    "approve": "Approve a run with your own SSH signature. Works when Slack is down, and where Slack cannot be trusted.",
    "deny": "Deny a run with your own SSH signature. A denial is final for that plan.",
    "stop": "Let a run begin no further write, with your own SSH signature. It can be resumed.",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(standing_app, name="standing")
    for word, about in WORDS.items():
        app.command(word, help=about)(_command(word))


def _command(word: str) -> Any:
    @signed
    def command(run: RunName, by: By, reason: Reason = "", yes: Yes = False, as_json: AsJson = False) -> None:
        if by.print_:
            _print(word, run, by.printed_for(), reason)
        elif by.elsewhere:
            _take_in(word, run, *by.papers(), as_json=as_json)
        else:
            _decide(word, run, signer(by.key), reason, yes=yes, as_json=as_json)

    return command


@standing_app.command("sign")
@signed
def standing_sign(
    *,
    by: By,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long a new one is in force.")] = 90,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Sign the standing approval that waits for another signature, or draw up a new one."""
    from firedoor import terminal

    _show(asyncio.run(terminal.sign_standing(by.signer(), days=days, confirm=by.confirming(yes=yes))), _standing_words, as_json=as_json)


@standing_app.command("show")
def standing_show(as_json: AsJson = False) -> None:
    """The newest standing approval, who signed it, and whether it is in force."""
    from firedoor import terminal

    _show(asyncio.run(terminal.standing_report()), _standing_words, as_json=as_json)


def _print(word: str, run: str, name: str, reason: str) -> None:
    from firedoor import terminal
    from firedoor.approval import Answer

    typer.echo(asyncio.run(terminal.document_for(run, Answer(word), name=name, reason=reason)), nl=False)


def _take_in(word: str, run: str, document: str, armored: str, *, as_json: bool) -> None:
    from firedoor import terminal
    from firedoor.approval import Answer

    _show(asyncio.run(terminal.take_in(run, Answer(word), document, armored)), _decision_words, as_json=as_json)


def _decide(word: str, run: str, who: Signer, reason: str, *, yes: bool, as_json: bool) -> None:
    from firedoor import terminal
    from firedoor.approval import Answer

    job = terminal.decide(run, Answer(word), who, reason=reason, confirm=confirming(yes=yes))
    _show(asyncio.run(job), _decision_words, as_json=as_json)


def _show(report: Mapping[str, Any], words: Any, *, as_json: bool) -> None:
    typer.echo(json.dumps(report, ensure_ascii=False, indent=2) if as_json else words(report))


def _decision_words(data: Mapping[str, Any]) -> str:
    return f"Recorded: {data['by']} signed to {data['decision']} run {data['run']}."


def _standing_words(data: Mapping[str, Any]) -> str:
    state = "In force." if data["in_force"] else f"Not in force: {data['lacks']}."
    return f"{data['document']}\nSigned by {', '.join(data['signed']) or 'nobody'}. {state}"
