"""One hostile attempt: what is done with the client that an action is handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Attempt = Callable[[Any], Awaitable[object]]
