"""What a run made is looked for as of the run's own T: as of the undo's it would not be found, and would pass for undone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from firedoor.errors import Unreachable
from firedoor.journal import Kind
from tests.fakes import Door, Seen, Shut, failing, hasten, lab, outcomes


async def test_what_the_run_did_is_looked_for_as_of_its_own_t(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    seen: list[datetime | None] = []

    class Watched(Shut):
        async def read(self, target: Door) -> Seen:
            seen.append(target.before)
            return await super().read(target)

    async with lab(tmp_path, {"a": {"k": "open"}}, actions=(Watched,)) as it:
        await it.contain()
        (moment,) = (event.body["at"] for event in await it.events() if event.kind == Kind.INTENT)
        seen.clear()
        it.vendor.on_apply.append(failing(Unreachable("no reply", vendor="fake", operation="open", changed=None)))
        assert outcomes(await it.undo()) == ["CHANGED"]
        assert set(seen) == {datetime.fromisoformat(str(moment))}
        assert len(seen) > 2, "before its first write, and after"
