from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from firedoor import imported, sweephtml, sweepwords
from firedoor.channels.slack import blocks
from firedoor.drafting import Units
from firedoor.errors import Forbidden, JournalError, LeaseLost, Unreachable
from firedoor.fingerprints import Fingerprints
from firedoor.inventory import Credential
from firedoor.journal import Journal, Kind
from firedoor.situation import living, situation_of
from firedoor.source import Sighting, Sightings, Source, SourceSpec
from firedoor.sweeping import Sweeping
from firedoor.sweepwords import what_next
from tests.fakes import hasten
from tests.sweeps.vault import TYPE, Hall, Keys, ShutKey, book, hall, lost

TWO = {"north": {"ada": {"k1": "active", "k2": "inactive"}, "ben": {"k3": "active"}, "cem": {}}, "south": {"dan": {"k4": "active"}}}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.batching.POLL_SECONDS", 0.02)


def states(here: Hall) -> dict[str, str]:
    return {key: state for holders in here.vault.keys.values() for keys in holders.values() for key, state in keys.items()}


async def test_every_key_in_scope_ends_in_one_disposition_and_the_last_listing_is_the_proof(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        report = await here.sweep()
        assert (report["outcome"], report["left_over"], report["in_scope"], report["changed"]) == ("closed", 0, 4, 3)
        assert report["types"] == {TYPE: {"REVOKED": 4}}
        assert report["rounds"] == 2
        assert here.vault.effects == {"k1": 1, "k3": 1, "k4": 1}
        assert set(states(here).values()) == {"inactive"}


async def test_what_outlives_the_keys_is_told_once_a_type_with_how_many_it_concerns(tmp_path: Path) -> None:
    lives = {"what": "sessions of these keys", "until": "they expire", "closes_by": "waiting", "hours": 2}
    told = {"type": TYPE, "action": "vault.shut_key", **lives}
    async with hall(tmp_path, TWO) as here:
        assert (await here.sweeping().preview(book()))["residual"] == [told]
        here.vault.troubles["k1"] = [Forbidden("you may not", vendor="vault", operation="shut") for _ in range(9)]
        report = await here.sweep()
        assert report["residual"] == [{**told, "credentials": 3}], "what is left over is no residual"
        words = f"sessions of these keys (3 of type {TYPE}): until they expire. Closed by: waiting."
        for said in (sweepwords.report(report), sweephtml.page(report), str(blocks.swept(report))):
            assert "What may still live" in said
            assert words in said
        record = await here.desk.record("251126-aaaaaa")
        assert [one.what for one in living(situation_of(record), now=datetime.now(UTC))] == ["sessions of these keys"]
        assert not living(situation_of(record), now=datetime.now(UTC) + timedelta(hours=3))


async def test_of_a_sweep_that_was_denied_nothing_lives_on(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.approving = False
        assert (await here.sweep())["residual"] == []


async def test_a_process_that_is_halted_begins_nothing_more_and_the_sweep_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firedoor.sweeping.PLACES_AT_ONCE", 1)
    async with hall(tmp_path, TWO) as here:
        desk = here.desk
        apply = ShutKey.apply

        async def halting(self: ShutKey, change: Any, intent: Any) -> Any:
            assert await desk.halt("251126-aaaaaa", "Ctrl-C")
            return await apply(self, change, intent)

        monkeypatch.setattr(ShutKey, "apply", halting)
        report = await here.sweep(desk=desk)
        assert report["outcome"] == "stopped"
        assert 0 < sum(here.vault.effects.values()) < 3, "what was under way was done, and nothing was begun after that"
        assert what_next(report).endswith("firedoor sweep resume 251126-aaaaaa")
        monkeypatch.setattr(ShutKey, "apply", apply)
        again = await here.sweeping().resume("251126-aaaaaa")
        assert (again["outcome"], again["left_over"]) == ("closed", 0)
        assert set(here.vault.effects.values()) == {1}


async def test_a_sweep_that_is_halted_while_people_are_asked_is_over(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        desk, wanted = here.desk, book()
        sweeping = asyncio.create_task(here.sweeping(desk=desk).sweep(here.order(wanted), wanted))
        async for event in here.journal.follow("251126-aaaaaa"):
            if event.kind == Kind.REQUESTED:
                break
        assert await desk.halt("251126-aaaaaa", "Ctrl-C")
        report = await sweeping
        assert (report["outcome"], here.vault.effects) == ("stopped", {})
        assert "Nothing was changed" in what_next(report)


async def test_intents_are_on_record_before_any_write_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hall(tmp_path, TWO) as here:
        apply, seen = ShutKey.apply, []

        async def spying(self: ShutKey, change: Any, intent: Any) -> Any:
            streams = [await here.journal.events(f"251126-aaaaaa/{number:06d}") for number in range(1, 9)]
            writes = [write for events in streams for event in events if event.kind == Kind.INTENTS for write in event.body["writes"]]  # type: ignore[union-attr]
            seen.append(change.at["key"] in {write["change"]["at"]["key"] for write in writes})  # type: ignore[index,call-overload]
            return await apply(self, change, intent)

        monkeypatch.setattr(ShutKey, "apply", spying)
        await here.sweep()
        assert seen == [True] * 3


async def test_a_place_that_cannot_be_entered_is_left_over_and_the_others_are_swept(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.shut["south"] = Forbidden("AssumeRole was refused", vendor="vault", operation="assume")
        report = await here.sweep()
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert report["open"][0]["id"] == "south, by vault.list_keys"
        assert "AssumeRole was refused" in report["open"][0]["reason"]
        assert (states(here)["k3"], states(here)["k4"]) == ("inactive", "active")
        del here.vault.shut["south"]
        again = await here.sweep(run="251126-bbbbbb")
        assert (again["outcome"], again["left_over"], again["changed"]) == ("closed", 0, 1)


@pytest.mark.parametrize(("where", "place"), [("", "everywhere"), ("south", "south"), ("south/dan", "1 holders in south, from dan on")])
async def test_a_defect_of_a_source_leaves_over_what_it_could_not_list_and_the_others_are_swept(
    tmp_path: Path, where: str, place: str
) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.shut[where] = KeyError("a secret")
        report = await here.sweep()
        assert (report["outcome"], [one["id"] for one in report["open"]]) == ("partial", [f"{place}, by vault.list_keys"])
        assert report["open"][0]["reason"].startswith("it could not be listed: a defect in vault.list_keys (KeyError at vault.py:")
        assert "a secret" not in str(report)
        assert (states(here)["k3"], states(here)["k4"]) == ("active" if not where else "inactive", "active")


async def test_holders_that_cannot_be_listed_are_left_over_each(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.shut["north/ben"] = Unreachable("it broke off", vendor="vault", operation="list")
        report = await here.sweep()
        assert (report["outcome"], report["left_over"]) == ("partial", 2)  # ada and ben are of one batch
        assert "2 holders in north" in report["open"][0]["id"]


async def test_a_key_that_is_made_meanwhile_is_found_treated_and_told(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.on_list[4] = lambda: here.vault.keys["south"]["dan"].update(k9="active")
        here.vault.created["k9"] = datetime.now(UTC)
        report = await here.sweep(book(scope={"types": [TYPE], "created_before": "2025-01-01T00:00:00Z"}))
        assert (report["outcome"], report["in_scope"]) == ("closed", 5)
        assert [one["rule"] for one in report["findings"]] == ["came_meanwhile"]
        assert "k9" in report["findings"][0]["says"]
        assert states(here)["k9"] == "inactive"


async def test_a_key_that_is_newer_than_the_scope_is_left_alone(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.created["k4"] = datetime(2025, 6, 1, tzinfo=UTC)
        report = await here.sweep(book(scope={"types": [TYPE], "created_before": "2025-01-01T00:00:00Z"}))
        assert (report["outcome"], report["in_scope"], states(here)["k4"]) == ("closed", 3, "active")


async def test_a_key_that_goes_meanwhile_is_gone(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.on_list[4] = here.vault.keys["north"]["ada"].clear
        report = await here.sweep()
        assert (report["outcome"], report["types"]) == ("closed", {TYPE: {"REVOKED": 3, "GONE": 1}})


async def test_what_is_protected_is_left_over_until_it_is_excepted(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.protected = {"vault:user:dan": "break-glass"}
        report = await here.sweep()
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert "break-glass" in report["open"][0]["reason"]
        until = (datetime.now(UTC) + timedelta(days=1)).date()
        exception = {"credential": "vault:key:south/k4", "owner": "Dan", "reason": "by hand", "expires": until, "approved_by": "Ada"}
        again = await here.sweep(book(exceptions=[exception]), run="251126-bbbbbb")
        assert (again["outcome"], again["left_over"]) == ("closed", 0)
        assert again["exceptions"][0]["credential"] == "vault:key:south/k4"
        assert states(here)["k4"] == "active"


async def test_an_exception_that_has_expired_closes_nothing(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        exception = {"credential": "vault:key:south/k4", "owner": "Dan", "reason": "x", "expires": "2024-01-01", "approved_by": "Ada"}
        report = await here.sweep(book(exceptions=[exception]))
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert "expired" in report["open"][0]["reason"]
        assert states(here)["k4"] == "active"


async def test_every_exception_is_in_every_report_with_how_it_stands(tmp_path: Path) -> None:
    def excepted(credential: str, expires: str = "2099-01-01") -> dict[str, str]:
        return {"credential": credential, "owner": "Dan", "reason": "by hand", "expires": expires, "approved_by": "Ada"}

    wanted = {
        "vault:key:south/k4": "left alone",
        "vault:key:north/k3": "outside the scope",
        "vault:key:east/k7": "outside the scope",
        "vault:key:north/k8": "not listed now",
        "vault:key:west/k5": "could not be listed now",
        "vault:key:north/k9": "expired, so it does not count",
    }
    async with hall(tmp_path, {**TWO, "west": {"eve": {"k5": "active"}}}) as here:
        here.vault.created["k3"] = datetime(2025, 6, 1, tzinfo=UTC)
        here.vault.shut["west"] = Forbidden("you may not", vendor="vault", operation="assume")
        scope = {"types": [TYPE], "places": ["north", "south", "west"], "created_before": "2025-01-01T00:00:00Z"}
        exceptions = [excepted(name, "2024-01-01" if name.endswith("k9") else "2099-01-01") for name in wanted]
        narrow = book(scope=scope, exceptions=exceptions)
        report = await here.sweep(narrow)
        assert {one["credential"]: one["standing"] for one in report["exceptions"]} == wanted
        words = sweepwords.report(report)
        assert "- key k4 of dan in south: left alone; until 2099-01-01, for Dan, approved by Ada: by hand" in words
        assert "- vault:key:north/k9: expired, so it does not count; until 2024-01-01, for Dan" in words
        plan = sweepwords.preview(await here.sweeping().preview(narrow))
        assert "- vault:key:north/k9: EXPIRED, so it does not count; until 2024-01-01, for Dan" in plan
        here.approving = False
        denied = await here.sweep(narrow, run="251126-bbbbbb")
        assert {one["standing"] for one in denied["exceptions"]} == {"in force, and nothing was listed", "expired, so it does not count"}


class Tokens(Keys):
    """Lists the vault's tokens: the keys whose names begin with a t."""

    spec = SourceSpec(id="vault.list_tokens", title="Tokens", kinds=("token",), reads=frozenset({"list"}))

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        return [replace(one, kind="token") for one in await super().credentials(place, holders) if one.id.startswith("t")]


class OtherKeys(Keys):
    """Lists the others."""

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        return [one for one in await super().credentials(place, holders) if not one.id.startswith("t")]


class ShutToken(ShutKey):
    """Shuts a token as a key is shut."""

    spec = replace(ShutKey.spec, id="vault.shut_token")
    treats: ClassVar[str] = "vault.token"


@pytest.mark.parametrize(("order", "first"), [(("vault.token", TYPE), "t"), ((TYPE,), "k")])
async def test_types_are_treated_one_after_the_other_where_the_playbook_says_so(tmp_path: Path, order: tuple[str, ...], first: str) -> None:
    keys = {f"p{n}": {"ada": {f"k{n}": "active"}, "ben": {f"t{n}": "active"}} for n in range(3)}
    async with hall(tmp_path, keys) as here:
        actions = {unit.spec.id: unit(here.vault) for unit in (ShutKey, ShutToken)}
        sources: dict[str, Source] = {unit.spec.id: unit(here.vault) for unit in (OtherKeys, Tokens)}
        treat = {TYPE: "vault.shut_key", "vault.token": "vault.shut_token"}
        wanted = book(scope={"types": list(treat), "everything": True}, treat=treat, order=order, batch=1)
        act = Units(actions=actions, queries={}, sources=sources)
        assert f"Order, in each round: {', then '.join(order)};" in sweepwords.preview(await here.sweeping(act=act).preview(wanted))
        report = await here.sweep(wanted, act=act)
        assert (report["outcome"], report["in_scope"]) == ("closed", 6)
        assert {name[0] for name in list(here.vault.effects)[:3]} == {first}


async def test_a_lost_reply_is_settled_by_the_next_listing_and_nothing_is_written_twice(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.after["k1"] = [lost()]
        report = await here.sweep()
        assert (report["outcome"], here.vault.effects["k1"]) == ("closed", 1)


async def test_a_write_that_failed_is_tried_again_in_the_next_round(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.troubles["k1"] = [lost(), lost()]
        report = await here.sweep()
        assert (report["outcome"], report["rounds"], here.vault.effects["k1"]) == ("closed", 4, 1)


async def test_what_is_refused_for_good_is_left_over_in_words(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.troubles["k1"] = [Forbidden("you may not", vendor="vault", operation="shut") for _ in range(9)]
        report = await here.sweep()
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert "you may not" in report["open"][0]["reason"]


async def test_a_treatment_that_reads_for_itself_is_looked_at_until_nothing_is_left(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.told_in_listing = False
        here.vault.troubles["k1"] = [lost()]
        report = await here.sweep()
        assert (report["outcome"], report["rounds"], here.vault.effects["k1"]) == ("closed", 2, 1)


async def test_no_more_is_changed_than_was_approved(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        report = await here.sweep(book(at_most=2))
        assert (report["outcome"], here.vault.effects.total()) == ("partial", 2)
        assert "the 2 that were approved" in report["open"][0]["reason"]


async def test_a_credential_that_is_written_to_twice_counts_once(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.troubles["k1"] = [lost()]
        report = await here.sweep(book(at_most=3))
        assert (report["outcome"], here.vault.effects) == ("closed", {"k1": 1, "k3": 1, "k4": 1})


async def test_a_source_that_cannot_say_where_to_look_is_left_over(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.shut[""] = Forbidden("you may not", vendor="vault", operation="places")
        report = await here.sweep()
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert report["open"][0]["id"] == "everywhere, by vault.list_keys"


async def test_a_denied_sweep_touches_nothing(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.approving = False
        report = await here.sweep()
        assert (report["outcome"], here.vault.listings, here.vault.effects) == ("denied", 0, {})


async def test_a_scope_that_matches_nothing_is_never_closed(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        report = await here.sweep(book(scope={"types": [TYPE], "places": ["west"]}))
        assert report["outcome"] == "partial"
        assert "matches no credential" in report["open"][0]["reason"]


async def test_two_processes_share_the_batches_and_no_key_is_written_twice(tmp_path: Path) -> None:
    many = {f"p{n}": {f"u{m}": {f"k{n}-{m}": "active"} for m in range(4)} for n in range(12)}
    async with hall(tmp_path, many) as here:
        helping = asyncio.create_task(_help(here))
        report = await here.sweep(book(at_most=48))
        assert (report["outcome"], report["in_scope"]) == ("closed", 48), report["open"][:3]
        assert await helping > 0
        assert set(here.vault.effects.values()) == {1}


async def _help(here: Hall) -> int:
    async for _ in here.journal.follow("251126-aaaaaa"):
        break
    return await here.sweeping("other").help("251126-aaaaaa")


class Told(Sightings):
    """A list of keys that somebody says are in use."""

    types: ClassVar[tuple[str, ...]] = (TYPE,)

    def __init__(self, *ids: str, exists: str | Exception = "", fails: Exception | None = None) -> None:
        self._ids, self._exists, self._fails = ids, exists, fails

    async def seen(self) -> list[Sighting]:
        if self._fails is not None:
            raise self._fails
        return [Sighting(type=TYPE, id=one, last=datetime.now(UTC)) for one in self._ids]

    async def exists(self, sighting: Sighting) -> str:
        del sighting
        if isinstance(self._exists, Exception):
            raise self._exists
        return self._exists


async def test_a_key_that_is_used_and_not_listed_is_found_and_gone_or_left_over(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        gone = await here.sweep(sightings=(Told("k1", "k77"),))
        assert (gone["outcome"], gone["types"]) == ("closed", {TYPE: {"REVOKED": 4, "GONE": 1}})
        assert [one["rule"] for one in gone["findings"]] == ["used_but_not_listed"]
        left = await here.sweep(run="251126-bbbbbb", sightings=(Told("k77", exists="it is somebody's"),))
        assert (left["outcome"], left["left_over"]) == ("partial", 1)
        assert "it is somebody's" in left["open"][0]["reason"]


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        (Unreachable("the log broke off", vendor="vault", operation="log"), "the log broke off"),
        (KeyError("a secret"), "a defect (KeyError at test_sweeping.py:"),
    ],
)
async def test_a_log_that_cannot_be_read_or_asked_closes_nothing(tmp_path: Path, fails: Exception, why: str) -> None:
    async with hall(tmp_path, TWO) as here:
        report = await here.sweep(sightings=(Told(fails=fails),))
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert why in report["open"][0]["reason"]
        asked = await here.sweep(run="251126-bbbbbb", sightings=(Told("k77", exists=fails),))
        assert (asked["outcome"], asked["left_over"]) == ("partial", 1)
        assert f"nobody can tell what it is ({why}" in asked["open"][0]["reason"]


@pytest.mark.parametrize(("text", "open_"), [("system,kind,id\nvault,key,k1\n", 0), ("system,kind,id\nvault,key,k1\nvault,key,k77\n", 1)])
async def test_every_credential_of_an_imported_list_is_accounted_for(tmp_path: Path, text: str, open_: int) -> None:
    path = tmp_path / "leaked.csv"
    path.write_text(text)
    async with hall(tmp_path, TWO) as here:
        narrow = book(scope={"types": [TYPE], "places": ["*"]})
        report = await here.sweep(narrow, due=imported.due(path, Fingerprints(b"k" * 32)))
        assert report["left_over"] == open_
        assert [one["reason"].partition(":")[0] for one in report["open"]] == ["it was imported as leaked, and no listing shows it"] * open_


async def test_whoever_goes_on_accounts_for_an_imported_list_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _die_once(monkeypatch)
    path = tmp_path / "leaked.csv"
    path.write_text("system,kind,id\nvault,key,k1\nvault,key,k77\n")
    async with hall(tmp_path, TWO) as here:
        with pytest.raises(JournalError):
            await here.sweep(due=imported.due(path, Fingerprints(b"k" * 32)))
        path.unlink()
        report = await here.sweeping("another").resume("251126-aaaaaa")
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert "k77" in report["open"][0]["id"]


async def test_a_sweep_longer_than_its_approval_ends_with_a_report_of_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.requesting.LAPSES_AFTER", -timedelta(minutes=book().approval.expires_minutes))
    async with hall(tmp_path, TWO) as here:
        report = await here.sweep()
        assert (report["outcome"], report["left_over"], report["changed"]) == ("partial", 3, 0)
        assert {one["reason"] for one in report["open"]} == {
            "it was not written to, as the approval was not used in time: Start the run again; it plans only what is left"
        }
        assert not here.vault.effects


def _die_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts the first receipts on record dies of it."""
    append, died = Journal.append, list[str]()

    async def dying(self: Journal, run: str, kind: Kind, body: object, **rest: Any) -> Any:
        if kind is Kind.RECEIPTS and not died:
            died.append(run)
            raise JournalError("the database is gone")
        return await append(self, run, kind, body, **rest)

    monkeypatch.setattr(Journal, "append", dying)


async def test_a_batch_that_a_dead_process_began_is_settled_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _die_once(monkeypatch)
    async with hall(tmp_path, TWO) as here:
        with pytest.raises(JournalError):
            await here.sweep()
        report = await here.sweeping("another").resume("251126-aaaaaa")
        assert (report["outcome"], report["left_over"]) == ("closed", 0)
        assert set(here.vault.effects.values()) == {1}


async def test_a_helper_that_waited_while_another_came_to_the_end_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _die_once(monkeypatch)
    resume = Sweeping.resume

    async def beaten(self: Sweeping, run: str) -> Any:
        await resume(here.sweeping("quicker"), run)
        return await resume(self, run)

    async with hall(tmp_path, TWO) as here:
        with pytest.raises(JournalError):
            await here.sweep()
        monkeypatch.setattr(Sweeping, "resume", beaten)
        helper = here.sweeping("slower")
        await asyncio.wait_for(helper.help("251126-aaaaaa"), 30)
        reports = [event for event in await here.journal.events("251126-aaaaaa") if event.kind == Kind.FINISHED]
        assert [event.body["outcome"] for event in reports] == ["closed"]


async def test_a_batch_that_another_has_taken_meanwhile_ends_no_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append, lost = Journal.append, list[str]()

    async def late(self: Journal, run: str, kind: Kind, body: object, **rest: Any) -> Any:
        if kind is Kind.INTENTS and not lost:
            lost.append(run)
            raise LeaseLost("the turn at the batch was lost before the write")
        return await append(self, run, kind, body, **rest)

    monkeypatch.setattr(Journal, "append", late)
    async with hall(tmp_path, TWO) as here:
        report = await here.sweep()
        assert lost
        assert (report["outcome"], report["left_over"]) == ("closed", 0)
        assert set(here.vault.effects.values()) == {1}
