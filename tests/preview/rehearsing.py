"""A tabletop on a company that is real to the code: what it is about, how it is held, and what is on record of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import pytest

from firedoor import exercising
from firedoor.exercise import estate
from firedoor.journal import Event, Journal, Kind
from firedoor.store import Store
from firedoor.vendors.access import Access, CallPolicy
from tests.company import Company
from tests.preview.proxy import Proxy
from tests.preview.test_preview import asked_of, behind_proxies

SCENARIO: Final = "cloudflare-okta-2023"
Scene = tuple[Company, dict[str, Proxy]]
# slack-sdk makes the one itself, and gives the other for its older way of sending files.
QUIET: Final = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:client.files_upload:UserWarning"),
]


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A company, with a recording proxy before each vendor."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    async with behind_proxies(tmp_path, monkeypatch) as (acme, proxies):
        yield acme, {proxy.vendor: proxy for proxy in proxies}


@pytest.fixture
def accesses(monkeypatch: pytest.MonkeyPatch) -> list[Access]:
    """The access of every vendor client that is made."""
    found: list[Access] = []
    made = CallPolicy.__init__

    def noted(self: CallPolicy, **how: Any) -> None:
        found.append(how["access"])
        made(self, **how)

    monkeypatch.setattr(CallPolicy, "__init__", noted)
    return found


def given(acme: Company, **changed: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """All that the playbook can be about."""
    everything = {name: tuple(value.split(",")) for name, value in asked_of(acme)["identity-breach"].items()}
    return {**everything, **changed}


def hold(acme: Company, about: dict[str, tuple[str, ...]] | None = None, said: list[str] | None = None) -> asyncio.Task[Any]:
    """An exercise under way in this process."""
    about = given(acme) if about is None else about
    say = said.append if said is not None else lambda _: None
    return asyncio.create_task(cast("Any", exercising.hold(SCENARIO, about, by=acme.who(), say=say)))


@asynccontextmanager
async def journal(acme: Company) -> AsyncIterator[Journal]:
    """The company's journal."""
    async with Store(f"sqlite:///{acme.folder / 'state' / 'journal.db'}") as store:
        yield Journal(store)


async def recorded(acme: Company, kind: Kind, mode: str = "exercise", seconds: float = 20.0) -> Event:
    """Such an event of a run in that mode, once there is one."""
    async with asyncio.timeout(seconds):
        while True:
            if (acme.folder / "state" / "journal.db").exists():
                async with journal(acme) as record:
                    for opened in await record.opened(most=9, mode=mode):
                        for event in await record.events(opened.run, only=kind):
                            return event
            await asyncio.sleep(0.05)


def messages(acme: Company) -> list[dict[str, Any]]:
    """What the app has said to all in the channel."""
    found = cast("Any", acme.slack.state()["messages"])[estate.CHANNEL]
    return [one for one in found if one.get("metadata")]
