"""Law 5, on the wire: every playbook and every action previewed, and hostile actions that try to write, with a recording proxy in between.

The figures are written to ``build/preview-*.json``, a file a process, and summed at the end of `make laws`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor import planning, running, shelf
from firedoor.canonical import canonical
from firedoor.drafting import Draft, Drafts, Units
from firedoor.errors import FiredoorError, WriteRefused
from firedoor.model import Mode, Target
from firedoor.run import Item, Order, revive
from firedoor.vendors.access import Access
from tests.company import Company, company
from tests.preview.hostile import BEYOND, GUARDED
from tests.preview.proxy import Proxy
from tests.tasks.harness import CATALOGUE, Case, cases
from tests.tasks.rooms import ROOMS

# slack-sdk makes the one itself, and gives the other for its older way of sending files.
pytestmark = [
    pytest.mark.every_case,
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:client.files_upload:UserWarning"),
]
NOW = datetime(2023, 11, 23, 16, 0, tzinfo=UTC)
ACTIONS = sorted(CATALOGUE.actions)
BUILD = Path(__file__).resolve().parent.parent.parent / "build"
figures: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    """Counted over the whole session: tests of other modules may run in between, and this is set up anew then."""
    yield
    BUILD.mkdir(exist_ok=True)
    (BUILD / f"preview-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}.json").write_text(
        json.dumps(dict(sorted(figures.items())), indent=2) + "\n"
    )


def ordinary(name: str) -> Case:
    return next(case for case in cases() if (case.action, case.name) == (name, "ordinary"))


async def planned(action: Any, target: Target) -> Item:
    """The action's preview, as the engine makes it."""
    name = action.spec.id
    item = Item(id="s/x", step="s", action=name, label=target.label, target={})
    order = Order(run="p", incident="i", playbook="p", mode=Mode.PREVIEW, requester="Ada", asked=NOW, inputs={}, title="t")
    drafts = Drafts(drafts=(Draft(item=item, target=target),), names=target.names)
    return (await planning.read_and_plan(drafts, order, Units(actions={}, queries={}), {name: action})).items[0]


@asynccontextmanager
async def behind_proxies(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Company, list[Proxy]]]:
    """A company, reached by way of a recording proxy in front of each vendor."""
    async with company(folder) as acme, AsyncExitStack() as stack:
        urls = {"okta": acme.okta.url, "aws": acme.aws.url, "slack": acme.slack.url, "jira": acme.jira.url}
        proxies = [await stack.enter_async_context(Proxy(vendor, url)) for vendor, url in urls.items()]
        for name, value in acme.environment.items():
            for proxy in proxies:
                value = value.replace(proxy.upstream, proxy.url)  # noqa: PLW2901 - one address at most is in each
            monkeypatch.setenv(name, value)
        yield acme, proxies


def asked_of(acme: Company) -> Mapping[str, Mapping[str, str]]:
    """What each playbook is asked to contain."""
    scene = acme.estate
    people = {"users": ",".join(scene.victims), "since": scene.since}
    keys = {"access_keys": scene.stolen_key, "roles": scene.role}
    addresses = {"addresses": f"{scene.address},2001:db8::/64"}
    account, name = scene.role.split(":")[4], scene.service.partition(" ")[0]
    proof = {"verified_by": "Grace Hopper", "how": "in_person", "reference": "HR-1"}
    return {
        "identity-breach": {**people, **keys, **addresses, "apps": scene.app},
        "session-hijack": {**people, **addresses},
        "leaked-aws-key": {**keys, **addresses},
        "service-account-compromised": {"apps": scene.app, "aws_users": f"{account}/{name}", "roles": scene.role, **addresses},
        "block-addresses": addresses,
        "freeze": {"users": ",".join(scene.victims), "access_keys": scene.stolen_key},
        "restore-user": {"users": scene.victims[0], **proof},
        "rotate-after-containment": {"access_keys": scene.stolen_key},
    }


@pytest.mark.parametrize("book", sorted(shelf.shelf()))
async def test_a_preview_of_a_playbook_sends_no_write(book: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with behind_proxies(tmp_path, monkeypatch) as (acme, proxies):
        if book == "restore-user":
            acme.okta.world.user(acme.estate.victims[0]).status = "SUSPENDED"
        given = [f"{key}={value}" for key, value in asked_of(acme)[book].items()]
        report = await running.preview(book, given)
        assert report["outcome"] == "previewed"
        assert {step["outcome"] for step in report["steps"]} <= {"PREVIEWED", "ALREADY"}, report["steps"]
        assert any(step["outcome"] == "PREVIEWED" and not step["telling"] for step in report["steps"])
        assert sum(len(proxy.writes) for proxy in proxies) == acme.writes() == 0
        figures["playbooks previewed"] += 1
        figures["requests of these previews"] += sum(len(proxy.seen) for proxy in proxies)
        figures["write requests of these previews"] += sum(len(proxy.writes) for proxy in proxies)


@pytest.mark.parametrize("name", ACTIONS)
async def test_a_preview_of_an_action_sends_no_write(name: str) -> None:
    case, unit = ordinary(name), CATALOGUE.action(name)
    async with ROOMS[unit.spec.vendor].open(case.data["world"], {}) as at, Proxy(unit.spec.vendor, at.url) as proxy:
        before = canonical(at.state())
        async with at.connect(Access.READ, proxy.url) as client:
            item = await planned(unit(client), revive(unit.target, case.data["target"]))  # type: ignore[call-arg]
        assert item.plan is not None
        assert item.plan.changes, "there is something to preview"
        assert proxy.seen, "it was read over the wire"
        assert proxy.writes == []
        assert canonical(at.state()) == before
        figures["actions previewed"] += 1
        figures["requests of these previews"] += len(proxy.seen)
        figures["write requests of these previews"] += len(proxy.writes)


@pytest.mark.parametrize("name", ACTIONS)
async def test_a_hostile_action_in_a_preview_changes_nothing(name: str) -> None:
    case, unit = ordinary(name), CATALOGUE.action(name)
    vendor = unit.spec.vendor
    async with ROOMS[vendor].open(case.data["world"], {}) as at, Proxy(vendor, at.url) as proxy:
        before = canonical(at.state())
        async with at.connect(Access.READ, proxy.url) as client:
            refused: list[str] = []
            target: Any = revive(unit.target, case.data["target"])

            class Hostile(unit):  # type: ignore[misc,valid-type]
                """The action, with an enemy's code in its reading."""

                async def read(self, target: Any) -> Any:
                    seen = await super().read(target)  # before its own tricks spoil the client
                    for what, attempt in GUARDED[vendor]():
                        try:
                            await attempt(client)
                        except WriteRefused:
                            refused.append(what)
                        except FiredoorError as other:
                            pytest.fail(f"{what} was not refused by the guard: {other}")
                    figures["write requests of those that left the process"] += len(proxy.writes)
                    assert proxy.writes == [], "not one of them left the process"
                    for what, attempt in BEYOND[vendor]():
                        try:
                            await attempt(client)
                        except Exception:  # noqa: BLE001 - the vendor says no, in whatever form its library raises
                            refused.append(what)
                    return seen

            item = await planned(Hostile(client), target)
        assert item.plan is not None
        assert item.plan.changes, item.plan
        assert canonical(at.state()) == before
        assert proxy.accepted == []
        guarded, beyond = len(list(GUARDED[vendor]())), len(list(BEYOND[vendor]()))
        assert len([what for what in refused if what in dict(GUARDED[vendor]())]) == guarded
        assert proxy.writes, "those beyond the guard did reach the vendor"
        figures["hostile attempts through what an action is handed"] += guarded
        figures["hostile attempts that no guard can stop"] += beyond
        figures["write requests of those beyond, as the vendor got them"] += len(proxy.writes)
        figures["writes accepted by a vendor"] += len(proxy.accepted)
