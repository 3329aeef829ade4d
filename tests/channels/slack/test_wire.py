"""The socket breaks, is taken away or falls silent while a request stands: nothing is lost, nothing doubled, and Slack is not besieged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor import observing
from firedoor.channels.slack import sockets
from firedoor.channels.slack.blocks import APPROVE
from firedoor.metrics import Metrics
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.sockets import Reason
from tests.channels.slack.scene import ROOM, Scene, scene

OPEN = "apps.connections.open"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the app waited before each further try; here it waits a moment."""
    found: list[float] = []

    async def wait(seconds: float) -> None:
        found.append(seconds)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(sockets, "pause", wait)
    return found


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> AsyncIterator[Scene]:
    del waits
    monkeypatch.setattr(sockets, "PING_SECONDS", 0.3)
    async with scene(tmp_path, monkeypatch) as found:
        yield found


async def leave(stage: Scene, how: str) -> None:
    """The socket that is open ends in one of the ways in which they do."""
    for socket in list(stage.slack._sockets._sockets):
        transport = socket.channel._req.transport if socket.channel._req is not None else None
        assert transport is not None
        match how:
            case "closed":
                await socket.channel.close()
            case "aborted":
                transport.abort()
            case "silent":
                transport.pause_reading()  # no ping is answered any more, and nothing is said
            case _:
                await stage.slack.disconnect(how)  # type: ignore[arg-type]
                return


async def back(stage: Scene, old: list[object]) -> None:
    """A new socket is open, which takes envelopes."""

    async def there() -> bool:
        return any(one not in old and not one.leaving and not one.channel.closed for one in stage.slack._sockets._sockets)

    await stage.until(there)


@pytest.mark.parametrize("how", ["closed", "aborted", "silent", "warning", "refresh_requested", "link_disabled", "too_many_websockets"])
async def test_a_request_that_stands_outlives_its_socket(stage: Scene, how: str) -> None:
    run = await stage.ask()
    await stage.open("ben")
    old: list[object] = list(stage.slack._sockets._sockets)
    await leave(stage, how)
    await back(stage, old)
    assert (await stage.submit("ben")).title == "Recorded"
    assert (await run)["outcome"] == "partial"
    assert len(await stage.decisions()) == 1
    assert set(stage.lab.vendor.effects.values()) == {1}
    assert stage.posted() == 3
    assert stage.calls(OPEN) == 2


async def test_what_somebody_did_while_no_socket_was_open_they_do_again(stage: Scene) -> None:
    run = await stage.ask()
    ben, post = stage.people["ben"], await stage.request()
    old: list[object] = list(stage.slack._sockets._sockets)
    held = asyncio.Event()

    async def hold(_: float) -> None:
        await held.wait()

    metrics = Metrics()
    metrics.connected(up=True)
    with pytest.MonkeyPatch.context() as patch, observing.watched_by(metrics):
        patch.setattr(sockets, "pause", hold)
        await leave(stage, "aborted")

        async def gone() -> bool:
            return stage.slack.connected == 0 and metrics.registry.get_sample_value("firedoor_slack_connected") == 0

        await stage.until(gone)
        assert (await ben.click(ROOM, post.ts, APPROVE)).error == "dispatch_failed"
        held.set()
        await back(stage, old)
        assert metrics.registry.get_sample_value("firedoor_slack_connected") == 1
    await stage.open("ben")
    await stage.submit("ben")
    await run
    assert len(await stage.decisions()) == 1


async def test_where_slack_turns_sockets_away_it_is_asked_ever_more_slowly(stage: Scene, waits: list[float]) -> None:
    rules = stage.slack._sockets._rules
    stage.slack._sockets._rules = replace(rules, most_sockets=0)
    await leave(stage, "aborted")

    async def patient() -> bool:
        return len(waits) >= 12

    await stage.until(patient)
    asked = stage.calls(OPEN)
    assert asked <= len(waits) + 2  # never once without waiting before, but for the first time
    assert waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, sockets.LONGEST_WAIT, sockets.LONGEST_WAIT]
    stage.slack._sockets._rules = rules
    await back(stage, [])
    assert (await stage.people["ada"].command(ROOM, "/firedoor")).ok


async def test_an_address_whose_ticket_is_used_up_is_not_tried_again(
    stage: Scene, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    used = f"ws{stage.slack.url.removeprefix('http')}link/?ticket=planted-ticket"
    stage.slack.faults.plan(Fault(operation=OPEN, status=200, body=f'{{"ok": true, "url": "{used}"}}'))
    stage.slack.faults.plan(Fault(operation=OPEN, status=503, body="<html>"))
    old: list[object] = list(stage.slack._sockets._sockets)
    await leave(stage, "refresh_requested")
    await back(stage, old)
    assert stage.calls(OPEN) == 4
    assert len(waits) >= 2
    assert "planted-ticket" not in caplog.text
    assert "Traceback" not in caplog.text
    assert (await stage.people["ada"].command(ROOM, "/firedoor")).ok


@pytest.mark.parametrize(
    "fault", [{"status": 503, "body": "<html>"}, {"drop": True}, {"status": 200, "body": '{"ok": false, "error": "internal_error"}'}]
)
async def test_a_slack_that_opens_no_socket_for_a_while_is_asked_again(
    stage: Scene, fault: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    run = await stage.ask()
    stage.slack.faults.plan(Fault(operation=OPEN, **fault), times=3)  # type: ignore[arg-type]
    old: list[object] = list(stage.slack._sockets._sockets)
    await leave(stage, "aborted")
    await back(stage, old)
    await stage.open("ben")
    await stage.submit("ben")
    await run
    assert "Traceback" not in caplog.text


async def test_several_disconnects_at_once_open_few_sockets(stage: Scene) -> None:
    reasons: list[Reason] = ["warning", "refresh_requested", "warning"]
    for reason in reasons:
        await stage.slack.disconnect(reason)
    await back(stage, [])
    await asyncio.sleep(0.2)
    assert stage.calls(OPEN) <= 4
    assert (await stage.people["ada"].command(ROOM, "/firedoor")).ok
