"""Sample: each token, whether it is known, and the clock."""

from __future__ import annotations

from functools import partial
from typing import Final

from firedoor.clients import sample_client
from firedoor.doctor import clocks
from firedoor.doctor.checkup import Check, Looks, ok
from firedoor.doctor.identities import Identity, variable
from firedoor.settings import Settings
from firedoor.vendors.access import Access

AREA: Final = "sample"


def is_set_up(settings: Settings) -> bool:
    """Whether Firedoor was told of Sample at all."""
    return bool(settings.sample_url or settings.sample_api_token)


def check(identity: Identity) -> Check:
    """The look at one token."""
    token = variable(identity.setting)
    return Check(area=AREA, at=token, look=partial(_look, identity), remedy=f"Set FIREDOOR_SAMPLE_URL, and {token} to a live token")


async def _look(identity: Identity) -> Looks:
    async with sample_client(identity.settings, Access.READ) as client:
        yield ok(AREA, variable(identity.setting), f"Sample knows it: {await client.whoami()}")
        if identity.first:
            yield clocks.compared("Sample", await client.skew())
