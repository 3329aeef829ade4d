"""The modal in which a playbook is chosen and filled in. Pure functions: they make it, and read what came back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firedoor.channels.slack import prefill
from firedoor.channels.slack.blocks import outcome
from firedoor.channels.slack.people import Payload
from firedoor.errors import BadInput
from firedoor.indicators import Found
from firedoor.inputs import LONGEST_TEXT, InputType, bind
from firedoor.playbook import Input, Playbook
from firedoor.vendors.slack.text import Block, context, fit, plain, said, shorten

CONTAIN: Final = "firedoor_contain"
CHOOSE: Final = "firedoor_choose"
PLAYBOOK: Final = "playbook"
FIELD: Final = "in:"
MOST_OPTIONS, MOST_FIELDS = 100, 40
LARGEST: Final = 240_000  # of Slack's 250,000 for a whole view
OPTION, HINT, PLACEHOLDER, NOTE, TYPED = 75, 300, 150, 600, 3000
APART: Final = re.compile(r"[\s,;]+")
# How long one value of a type can be, at the most, with some room for what a person pastes around it.
LONGEST: Final[Mapping[InputType, int]] = {
    InputType.TEXT: LONGEST_TEXT,
    InputType.MOMENT: 40,
    InputType.NETWORK: 64,
    InputType.OKTA_LOGIN: 100,
    InputType.OKTA_APP: 64,
    InputType.AWS_ACCESS_KEY: 32,
    InputType.AWS_USER: 80,
    InputType.AWS_ROLE: 640,
    InputType.AWS_PRINCIPAL: 640,
}
WRITE: Final[Mapping[InputType, str]] = {InputType.MOMENT: "In UTC, as ISO 8601."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stands in the modal. ``shown`` is the playbook whose fields they are, ``chosen`` the one that is chosen by now.

    ``found`` is what the alert named that the form was made from.
    """

    run: str
    shown: str
    chosen: str
    values: Mapping[str, str]
    found: Found | None


def form(
    books: Sequence[Playbook],
    *,
    run: str,
    chosen: Playbook | None = None,
    values: Mapping[str, str] | None = None,
    notes: Iterable[str] = (),
    found: Found | None = None,
) -> Block:
    """The modal. ``run`` is the name that the run will have, ``values`` what fields hold already, ``found`` what an alert named."""
    memory = {**(prefill.remember(found) if found else {}), "run": run, "shown": chosen.playbook if chosen else ""}
    view: Block = {
        "type": "modal",
        "callback_id": CONTAIN,
        "title": plain("Contain"),
        "submit": plain("Plan it"),
        "close": plain("Not now"),
        "private_metadata": json.dumps(memory, separators=(",", ":")),
    }
    told = [said(shorten(note, NOTE)) for note in notes if note]
    for frugal in (False, True):
        fields = _fields(chosen, values or {}, frugal=frugal) if chosen else []
        last = context(plain("Nothing is changed before others have approved the plan."))
        view["blocks"] = [_choice(books, chosen, frugal=frugal), *told, *fields, last]
        if len(json.dumps(view)) < LARGEST:
            break
    return view


def planning(run: str) -> Block:
    """What the modal says while the run is planned."""
    return outcome("Planning", f"Run {run} is being planned. The answer comes here; if you close this, you are told in the channel.")


def read(view: Payload) -> Filled:
    """What a view holds that Slack sent back. Raises `BadInput` where it is none of ours."""
    try:
        memory = json.loads(view["private_metadata"])
        stood = view["state"]["values"]
        option = stood[PLAYBOOK][CHOOSE]["selected_option"]
        fields = {block.removeprefix(FIELD): entry["value"]["value"] for block, entry in stood.items() if block.startswith(FIELD)}
        return Filled(
            run=str(memory["run"]),
            shown=str(memory["shown"]),
            chosen=str(option["value"]) if option else "",
            values={name: str(text or "") for name, text in fields.items()},
            found=prefill.recall(memory),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise BadInput("this form is not as Firedoor made it", advice="Open it again with: /firedoor contain") from None


class Faulty(BadInput):
    """Some fields cannot be used. ``fields`` says what is wrong with each, by its block."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("some fields cannot be used")
        self.fields = fields


def checked(book: Playbook, values: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """The playbook's inputs, out of what was typed; what is left empty is not given. Raises `Faulty` with all that is wrong."""
    typed = {name: _apart(values[name]) if one.many else (values[name].strip(),) for name, one in book.inputs.items() if name in values}
    given = {name: found for name, found in typed.items() if any(found)}
    if wrong := {FIELD + name: words for name, one in book.inputs.items() if (words := _fault(book, name, one, given.get(name)))}:
        raise Faulty(wrong)
    return given


def _fault(book: Playbook, name: str, wanted: Input, given: Sequence[str] | None) -> str:
    if wanted.required and given is None:
        return shorten(f"This is missing. For example: {wanted.example}")
    try:
        bind(book.model_copy(update={"inputs": {name: wanted}}), {} if given is None else {name: given})
    except BadInput as error:
        return complaint(error)
    return ""


def complaint(error: BadInput) -> str:
    """What is wrong, as a field of a form says it."""
    what = f"{error.target}: {error.what}" if error.target else error.what
    return shorten(f"{what}. {error.advice}" if error.advice else what)


def placed(view: Payload, errors: Mapping[str, str]) -> Mapping[str, str]:
    """The complaints, each under a field that the view has; what concerns none of them stands under the first."""
    there = {str(block["block_id"]) for block in view["blocks"] if block["type"] == "input"}
    found: dict[str, str] = {}
    for block, words in errors.items():
        place = block if block in there else PLAYBOOK
        found[place] = f"{found[place]} {words}" if place in found else words
    return found


def _choice(books: Sequence[Playbook], chosen: Playbook | None, *, frugal: bool) -> Block:
    options = {book.playbook: _option(book, frugal=frugal) for book in books[:MOST_OPTIONS]}
    selected = {"initial_option": options[chosen.playbook]} if chosen and chosen.playbook in options else {}
    return {
        "type": "input",
        "block_id": PLAYBOOK,
        "dispatch_action": True,
        "label": plain("Playbook"),
        "element": {
            "type": "static_select",
            "action_id": CHOOSE,
            "placeholder": plain("What has happened?"),
            "options": list(options.values()),
            **selected,
        },
        **({"hint": plain(shorten(_first_sentence(chosen.about), HINT))} if chosen else {}),
    }


def _option(book: Playbook, *, frugal: bool) -> Block:
    more = {} if frugal else {"description": plain(fit(_first_sentence(book.about), OPTION))}
    return {"text": plain(fit(book.title, OPTION)), "value": book.playbook, **more}


def _fields(book: Playbook, values: Mapping[str, str], *, frugal: bool) -> list[Block]:
    """The fields. A frugal form has no hints, and does not repeat what was typed: Slack keeps that where the field stays."""
    shown = [
        _field(name, wanted, "" if frugal else values.get(name, ""), frugal=frugal)
        for name, wanted in list(book.inputs.items())[:MOST_FIELDS]
    ]
    more = len(book.inputs) - len(shown)
    told = f"This playbook has {more} more inputs; give them with: /firedoor contain {book.playbook} key=value"
    return [*shown, *([context(plain(shorten(told)))] if more > 0 else [])]


def _field(name: str, wanted: Input, value: str, *, frugal: bool) -> Block:
    most = TYPED if wanted.many else min(TYPED, max(LONGEST[wanted.type], len(value)))  # what was typed is complained of, never cut
    hint = " ".join(
        filter(None, (f"{wanted.help}.", "Several: by commas, spaces or new lines." if wanted.many else "", WRITE.get(wanted.type)))
    )
    return {
        "type": "input",
        "block_id": FIELD + name,
        "optional": not wanted.required,
        "label": plain(fit(name.replace("_", " ").capitalize(), OPTION)),
        **({} if frugal else {"hint": plain(shorten(hint, HINT))}),
        "element": {
            "type": "plain_text_input",
            "action_id": "value",
            "multiline": wanted.many,
            "max_length": most,
            "placeholder": plain(fit(wanted.example, PLACEHOLDER)),
            **({"initial_value": value[:TYPED]} if value else {}),
        },
    }


def _first_sentence(about: str) -> str:
    words = " ".join(about.split())
    end = words.find(". ")
    return words[: end + 1] if end > 0 else words


def _apart(text: str) -> tuple[str, ...]:
    return tuple(filter(None, APART.split(text)))
