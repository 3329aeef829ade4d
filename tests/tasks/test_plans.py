"""Plans over snapshots that no simulator shows, but a vendor may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from firedoor.vendors.okta.values import OktaUser
from tasks.okta.revoke_sessions import RevokeSessions, SessionState

SHUT = datetime(2023, 10, 18, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "proves"), [(-1, False), (0, True), (1, True)])
def test_a_clearing_proves_nothing_of_what_was_minted_after_it(seconds: int, proves: bool) -> None:  # noqa: FBT001 - a table's column
    """Okta's log may be read in the order of arrival: an entry that comes in late can tell of an earlier moment than was asked for."""
    seen = SessionState(since=SHUT, cleared=SHUT + timedelta(seconds=seconds))
    plan = RevokeSessions(cast("Any", None)).plan(OktaUser(user_id="00u1", login="ada@acme.example"), seen)
    assert bool(plan.reason) is proves
