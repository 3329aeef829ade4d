"""The flow that a schedule starts: what it ends as, whatever the watch finds, and whatever Prefect does not take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from firedoor import incidents
from firedoor.errors import Misconfigured

pytestmark = pytest.mark.e2e

FINE: Mapping[str, Any] = {"open": 0, "unread": 0, "stands": 2, "looked": "", "runs": [], "not_over": [], "damaged": {}}


@pytest.mark.parametrize(
    ("found", "ends", "said"),
    [
        (FINE, "COMPLETED", "0 open again; nothing is watched"),
        ({**FINE, "unread": 1}, "FAILED", "0 open again, 1 not seen to stand; nothing is watched"),
        ({**FINE, "open": 1}, "FAILED", "0 open again, 1 never closed; nothing is watched"),
        ({**FINE, "not_over": ["r1"]}, "FAILED", "0 open again, 1 run(s) not over; nothing is watched"),
        (Misconfigured("Okta does not answer"), "FAILED", "Okta does not answer. Nothing was changed."),
        (ValueError("a planted secret"), "FAILED", "ValueError"),
    ],
)
async def test_the_flow_is_green_only_where_all_stands(
    found: Mapping[str, Any] | Exception, ends: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import watch  # noqa: PLC0415 - Prefect takes three seconds

    async def looks() -> Mapping[str, Any]:
        if isinstance(found, Exception):
            raise found
        return found

    async def away(**artifact: object) -> None:
        raise ConnectionError(f"nobody takes {len(artifact)} things")

    monkeypatch.setattr(incidents, "watch", looks)
    monkeypatch.setattr(watch, "acreate_markdown_artifact", away)
    state = await watch.watch.fn()
    assert str(state.type.value) == ends
    assert said in str(state.message)
    assert "planted" not in str(state.message)
