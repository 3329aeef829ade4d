"""What the receipts of a new client secret say, so that a sweep knows its own, however Okta's answer fared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from firedoor.errors import Unreachable
from firedoor.model import Intent, Receipt
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.okta.credentials import OktaClientSecret
from firedoor.vendors.okta.services import ClientSecret
from tasks.okta.replace_client_secret import ReplaceClientSecret
from tests.tasks.rooms import ROOMS
from tests.tasks.rooms.base import Simulated

WORLD: dict[str, Any] = {
    "apps": [{"id": "0oa1", "label": "Deploy bot"}],
    "client_secrets": [{"id": "ocs1", "app": "0oa1", "secret": "canary"}],
}
TARGET = OktaClientSecret(app_id="0oa1", title="Deploy bot", secret_id="ocs1")
LOST = Fault(operation="createOAuth2ClientSecret", effect=Effect.FIRST, drop=True)


@pytest.fixture
async def at() -> AsyncIterator[Simulated]:
    async with ROOMS["okta"].open(WORLD, {}) as found:
        yield found


async def made(at: Simulated) -> Receipt:
    action = ReplaceClientSecret(at.client)
    change = action.plan(TARGET, await action.read(TARGET)).changes[0]
    assert change.key == "make"
    return await action.apply(change, Intent(run="r", item="i", key="k", at=await action.clock(TARGET), fence=1))


async def test_the_receipt_names_the_new_secret_and_not_what_it_is(at: Simulated) -> None:
    receipt = await made(at)
    assert receipt.facts == {"made": "ocssim00000001"}
    assert at.world.client_secrets["ocssim00000001"].secret not in str(receipt)


async def test_where_the_answer_was_lost_the_list_names_it(at: Simulated) -> None:
    at.faults.plan(LOST)
    assert (await made(at)).facts == {"made": "ocssim00000001"}


async def test_a_secret_that_is_older_than_the_intent_is_not_taken_for_ours(at: Simulated) -> None:
    action = ReplaceClientSecret(at.client)
    change = action.plan(TARGET, await action.read(TARGET)).changes[0]
    now = await action.clock(TARGET)
    old = ClientSecret(id="ocs9", app="0oa1", secret="canary-9", created=now - timedelta(seconds=1))
    at.world.client_secrets[old.id] = old
    at.faults.plan(Fault(operation="listOAuth2ClientSecrets", status=200, body="[]"))  # nobody sees it before we try
    at.faults.plan(Fault(operation="createOAuth2ClientSecret", drop=True))
    with pytest.raises(Unreachable):
        await action.apply(change, Intent(run="r", item="i", key="k", at=now, fence=1))


async def test_where_nobody_can_read_the_list_either_the_loss_is_told(at: Simulated) -> None:
    at.faults.plan(LOST)
    action = ReplaceClientSecret(at.client)
    change = action.plan(TARGET, await action.read(TARGET)).changes[0]
    intent = Intent(run="r", item="i", key="k", at=await action.clock(TARGET), fence=1)
    at.faults.plan(Fault(operation="listOAuth2ClientSecrets"))  # looking for room goes through
    at.faults.plan(Fault(operation="listOAuth2ClientSecrets", status=500), times=4)
    with pytest.raises(Unreachable) as lost:
        await action.apply(change, intent)
    assert lost.value.changed is None
    assert action.receipt(change, intent).facts == {"beside": ["ocs1"], "since": intent.at.isoformat()}
