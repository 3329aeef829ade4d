"""How people say who signs, the same for every command that is signed: with a key here, or on another machine.

For the latter a command prints what is to be signed and does nothing else; typed once more, it is handed that and the signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from firedoor.errors import BadInput
from firedoor.interrupts import prompting

if TYPE_CHECKING:
    from firedoor.terminal import Signer

Key = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", envvar="FIREDOOR_SSH_KEY", help="Your SSH key, or the .pub of one in your agent.")
]
Name = Annotated[str, typer.Option("--as", metavar="NAME", help="With --print: your name on the roster.")]
Print = Annotated[bool, typer.Option("--print", help="Print what to sign elsewhere: ssh-keygen -Y sign -n firedoor -f KEY.")]
Document = Annotated[Path | None, typer.Option("--document", metavar="FILE", help="What was signed on another machine.")]
Signature = Annotated[Path | None, typer.Option("--signature", metavar="FILE", help="The signature made there.")]
Yes = Annotated[bool, typer.Option("--yes", help="Sign without being asked once more.")]
LONGEST: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who signs, as they said it: each field is an option of the command."""

    key: Key = None
    name: Name = ""
    print_: Print = False
    document: Document = None
    signature: Signature = None

    @property
    def elsewhere(self) -> bool:
        """Whether it is signed on another machine."""
        return self.print_ or self.document is not None or self.signature is not None

    def signer(self) -> Signer:
        """Who signs. Raises `BadInput` where nobody is named, or a file cannot be read."""
        from firedoor import terminal

        if self.print_:
            return terminal.Signer(name=self.printed_for(), sign=_printed)
        return terminal.Signer.elsewhere(*self.papers()) if self.elsewhere else signer(self.key)

    def confirming(self, *, yes: bool) -> Callable[[str], bool]:
        """As `confirming`; who signs on another machine is asked there."""
        return (lambda _: True) if self.elsewhere else confirming(yes=yes)

    def printed_for(self) -> str:
        """The name of whoever is to sign what is printed. Raises `BadInput`."""
        if not self.name:
            raise BadInput("--print needs to know who is to sign", advice="Name yourself with --as, as in firedoor.toml")
        return self.name

    def papers(self) -> tuple[str, str]:
        """What was signed on another machine, and the signature. Raises `BadInput`."""
        if self.document is None or self.signature is None:
            raise BadInput("--document and --signature belong together", advice="Give both, or --key alone")
        return _text(self.document), _text(self.signature)

    def check_here(self, why: str) -> None:
        """Raise `BadInput` where something is to be signed elsewhere, though, for that reason, nobody signs anything."""
        if self.elsewhere:
            raise BadInput(f"{why}, so there is nothing to sign", advice="Leave out --print, --document and --signature")


def signed(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of `By` in place of its parameter ``by``."""
    own, options = (inspect.signature(one, eval_str=True).parameters for one in (command, By))
    taken = [one for name, there in own.items() for one in (options.values() if name == "by" else [there])]

    @wraps(command)
    def typed(**given: Any) -> None:
        command(by=By(**{name: given.pop(name) for name in options}), **given)

    typed.__dict__["__signature__"] = inspect.Signature([one.replace(kind=one.KEYWORD_ONLY) for one in taken])
    typed.__annotations__ = {one.name: one.annotation for one in taken}
    return typed


def signer(key: Path | None) -> Signer:
    """Who signs with that key. Raises `BadInput` where none is named, or it cannot be read."""
    from firedoor import terminal

    if key is None:
        raise BadInput(
            "no key is named to sign with",
            advice="Add --key ~/.ssh/id_ed25519_sk, or set FIREDOOR_SSH_KEY; where your key is not here, --as NAME --print",
        )
    return terminal.Signer.with_key(key.expanduser())


def confirming(*, yes: bool) -> Callable[[str], bool]:
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


def _printed(document: str) -> NoReturn:
    """Nothing is begun with what is only to be printed: the command ends here."""
    typer.echo(document, nl=False)
    raise typer.Exit


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST:
            raise BadInput("that file is too long to be one", target=str(path))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"it cannot be read ({error.strerror})", target=str(path)) from error
    except UnicodeDecodeError:
        raise BadInput("it is no text", target=str(path)) from None
