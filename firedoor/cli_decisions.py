"""The part of the command line with which people decide by signature: approve, deny, stop, and the standing approval for freezes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firedoor import completing
from firedoor.errors import BadInput
from firedoor.interrupts import prompting

if TYPE_CHECKING:
    from firedoor.terminal import Signer, Who

RunName = Annotated[str, typer.Argument(metavar="RUN", autocompletion=completing.runs)]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", envvar="FIREDOOR_SSH_KEY", help="Your SSH key, or the .pub of one in your agent.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Yes = Annotated[bool, typer.Option("--yes", help="Sign without being asked once more.")]
Name = Annotated[str, typer.Option("--as", metavar="NAME", help="With --print: your name on the roster.")]
Print = Annotated[bool, typer.Option("--print", help="Print what to sign elsewhere: ssh-keygen -Y sign -n firedoor -f KEY.")]
Document = Annotated[Path | None, typer.Option("--document", metavar="FILE", help="What was signed on another machine.")]
Signature = Annotated[Path | None, typer.Option("--signature", metavar="FILE", help="The signature made there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
LONGEST = 1_000_000

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
    def command(
        run: RunName,
        key: Key = None,
        reason: Reason = "",
        yes: Yes = False,
        name: Name = "",
        print_: Print = False,
        document: Document = None,
        signature: Signature = None,
        as_json: AsJson = False,
    ) -> None:
        if print_:
            _print(word, run, name, reason)
        elif document is not None or signature is not None:
            _take_in(word, run, document, signature, as_json=as_json)
        else:
            _decide(word, run, signer(key), reason, yes=yes, as_json=as_json)

    return command


@standing_app.command("sign")
def standing_sign(
    key: Key = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long a new one is in force.")] = 90,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Sign the standing approval that waits for another signature, or draw up a new one."""
    from firedoor import terminal

    _show(asyncio.run(terminal.sign_standing(signer(key), days=days, confirm=confirming(yes=yes))), _standing_words, as_json=as_json)


@standing_app.command("show")
def standing_show(as_json: AsJson = False) -> None:
    """The newest standing approval, who signed it, and whether it is in force."""
    from firedoor import terminal

    _show(asyncio.run(terminal.standing_report()), _standing_words, as_json=as_json)


def signer(key: Path | None) -> Signer:
    """Who signs with that key. Raises `BadInput` where none is named, or it cannot be read."""
    from firedoor import terminal

    return terminal.Signer.with_key(_key(key))


def who(key: Path | None) -> Who:
    """The same, asked once it is known what is to be signed: what is wrong with that is told first."""
    return partial(signer, key)


def _print(word: str, run: str, name: str, reason: str) -> None:
    from firedoor import terminal
    from firedoor.approval import Answer

    if not name:
        raise BadInput("--print needs to know who is to sign", advice="Name yourself with --as, as in firedoor.toml")
    typer.echo(asyncio.run(terminal.document_for(run, Answer(word), name=name, reason=reason)), nl=False)


def _take_in(word: str, run: str, document: Path | None, signature: Path | None, *, as_json: bool) -> None:
    from firedoor import terminal
    from firedoor.approval import Answer

    if document is None or signature is None:
        raise BadInput("--document and --signature belong together", advice="Give both, or --key alone")
    report = asyncio.run(terminal.take_in(run, Answer(word), _text(document), _text(signature)))
    _show(report, _decision_words, as_json=as_json)


def _decide(word: str, run: str, who: Signer, reason: str, *, yes: bool, as_json: bool) -> None:
    from firedoor import terminal
    from firedoor.approval import Answer

    job = terminal.decide(run, Answer(word), who, reason=reason, confirm=confirming(yes=yes))
    _show(asyncio.run(job), _decision_words, as_json=as_json)


def _key(key: Path | None) -> Path:
    if key is None:
        raise BadInput("no key is named to sign with", advice="Add --key ~/.ssh/id_ed25519_sk, or set FIREDOOR_SSH_KEY")
    return key.expanduser()


def confirming(*, yes: bool) -> Any:
    """Shows what is to be signed, and asks; or does not ask, where the person has said yes already."""
    from firedoor.terminal import somebody_here

    def confirm(document: str) -> bool:
        typer.echo(document, err=True)
        if yes:
            return True
        if not somebody_here():
            raise BadInput("there is no terminal to ask you in", advice="Add --yes, once you have read it")
        with prompting("nothing was signed"):
            return _answered()

    return confirm


def _answered() -> bool:
    try:
        return typer.confirm("Sign this?", err=True)
    except typer.Abort:
        raise EOFError from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST:
            raise BadInput("that file is too long to be one", target=str(path))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"it cannot be read ({error.strerror})", target=str(path)) from error
    except UnicodeDecodeError:
        raise BadInput("it is no text", target=str(path)) from None


def _show(report: Mapping[str, Any], words: Any, *, as_json: bool) -> None:
    typer.echo(json.dumps(report, ensure_ascii=False, indent=2) if as_json else words(report))


def _decision_words(data: Mapping[str, Any]) -> str:
    return f"Recorded: {data['by']} signed to {data['decision']} run {data['run']}."


def _standing_words(data: Mapping[str, Any]) -> str:
    state = "In force." if data["in_force"] else f"Not in force: {data['lacks']}."
    return f"{data['document']}\nSigned by {', '.join(data['signed']) or 'nobody'}. {state}"
