"""Whether a command is one: its words are held against the command line, the Makefile and AWS's own models, and nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import typer.main

from firedoor.cli import app
from firedoor.settings import ROOT

_TARGETS: Final = re.compile(r"^([a-z][a-z0-9 -]*):", re.MULTILINE)


def faults(text: str) -> Sequence[str]:
    """What is wrong with a command; nothing for those of other programs, of which nothing is known."""
    words = _words(text)
    program = words[0].rpartition("/")[2]
    match program:
        case "firedoor":
            return tuple(_firedoor(words[1:]))
        case "make":
            return tuple(_make(words[1:]))
        case "aws":
            return tuple(_aws(words[1:]))
    return ()


def _words(text: str) -> list[str]:
    """The words of the command itself, without what it is piped or written into, and without whom or with what variables it is run."""
    found: list[str] = []
    for word in shlex.split(text):
        if word in {"|", ">", "<", "&&", ";", "&"}:
            break
        found.append(word.rstrip(";"))
    while found and (found[0] in {"sudo", "env"} or "=" in found[0]):
        found.pop(0)
        if found[0] == "-u":
            del found[:2]
    return found


@cache
def _root() -> Any:
    return typer.main.get_command(app)


def _firedoor(words: Sequence[str]) -> Iterator[str]:
    command, said = _root(), "firedoor"
    rest = list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command, said = command.commands[rest[0]], f"{said} {rest.pop(0)}"
    is_group = bool(getattr(command, "commands", {})) and not getattr(command, "invoke_without_command", False)
    if is_group and rest and not rest[0].startswith("-"):
        yield f"{said} has no command {rest[0]}"
    known = {"--help", *(name for option in command.params for name in (*option.opts, *option.secondary_opts) if name.startswith("-"))}
    yield from (f"{said} has no option {word}" for word in rest if word.startswith("-") and word.partition("=")[0] not in known)


def _make(words: Sequence[str]) -> Iterator[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {name for names in _TARGETS.findall(text) for name in names.split()}
    for word in words:
        name, given, _ = word.partition("=")
        if given and f"$({name})" not in text:
            yield f"the Makefile has no variable {name}"
        if not given and name not in {*targets, "..."}:
            yield f"the Makefile has no target {name}"


@cache
def _client(service: str) -> Any:
    from botocore.session import get_session  # noqa: PLC0415 - few pages need it

    return get_session().get_service_model(service)


def _aws(words: Sequence[str]) -> Iterator[str]:
    """By AWS's own models: the call is there, and so is each of its parameters."""
    from botocore import xform_name  # noqa: PLC0415

    service, verb, *rest = words
    model = _client(service)
    calls = {xform_name(name, "-"): name for name in model.operation_names}
    if verb not in calls:
        yield f"aws {service} has no {verb}"
        return
    parameters = {f"--{xform_name(name, '-')}" for name in model.operation_model(calls[verb]).input_shape.members}
    yield from (f"aws {service} {verb} has no {word}" for word in rest if word.startswith("--") and word not in parameters)
