"""Slack's limits on blocks and views, checked as the service checks them.

Source: the reference pages of Block Kit and the constants in slack-sdk's own classes. Each problem has a JSON pointer to the culprit.
What a block shows (images, video, rich text) is not looked into beyond the limits below.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Mapping
from enum import StrEnum

from firedoor.vendors.slack.raw import Raw, Refusal, items, mapping, objects, text

SELECTS = frozenset(
    f"{many}{kind}_select" for many in ("", "multi_") for kind in ("static", "external", "users", "conversations", "channels")
)
CHOICES = frozenset({"radio_buttons", "checkboxes", "overflow"})
PICKERS = frozenset({"datepicker", "timepicker", "datetimepicker"})
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input"})
ACTIONS = SELECTS | CHOICES | PICKERS | {"button", "workflow_button", "rich_text_input"}
INPUTS = (SELECTS | PICKERS | TYPED | {"radio_buttons", "checkboxes", "file_input"}) - {"overflow"}

_BLOCK_KEYS: Mapping[str, frozenset[str]] = {
    "actions": frozenset({"elements"}),
    "context": frozenset({"elements"}),
    "divider": frozenset(),
    "header": frozenset({"text", "level"}),
    "image": frozenset({"image_url", "alt_text", "title", "slack_file"}),
    "input": frozenset({"label", "element", "dispatch_action", "hint", "optional"}),
    "markdown": frozenset({"text"}),
    "rich_text": frozenset({"elements"}),
    "section": frozenset({"text", "fields", "accessory", "expand"}),
    "table": frozenset({"rows", "column_settings"}),
    "video": frozenset(
        {"alt_text", "author_name", "description", "provider_icon_url", "provider_name", "thumbnail_url", "title", "title_url", "video_url"}
    ),
}
_MESSAGES_ONLY = frozenset({"markdown", "table"})
_VIEW_KEYS = frozenset(
    {
        "type",
        "title",
        "blocks",
        "close",
        "submit",
        "private_metadata",
        "callback_id",
        "clear_on_close",
        "notify_on_close",
        "external_id",
        "submit_disabled",
    }
)


class Surface(StrEnum):
    """Where blocks are shown."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"

    @property
    def most_blocks(self) -> int:
        """50 in a message, 100 in a view."""
        return 50 if self is Surface.MESSAGE else 100


class Inspection:
    """One pass over what an app sent; ``problems`` collects what Slack would complain of."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self.problems: list[str] = []

    def blocks(self, blocks: list[object], at: str = "/blocks") -> list[Raw]:
        """The blocks with the ids that Slack fills in where the app gave none."""
        most = self.surface.most_blocks
        self._count(blocks, most, at)
        found = [self._block(copy.deepcopy(mapping(block)), f"{at}/{index}") for index, block in enumerate(blocks)]
        ids = [text(block.get("block_id")) for block in found]
        for index, block_id in enumerate(ids):
            if block_id in ids[:index]:
                self._problem("`block_id` already exists", f"{at}/{index}/block_id")
        if sum(len(text(block.get("text"))) for block in found if block.get("type") == "markdown") > 12_000:
            self._problem("markdown blocks must be less than 12001 characters together", at)
        return found

    def view(self, view: Raw) -> Raw:
        """The view with its blocks' ids filled in."""
        for key in sorted(view.keys() - _VIEW_KEYS):
            self._problem(f"no more keys allowed: {key}", "/view")
        if self.surface is Surface.MODAL:
            self._text(view.get("title"), 24, "/view/title", plain=True)
            for key in ("submit", "close"):
                if view.get(key) is not None:
                    self._text(view[key], 24, f"/view/{key}", plain=True)
        for key, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
            self._length(view.get(key), most, f"/view/{key}", least=0)
        if not isinstance(view.get("blocks"), list):
            self._problem("missing required field: blocks", "/view")
        blocks = self.blocks(items(view.get("blocks")), "/view/blocks")
        if self.surface is Surface.MODAL and view.get("submit") is None and any(block.get("type") == "input" for block in blocks):
            self._problem("`submit` is required when an `input` is present", "/view/submit")
        return {**view, "blocks": blocks}

    def _problem(self, what: str, at: str) -> None:
        self.problems.append(f"{what} [json-pointer:{at}]")

    def _count(self, values: list[object], most: int, at: str) -> None:
        if len(values) > most:
            self._problem(f"no more than {most} items allowed", at)

    def _length(self, value: object, most: int, at: str, *, least: int = 1) -> None:
        if value is None and least == 0:
            return
        if not isinstance(value, str):
            self._problem("must provide a string", at)
        elif len(value) < least:
            self._problem(f"must be more than {least - 1} characters", at)
        elif len(value) > most:
            self._problem(f"must be less than {most + 1} characters", at)

    def _text(self, value: object, most: int, at: str, *, plain: bool = False) -> None:
        raw = mapping(value)
        if raw.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
            self._problem("must be a text object of a type allowed here", at)
            return
        self._length(raw.get("text"), most, f"{at}/text")

    def _block(self, block: Raw, at: str) -> Raw:
        kind = text(block.get("type"))
        if kind not in _BLOCK_KEYS or (self.surface is not Surface.MESSAGE and kind in _MESSAGES_ONLY):
            self._problem(f"unsupported type: {kind}", f"{at}/type")
            return block
        for key in sorted(block.keys() - _BLOCK_KEYS[kind] - {"type", "block_id"}):
            self._problem(f"no more keys allowed: {key}", at)
        self._length(block.get("block_id"), 255, f"{at}/block_id", least=0)
        if not block.get("block_id"):
            block["block_id"] = secrets.token_urlsafe(4)
        self._inside(kind, block, at)
        return block

    def _inside(self, kind: str, block: Raw, at: str) -> None:
        match kind:
            case "section":
                self._section(block, at)
            case "header":
                self._text(block.get("text"), 150, f"{at}/text", plain=True)
            case "actions":
                self._actions(block, at)
            case "context":
                self._context(block, at)
            case "input":
                self._input(block, at)
            case "image":
                self._length(block.get("alt_text"), 2000, f"{at}/alt_text")
                self._length(block.get("image_url"), 3000, f"{at}/image_url", least=0)
            case "markdown":
                self._length(block.get("text"), 12_000, f"{at}/text")

    def _section(self, block: Raw, at: str) -> None:
        fields = items(block.get("fields"))
        if block.get("text") is not None:
            self._text(block["text"], 3000, f"{at}/text")
        elif not fields:
            self._problem("must define either `text` or `fields`", at)
        self._count(fields, 10, f"{at}/fields")
        for index, entry in enumerate(fields):
            self._text(entry, 2000, f"{at}/fields/{index}")
        if block.get("accessory") is not None:
            self._element(mapping(block["accessory"]), ACTIONS | {"image"}, f"{at}/accessory")

    def _actions(self, block: Raw, at: str) -> None:
        elements = items(block.get("elements"))
        if not elements:
            self._problem("must have at least 1 item", f"{at}/elements")
        self._count(elements, 25, f"{at}/elements")
        seen: set[str] = set()
        for index, element in enumerate(objects(elements)):
            self._element(element, ACTIONS, f"{at}/elements/{index}")
            action_id = text(element.get("action_id"))
            if action_id in seen:
                self._problem("`action_id` already exists", f"{at}/elements/{index}/action_id")
            seen.add(action_id)

    def _context(self, block: Raw, at: str) -> None:
        elements = items(block.get("elements"))
        if not elements:
            self._problem("must have at least 1 item", f"{at}/elements")
        self._count(elements, 10, f"{at}/elements")
        for index, element in enumerate(objects(elements)):
            if element.get("type") == "image":
                self._length(element.get("alt_text"), 2000, f"{at}/elements/{index}/alt_text")
            else:
                self._text(element, 3000, f"{at}/elements/{index}")

    def _input(self, block: Raw, at: str) -> None:
        self._text(block.get("label"), 2000, f"{at}/label", plain=True)
        if block.get("hint") is not None:
            self._text(block["hint"], 2000, f"{at}/hint", plain=True)
        self._element(mapping(block.get("element")), INPUTS, f"{at}/element")

    def _element(self, element: Raw, allowed: frozenset[str], at: str) -> None:
        kind = text(element.get("type"))
        if kind not in allowed:
            self._problem(f"unsupported type: {kind}", f"{at}/type")
            return
        if kind == "image":
            self._length(element.get("alt_text"), 2000, f"{at}/alt_text")
            return
        self._length(element.get("action_id"), 255, f"{at}/action_id", least=0)
        if not element.get("action_id"):
            element["action_id"] = secrets.token_urlsafe(4)
        if element.get("placeholder") is not None:
            self._text(element["placeholder"], 150, f"{at}/placeholder", plain=True)
        if element.get("confirm") is not None:
            self._confirm(mapping(element["confirm"]), f"{at}/confirm")
        if kind == "button":
            self._button(element, at)
        elif kind == "plain_text_input":
            self._typed(element, at)
        elif kind in CHOICES or kind.endswith("static_select"):
            self._options(element, kind, at)

    def _button(self, element: Raw, at: str) -> None:
        self._text(element.get("text"), 75, f"{at}/text", plain=True)
        self._length(element.get("value"), 2000, f"{at}/value", least=0)
        self._length(element.get("url"), 3000, f"{at}/url", least=0)
        self._length(element.get("accessibility_label"), 75, f"{at}/accessibility_label", least=0)
        if element.get("style") not in (None, "primary", "danger"):
            self._problem("`style` must be primary or danger", f"{at}/style")

    def _typed(self, element: Raw, at: str) -> None:
        most = element.get("max_length", 3000)
        if not isinstance(most, int) or not 1 <= most <= 3000:
            self._problem("`max_length` must be from 1 to 3000", f"{at}/max_length")
            return
        self._length(element.get("initial_value"), most, f"{at}/initial_value", least=0)

    def _options(self, element: Raw, kind: str, at: str) -> None:
        options = choices(element)
        if not options:
            self._problem("must have at least 1 option", f"{at}/options")
        self._count(list(options), {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}.get(kind, 100), f"{at}/options")
        for index, option in enumerate(options):
            self._text(option.get("text"), 75, f"{at}/options/{index}/text")
            self._length(option.get("value"), 150, f"{at}/options/{index}/value")
            if option.get("description") is not None:
                self._text(option["description"], 75, f"{at}/options/{index}/description")
        if element.get("initial_option") is not None and element["initial_option"] not in options:
            self._problem("must be one of the options", f"{at}/initial_option")

    def _confirm(self, confirm: Raw, at: str) -> None:
        for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            if key in confirm or key == "text":
                self._text(confirm.get(key), most, f"{at}/{key}")


def choices(element: Raw) -> list[Raw]:
    """The options of a select, its groups' included."""
    grouped = [option for group in objects(element.get("option_groups")) for option in objects(group.get("options"))]
    return objects(element.get("options")) + grouped


def check_blocks(blocks: list[object]) -> tuple[Raw, ...]:
    """A message's blocks with their ids filled in. Raises `Refusal` invalid_blocks that names every culprit."""
    inspection = Inspection(Surface.MESSAGE)
    found = inspection.blocks(blocks)
    if inspection.problems:
        messages = [f"[ERROR] {problem}" for problem in inspection.problems]
        raise Refusal("invalid_blocks", errors=inspection.problems, response_metadata={"messages": messages})
    return tuple(found)


def check_view(view: Raw, surface: Surface) -> Raw:
    """A view with its blocks' ids filled in. Raises `Refusal` invalid_arguments (Slack's code for views) or view_too_large."""
    if view.get("type") != surface.value:
        messages = [f"[ERROR] must be a view of type {surface.value} [json-pointer:/view/type]"]
        raise Refusal("invalid_arguments", response_metadata={"messages": messages})
    if len(json.dumps(view)) > 250_000:
        raise Refusal("view_too_large")
    inspection = Inspection(surface)
    found = inspection.view(view)
    if inspection.problems:
        raise Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {problem}" for problem in inspection.problems]})
    return found
