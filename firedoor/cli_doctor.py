"""The part of the command line that sets Firedoor up: files to begin with, and a look at all that they name."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firedoor.cli_signing import Key
from firedoor.errors import BadInput, LeftOff

if TYPE_CHECKING:
    from firedoor.doctor.verifying import Stand, Verification
    from firedoor.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(doctor)


def init(folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the two files go.")] = Path()) -> None:
    """Write a firedoor.toml and an .env.example with every setting and what it means. Nothing is written over."""
    from firedoor import beginning

    for path in beginning.write(folder):
        typer.echo(f"Written: {path}")


def doctor(
    verify: Annotated[
        bool, typer.Option("--verify", help="See which facts about vendors hold at a sandbox; with --key, one after the other.")
    ] = False,
    system: Annotated[str, typer.Option("--system", metavar="VENDOR", help="With --verify: of one vendor alone.")] = "",
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Look, and only look, whether vendors, people and the journal are ready. Exit code 1 where something does not work.

    With --verify: where the facts stand that Firedoor rests on and nobody has established; exit code 1 where one does not hold, or is open.
    """
    if system and not verify:
        raise BadInput("--system is for --verify", advice="Leave it out: the doctor looks at every vendor that is set up")
    raise typer.Exit(_verified(system, key, as_json=as_json) if verify else _diagnosed(as_json=as_json))


def _diagnosed(*, as_json: bool) -> int:
    from firedoor.cli_permissions import on_the_shelf
    from firedoor.doctor import look, told
    from firedoor.settings import load

    async def job() -> int:
        found = told.told(await look.diagnose(load(), on_the_shelf()))
        # Here, not after the loop has ended: what hangs may keep it from ending for a while.
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else told.markdown(found), nl=as_json)
        return told.exit_code(found)

    return asyncio.run(job())


def _verified(system: str, key: Path | None, *, as_json: bool) -> int:
    from firedoor.cli_permissions import on_the_shelf
    from firedoor.doctor import facts_told, verifying
    from firedoor.settings import load

    verifying.check_vendor(system)
    settings, on = load(), on_the_shelf()
    found = asyncio.run(verifying.look(settings, on, vendor=system))
    if key is not None and not as_json and sys.stdin.isatty() and sys.stdout.isatty():
        _walk(settings, found, key)
        found = asyncio.run(verifying.look(settings, on, vendor=system))
        typer.echo()
    data = facts_told.told(found)
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else facts_told.markdown(data), nl=as_json)
    if key is None and not as_json and sys.stdin.isatty():
        typer.echo("To go through them one after the other, and put on record what you see: firedoor doctor --verify --key FILE", err=True)
    return facts_told.exit_code(data)


def _walk(settings: Settings, found: Verification, key: Path) -> None:
    from firedoor.cli_signing import signer
    from firedoor.doctor import verifying, walking

    who = signer(key)
    verifying.check_signer(settings, who)

    def ask(question: str) -> walking.Reply:
        while True:
            said = _answered(f"{question} (h)olds, (d)oes not hold, (s)kip, (q)uit", default="s").strip().casefold()
            if said in set(walking.Reply):
                return walking.Reply(said)
            typer.echo("Say h, d, s or q.")

    def record(stand: Stand, reply: walking.Reply, note: str) -> None:
        asyncio.run(verifying.put_on_record(settings, stand, who, holds=reply is walking.Reply.HOLDS, note=note))

    walking.walk(found, ask=ask, note=lambda: _answered("What did you see? In a line, for the record"), say=typer.echo, record=record)


def _answered(question: str, default: str | None = None) -> str:
    """What they answer. Raises `LeftOff` where they break it off, or end their input."""
    try:
        return str(typer.prompt(question, default=default))
    except typer.Abort:
        raise LeftOff("you broke it off") from None
