"""What a person can do with the elements they have before them: which exist, what may be chosen, what a field accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from firedoor.vendors.slack.blocks import choices
from firedoor.vendors.slack.payloads import action_ts
from firedoor.vendors.slack.raw import Raw, Refusal, mapping, objects, text, texts

Entry = str | list[str]

_SINGLE_ID = {"users_select": "selected_user", "conversations_select": "selected_conversation", "channels_select": "selected_channel"}
_MANY_IDS = {f"multi_{kind}": f"{key}s" for kind, key in _SINGLE_ID.items()}
_PICKED = {"datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time"}
_TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})


def find_element(blocks: Iterable[Raw], action_id: str, block_id: str = "") -> tuple[str, Raw]:
    """The one element of that action_id, with its block's id. Raises `Refusal` where none or several are there."""
    found = [
        (text(block.get("block_id")), element)
        for block in blocks
        for element in [*objects(block.get("elements")), mapping(block.get("accessory")), mapping(block.get("element"))]
        if element.get("action_id") == action_id and block_id in ("", block.get("block_id"))
    ]
    if not found:
        raise Refusal("no_such_element")
    if len(found) > 1:
        raise Refusal("several_such_elements")
    return found[0]


def action(block_id: str, element: Raw, entry: Entry) -> Raw:
    """The action that Slack sends for a click on a button, or for ``entry`` chosen in a select."""
    kind = text(element.get("type"))
    base: Raw = {"type": kind, "action_id": element["action_id"], "block_id": block_id, "action_ts": action_ts()}
    if kind == "button":
        return base | {key: element[key] for key in ("text", "value", "style", "confirm") if key in element}
    if kind == "overflow":
        return base | {"selected_option": _option(element, entry)}
    return base | value(element, entry)


def value(element: Raw, entry: Entry) -> Raw:
    """What ``entry`` makes of the element's state. Raises `Refusal` where Slack's client would not take it."""
    kind = text(element.get("type"))
    many = entry if isinstance(entry, list) else [entry]
    if kind in _TYPED:
        return {"type": kind, "value": _typed(element, entry)}
    if kind in ("static_select", "radio_buttons"):
        return {"type": kind, "selected_option": _option(element, entry)}
    if kind in ("multi_static_select", "checkboxes"):
        return {"type": kind, "selected_options": [_option(element, one) for one in many]}
    if kind in _SINGLE_ID:
        return {"type": kind, _SINGLE_ID[kind]: _one(entry)}
    if kind in _MANY_IDS:
        return {"type": kind, _MANY_IDS[kind]: many}
    if kind in _PICKED:
        return {"type": kind, _PICKED[kind]: int(_one(entry)) if kind == "datetimepicker" else _one(entry)}
    raise Refusal("element_not_simulated", type=kind)


def initial(element: Raw) -> Raw | None:
    """The state that an element starts with; None where it starts empty."""
    if options := objects(element.get("initial_options")) or objects([element.get("initial_option")]):
        chosen = [text(option.get("value")) for option in options]
        return value(element, chosen if "initial_options" in element else chosen[0])
    for key in ("initial_value", "initial_user", "initial_conversation", "initial_channel", "initial_date", "initial_time"):
        if text(element.get(key)):
            return value(element, text(element[key]))
    if isinstance(moment := element.get("initial_date_time"), int):
        return value(element, str(moment))
    for key in ("initial_users", "initial_conversations", "initial_channels"):
        if texts(element.get(key)):
            return value(element, texts(element[key]))
    return None


def fill(blocks: Iterable[Raw], before: Mapping[str, Mapping[str, Raw]], entries: Mapping[str, Entry]) -> dict[str, dict[str, Raw]]:
    """The state of a form: initial values, then what stood there ``before``, then ``entries`` by action_id or ``block_id/action_id``.

    Raises `Refusal` where an entry has no field, or a field does not take it.
    """
    state: dict[str, dict[str, Raw]] = {}
    left = dict(entries)
    for block in blocks:
        block_id = text(block.get("block_id"))
        fields = [mapping(block.get("element")), *objects(block.get("elements")), mapping(block.get("accessory"))]
        for element in fields:
            action_id, kind = text(element.get("action_id")), element.get("type")
            if not action_id or kind in ("button", "overflow", "workflow_button"):
                continue
            entry = left.pop(f"{block_id}/{action_id}", None)
            entry = left.pop(action_id, None) if entry is None else entry
            stood = before.get(block_id, {}).get(action_id) or initial(element)
            given = value(element, entry) if entry not in (None, "", []) and entry is not None else None
            kept = stood if entry is None else None
            state.setdefault(block_id, {})[action_id] = given or kept or _empty(element)
    if left:
        raise Refusal("no_such_field", fields=sorted(left))
    return state


def missing(blocks: Iterable[Raw], state: Mapping[str, Mapping[str, Raw]]) -> list[str]:
    """The required input blocks that are empty; Slack's client does not submit then."""
    return [
        text(block.get("block_id"))
        for block in blocks
        if block.get("type") == "input" and block.get("optional") is not True and not _filled(state.get(text(block.get("block_id")), {}))
    ]


def _filled(actions: Mapping[str, Raw]) -> bool:
    return any(content not in (None, "", []) for state in actions.values() for key, content in state.items() if key != "type")


def _empty(element: Raw) -> Raw:
    kind = text(element.get("type"))
    if kind in ("multi_static_select", "checkboxes"):
        return {"type": kind, "selected_options": []}
    if kind in _MANY_IDS:
        return {"type": kind, _MANY_IDS[kind]: []}
    key = "selected_option" if kind in ("static_select", "radio_buttons") else _SINGLE_ID.get(kind) or _PICKED.get(kind) or "value"
    return {"type": kind, key: None}


def _one(entry: Entry) -> str:
    if isinstance(entry, list):
        raise Refusal("one_value_only")
    return entry


def _option(element: Raw, entry: Entry) -> Raw:
    for option in choices(element):
        if option.get("value") == _one(entry):
            return option
    raise Refusal("no_such_option")


def _typed(element: Raw, entry: Entry) -> str:
    typed = _one(entry)
    least, most = element.get("min_length"), element.get("max_length")
    if isinstance(least, int) and len(typed) < least:
        raise Refusal("too_short")
    if len(typed) > (most if isinstance(most, int) else 3000):
        raise Refusal("too_long")
    return typed
