"""The Web API methods that show views, and the rules of their stack."""

from __future__ import annotations

from collections.abc import Mapping

from firedoor.vendors.slack.blocks import Surface, check_view
from firedoor.vendors.slack.raw import Raw, Refusal, mapping, text
from firedoor.vendors.slack.web_api import Call, Desk, Method
from firedoor.vendors.slack.world import View, World

MOST_VIEWS = 3


def _definition(desk: Desk, call: Call, surface: Surface, *, replacing: View | None = None) -> Raw:
    raw = mapping(call.json("view", invalid="invalid_arguments"))
    definition = check_view(raw, surface)
    external = text(definition.get("external_id"))
    if external and any(view is not replacing and view.definition.get("external_id") == external for view in desk.world.open_views()):
        raise Refusal("duplicate_external_id")
    return definition


def open_view(desk: Desk, call: Call) -> Raw:
    """views.open: shows a modal to whoever made the trigger, in place of any that they had open."""
    definition = _definition(desk, call, Surface.MODAL)
    trigger = desk.grants.exchange(call.text("trigger_id", missing="invalid_trigger_id"))
    view = desk.world.new_view(trigger.user, definition)
    desk.world.modals[trigger.user] = [view]
    return {"view": desk.world.view_wire(view)}


def push_view(desk: Desk, call: Call) -> Raw:
    """views.push: lays a modal on the one that the trigger came from."""
    definition = _definition(desk, call, Surface.MODAL)
    trigger = desk.grants.exchange(call.text("trigger_id", missing="invalid_trigger_id"))
    stack = desk.world.modals.get(trigger.user, [])
    if not trigger.view_id or trigger.view_id not in [view.id for view in stack]:
        raise Refusal("not_found")
    return {"view": desk.world.view_wire(lay(desk.world, trigger.user, definition))}


def lay(world: World, user: str, definition: Raw) -> View:
    """Put a new view on the person's stack. Raises `Refusal` where three lie there already."""
    stack = world.modals.setdefault(user, [])
    if len(stack) >= MOST_VIEWS:
        raise Refusal("push_limit_reached")
    view = world.new_view(user, definition, below=stack[-1] if stack else None)
    stack.append(view)
    return view


def update_view(desk: Desk, call: Call) -> Raw:
    """views.update: by ``view_id`` or ``external_id``; with ``hash``, only if nobody updated it meanwhile."""
    view_id, external = call.text("view_id"), call.text("external_id")
    if bool(view_id) == bool(external):
        raise Refusal("invalid_arguments")
    open_now = [view for stack in desk.world.modals.values() for view in stack]
    view = next((one for one in open_now if one.id == view_id or (external and one.definition.get("external_id") == external)), None)
    if view is None:
        raise Refusal("not_found")
    if call.text("hash") not in ("", view.hash):
        raise Refusal("hash_conflict")
    changed = desk.world.changed_view(view, _definition(desk, call, Surface.MODAL, replacing=view))
    desk.world.put_view(changed)
    return {"view": desk.world.view_wire(changed)}


def publish_view(desk: Desk, call: Call) -> Raw:
    """views.publish: the app's home tab for one person."""
    user = desk.world.user(call.text("user_id", missing="invalid_arguments"))
    old = desk.world.homes.get(user.id)
    if old is not None and call.text("hash") not in ("", old.hash):
        raise Refusal("hash_conflict")
    definition = _definition(desk, call, Surface.HOME, replacing=old)
    view = desk.world.changed_view(old, definition) if old else desk.world.new_view(user.id, definition)
    desk.world.homes[user.id] = view
    return {"view": desk.world.view_wire(view)}


METHODS: Mapping[str, Method] = {
    "views.open": Method(run=open_view),
    "views.push": Method(run=push_view),
    "views.update": Method(run=update_view),
    "views.publish": Method(run=publish_view),
}
