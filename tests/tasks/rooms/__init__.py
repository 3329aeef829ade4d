"""The simulated vendors that cases and laws run on, by the first part of an action's id. A vendor adds a file here and a line below."""

from __future__ import annotations

from collections.abc import Mapping

from tests.tasks.rooms import aws, jira, okta, slack
from tests.tasks.rooms.base import Room

ROOMS: Mapping[str, Room] = {"okta": okta.ROOM, "aws": aws.ROOM, "slack": slack.ROOM, "jira": jira.ROOM}
