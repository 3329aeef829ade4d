"""What people type after /firedoor, and what only they are answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from slack_bolt.context.respond.async_respond import AsyncRespond

from firedoor.channels.slack import commands
from firedoor.errors import BadInput
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.starts import Starts
from firedoor.vendors.slack.blocks import check_blocks
from firedoor.vendors.slack.people import Post
from tests.channels.slack.samples import HOSTILE
from tests.channels.slack.scene import ROOM, SECONDS, Scene, scene
from tests.channels.slack.test_forms import golden


@pytest.fixture
def stage(either: Scene) -> Scene:
    """All of this holds in both ways."""
    return either


async def test_help(stage: Scene) -> None:
    for name, line in (("ada", "/firedoor"), ("ada", "/firedoor Help"), ("eve", "/firedoor help me")):
        assert (await stage.say(name, line)) == commands.HELP
    for line, words in (
        ("dance now", "There is no 'dance' here"),
        ("Satus r1", "did you mean 'status'?"),
        ("<!channel>", "&lt;!channel&gt;"),
    ):
        answer = await stage.say("ada", f"/firedoor {line}")
        assert words in answer
        assert answer.endswith(commands.HELP)


def test_help_fits_a_phone() -> None:
    lines = commands.HELP.splitlines()
    assert max(len(line.replace("`", "").replace("*", "")) for line in lines) <= 42
    assert len(lines) <= 14
    for word in commands.WORDS:
        assert [line for line in lines if line.startswith(f"`{word}")], f"{word} is told of"
    check_blocks(list(commands.help_for("x" * 4096)["blocks"]))
    golden("help", commands.help_for("satus")["blocks"])


async def test_a_good_order_starts_a_run_and_asks(stage: Scene) -> None:
    answer = await stage.say("ada", "/firedoor contain leaked-aws-key access_keys=AKIAIOSFODNN7EXAMPLE")
    [run] = await stage.lab.journal.runs()
    assert answer.startswith(f"Run {run} of leaked-aws-key is planned")
    assert [one for one in await stage.people["ada"].messages(ROOM) if one.ephemeral and one.text.startswith(f"Run {run} of ")]
    request = await stage.request(run)
    assert request.buttons
    assert not [one for one in await stage.people["ben"].messages(ROOM) if one.ephemeral]
    assert "Running" in await stage.say("ben", f"/firedoor status {run}")

    assert "begins no further write" in await stage.say("ada", f"/firedoor stop {run}")
    await stage.until(lambda: stage.recorded(Kind.FINISHED, run))
    assert "the run was stopped" in await stage.say("ada", f"/firedoor status {run}")
    ended = await stage.people["ben"].wait_for_message(ROOM, lambda one: one.ts == request.ts and not one.buttons, 10)
    assert "Stopped by Ada before it was decided" in ended.shown
    assert "is over" in await stage.say("ada", f"/firedoor stop {run}")
    assert not stage.lab.vendor.effects


KEY = "AKIAIOSFODNN7EXAMPLE"
BAD_ORDERS = [
    ("contain leaked-aws-keys access_keys=AKIAIOSFODNN7EXAMPLE", "did you mean 'leaked-aws-key'?"),
    ("contain leaked-aws-key access_keys=nonsense", "not an AWS access key id"),
    ("contain leaked-aws-key roles=r", "access_keys"),
    ("contain leaked-aws-key access_keys", "key=value"),
    ("contain nowhere", "there is no playbook 'nowhere'"),
    ("contain leaked-aws-key colour=red", "colour"),
    ("contain leaked-aws-key <!channel>", ""),
    ("status r404", "there is no run 'r404'"),
    ("status <!channel>", "&lt;!channel&gt;"),
    ("stop r404", "there is no run 'r404'"),
    ("stop", "no run is named"),
    ("undo", "no run is named"),
    ("undo r404", "there is no run 'r404'"),
]


async def test_a_bad_order_is_answered_and_starts_nothing(stage: Scene) -> None:
    for line, words in BAD_ORDERS:
        answer = await stage.say("ada", f"/firedoor {line}")
        assert words in answer
        assert answer
        assert "<!" not in answer
    assert not await stage.lab.journal.runs()


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_words_are_answered_and_inert(stage: Scene, name: str) -> None:
    words = HOSTILE[name].replace("\ud800", "?")
    for line in (
        words,
        f"contain {words}",
        f"contain leaked-aws-key access_keys={words}",
        f"status {words}",
        f"undo {words}",
        f"freeze {words}",
    ):
        answer = await stage.say("ada", f"/firedoor {line}")
        assert answer
        for live in ("<!", "<@", "<#", "<http"):
            assert live not in answer
        assert len(answer) < 3000
    assert not stage.small.orders
    assert [request.error for request in stage.slack.requests if request.error] == []


async def test_an_unknown_run_names_the_newest(stage: Scene) -> None:
    assert "There is none yet" in await stage.say("ada", "/firedoor stop r404")
    runs = [(await stage.say("ada", f"/firedoor contain leaked-aws-key access_keys={KEY[:-1]}{letter}")).split()[1] for letter in "ABCD"]
    for word in ("stop", "undo", "status"):
        answer = await stage.say("ada", f"/firedoor {word} r404")
        assert f"The newest are: {', '.join(runs[:0:-1])}" in answer
    assert f"did you mean '{runs[3]}'?" in await stage.say("ada", f"/firedoor status {runs[3][:-1]}")


async def test_a_run_is_followed_to_its_end_and_undone(stage: Scene) -> None:
    assert "Nothing is under way" in await stage.say("ada", "/firedoor status")
    run = (await stage.say("ada", f"/firedoor contain leaked-aws-key access_keys={KEY}")).split()[1]
    assert f"{run} " in await stage.say("ben", "/firedoor status")
    assert "is not over" in await stage.say("ada", f"/firedoor undo {run}")
    await stage.open("ben", run=run)
    await stage.submit("ben")
    await stage.until(lambda: stage.recorded(Kind.FINISHED, run))
    lines = (await stage.say("ada", f"/firedoor status {run}")).splitlines()
    assert lines[:3] == [
        "NOT contained: 1 of 3 steps still open",
        "Still open:",
        "✗ shut/door:safe is REFUSED: safe is protected: nobody shuts the safe",
    ]
    assert "• cookies of front: until an hour" in lines
    assert "Left open:" in await stage.say("ada", "/firedoor status")

    answer = await stage.say("ada", f"/firedoor undo {run}")
    assert f"of the undo of run {run} is planned; the request stands in the channel" in answer
    back = answer.split()[1]
    await stage.open("ben", run=back)
    await stage.submit("ben")
    await stage.until(lambda: stage.recorded(Kind.FINISHED, back))
    assert stage.lab.vendor.doors["front"] == {"k1": "open", "k2": "open"}
    assert "Left open:" not in await stage.say("ada", "/firedoor status"), "what was undone is not open any more"


async def test_a_command_that_is_delivered_twice_begins_one_run(either: Scene) -> None:
    stage, world = either, either.slack.world
    payloads = stage.slack._people.acts.payloads
    line = f"contain leaked-aws-key access_keys={KEY}"
    payload = payloads.command(world.user("U0ADA"), world.channel(ROOM), "/firedoor", line)
    assert (await stage.deliver("slash_commands", payload)).came
    assert (await stage.deliver("slash_commands", payload)).came
    await stage.until(lambda: _begun(stage))
    assert (await stage.deliver("slash_commands", payload)).came
    other = payloads.command(world.user("U0ADA"), world.channel(ROOM), "/firedoor", line)
    assert (await stage.deliver("slash_commands", other)).came, "typed again, it is another order, of the very same"
    [run] = await stage.lab.journal.runs()
    assert f"run {run} does this already" in (await stage.people["ada"].wait_for_message(ROOM, _of_before, SECONDS)).shown
    another = payloads.command(world.user("U0ADA"), world.channel(ROOM), "/firedoor", f"{line[:-1]}F")
    assert (await stage.deliver("slash_commands", another)).came
    await stage.until(lambda: _begun(stage, 2))


def _of_before(post: Post) -> bool:
    return post.ephemeral and "does this already" in post.shown


async def _begun(stage: Scene, count: int = 1) -> bool:
    return len(await stage.lab.journal.runs()) == count


async def test_who_is_not_on_the_roster_is_told_so(stage: Scene) -> None:
    await stage.ask()
    for name in ("eve", "gus"):
        for line in ("contain leaked-aws-key access_keys=AKIAIOSFODNN7EXAMPLE", "stop r1", "status r1"):
            assert "You are not on the roster" in await stage.say(name, f"/firedoor {line}")
    assert list(await stage.lab.journal.runs()) == ["r1"]
    assert not await stage.recorded(Kind.STOP)


async def test_a_defect_is_answered_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_self: Starts, _run: str = "") -> str:
        raise RuntimeError("xoxb-secret")

    monkeypatch.setattr(Starts, "status", broken)
    async with scene(tmp_path, monkeypatch) as stage:
        answer = await stage.say("ada", "/firedoor status r1")
        assert "RuntimeError" in answer
        assert "xoxb-secret" not in answer + caplog.text
        assert "a defect behind a listener: RuntimeError" in caplog.text
        assert commands.HELP in await stage.say("ada", "/firedoor")


async def test_an_answer_that_cannot_be_delivered_harms_nothing(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = asyncio.Event()

    async def lost(*_: object, **__: object) -> None:
        told.set()
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(AsyncRespond, "__call__", lost)
        assert (await stage.people["ada"].command(ROOM, "/firedoor")).ok
        await asyncio.wait_for(told.wait(), 10)
    assert commands.HELP in await stage.say("ada", "/firedoor")
    assert "could not be answered in Slack (OSError)" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_drill_is_held_one_at_a_time_and_told_to_who_asked(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    over = asyncio.Event()

    async def rehearse(state: Path) -> str:
        assert state == stage.house.settings.state_dir
        await over.wait()
        return "The drill is over.\nThe attacker is locked out."

    monkeypatch.setattr("firedoor.starts.rehearse", rehearse)
    assert "You are not on the roster" in await stage.say("eve", "/firedoor drill")
    assert "A drill begins" in await stage.say("ada", "/firedoor drill")
    assert "a drill is under way already" in await stage.say("ben", "/firedoor drill")
    assert "Nothing is under way" in await stage.say("ben", "/firedoor status"), "meanwhile all else goes on"
    over.set()
    ended = await stage.people["ada"].wait_for_message(ROOM, lambda one: "is over" in one.shown, 10)
    assert ended.ephemeral
    assert ended.shown.splitlines() == ["The drill is over.", "The attacker is locked out."]
    over.clear()
    assert "A drill begins" in await stage.say("ben", "/firedoor drill"), "and another, once it is over"
    assert not [one for one in await stage.people["cyd"].messages(ROOM) if one.ephemeral]


async def test_an_exercise_is_told_as_one_and_begins_nothing_here(stage: Scene) -> None:
    lab = stage.lab
    waiting = asyncio.create_task(lab.contain(run="x1", answer=None, mode=Mode.EXERCISE, engine=lab.engine(act=False)))
    await stage.until(lambda: stage.recorded(Kind.REQUESTED, "x1"))
    assert "x1 EXERCISE: Shut the doors: waits for 1 approval" in await stage.say("ada", "/firedoor status")
    await stage.say("ben", "/firedoor stop x1")
    await waiting
    assert "Nothing is under way" in await stage.say("ada", "/firedoor status"), "and nobody has to close what it leaves open"
    assert "was an exercise: nothing was changed, so there is nothing to undo" in await stage.say("ada", "/firedoor undo x1")


async def test_a_drill_holds_no_drill(stage: Scene) -> None:
    with pytest.raises(BadInput, match="this is a drill already"):
        await Starts(stage.house, Mode.DRILL).drill("Ada")


async def test_who_asked_for_a_drill_is_told_where_firedoor_stops_listening(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def rehearse(_: Path) -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr("firedoor.starts.rehearse", rehearse)
    async with Starts(stage.house, Mode.LIVE) as office:
        over = asyncio.ensure_future(await office.drill("Ada"))
        await asyncio.sleep(0)
    assert "broken off" in await over
