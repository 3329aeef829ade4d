"""What a scope leaves out, and what of that nobody knows: told by number, and in containment left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import sweepwords
from firedoor.drafting import Units
from firedoor.guard import Guard
from firedoor.inventory import LastUse, Use
from firedoor.scope import Scope, Unknown, left_out
from firedoor.stocktaking import Stocktaking
from firedoor.sweepview import look
from tests.fakes import ROSTER, hasten
from tests.sweeps.test_sweeping import TWO, states
from tests.sweeps.vault import LONG_AGO, TYPE, Hall, Keys, ShutKey, Vault, book, credential, hall

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUIET: dict[str, Any] = {"last_use": LastUse(use=Use.USED, at=LONG_AGO)}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.batching.POLL_SECONDS", 0.02)


def hygiene(**scope: Any) -> Any:
    return book(aim="hygiene", deadline_days=30, scope={"types": [TYPE], **scope})


NINETY = {"unused_for": timedelta(days=90)}
DOUBTS: list[tuple[dict[str, Any], dict[str, Any], Unknown | None]] = [
    ({"owners": ("ada",)}, {}, Unknown.OWNER),
    ({"owners": ("ada",)}, {"owner": "ben"}, None),
    ({"owners": ("ada",)}, {"owner": "ada"}, None),
    ({"owners": ("ada", "")}, {}, None),
    ({"given_to": ("acme*",)}, {}, Unknown.GIVEN_TO),
    ({"given_to": ("acme*",)}, {"given_to": "other"}, None),
    ({"given_to": ("acme*",), "owners": ("ada",)}, {"given_to": "other"}, None),
    ({"given_to": ("acme*",), "owners": ("ada",)}, {}, Unknown.OWNER),
    ({"given_to": ("acme*",), "owners": ("ada",)}, {"owner": "ada"}, Unknown.GIVEN_TO),
    (NINETY, {}, Unknown.USE),
    (NINETY, {"last_use": LastUse(use=Use.NEVER), "created": None}, Unknown.USE),
    (NINETY, {"last_use": LastUse(use=Use.NEVER)}, None),
    (NINETY, {"last_use": LastUse.told(NOW)}, None),
    ({**NINETY, "owners": ("ada",)}, {"last_use": LastUse.told(NOW)}, None),
    ({"owners": ("ada",), "types": ("other.key",)}, {}, None),
    ({"owners": ("ada",), "holders": ("else",)}, {}, None),
    ({"owners": ("ada",), "created_before": LONG_AGO}, {}, None),
]


@pytest.mark.parametrize(("scope", "told", "doubt"), DOUBTS)
def test_a_credential_is_left_out_in_doubt_only_where_nothing_that_is_known_leaves_it_out(
    scope: dict[str, Any], told: dict[str, Any], doubt: Unknown | None
) -> None:
    one = replace(credential("p", "u", "k"), **told)
    assert Scope(**scope).doubt(one, now=NOW) is doubt
    assert doubt is None or not Scope(**scope).holds(one, now=NOW)


async def test_an_inventory_counts_what_it_leaves_out_for_what_nobody_knows() -> None:
    vault = Vault({"p": {"u": {"k1": "active", "k2": "active", "k3": "active", "k4": "active"}}})
    vault.told = {"k1": {"owner": "ada", "given_to": "acme"}, "k2": {"owner": "ada"}, "k3": {"owner": "ben"}}
    taking = Stocktaking(sources={"vault.list_keys": Keys(vault)}, scope=Scope(owners=("ada",), given_to=("acme",)))
    assert [one.id async for one in taking.credentials()] == ["k1"]
    counts = {"unknown_owner_left_out": 1, "unknown_given_to_left_out": 1, "unknown_use_left_out": 0}
    assert left_out(taking.unknown) == counts
    text = sweepwords.inventory({"credentials": [], "unlisted": [], "sessions": None, **counts})
    assert "1 more are left out, because nobody knows who owns them." in text
    assert "1 more are left out, because nobody knows whom they were given to." in text
    assert "last used" not in text


def known(here: Hall) -> None:
    """Ada owns one key that is active and one that is not, Ben owns another, and of one nobody knows."""
    here.vault.told = {"k1": {"owner": "ada"}, "k2": {"owner": "ada"}, "k3": {"owner": "ben"}}


async def test_containment_leaves_over_by_number_what_its_scope_leaves_out_for_what_nobody_knows(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        known(here)
        report = await here.sweep(book(scope={"types": [TYPE], "owners": ["ada"]}))
        assert (report["outcome"], report["left_over"], report["in_scope"], report["unknown_owner_left_out"]) == ("partial", 1, 2, 1)
        assert (states(here)["k1"], states(here)["k3"], states(here)["k4"]) == ("inactive", "active", "active")
        (one,) = report["open"]
        assert one["id"] == "1 credential(s) of an unknown owner"
        assert one["reason"].startswith("nobody knows who owns them, so the scope leaves them out, and they were not changed: tag them")
        assert "everything: true" in one["reason"]
        here.vault.told["k4"] = {"owner": "ben"}
        again = await here.sweep(book(scope={"types": [TYPE], "owners": ["ada"]}), run="251126-bbbbbb")
        assert (again["outcome"], again["left_over"], again["unknown_owner_left_out"]) == ("closed", 0, 0)


async def test_an_exception_settles_one_of_which_nobody_knows_the_owner(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        known(here)
        exception = {"credential": "vault:key:south/k4", "owner": "Dan", "reason": "x", "expires": "2099-01-01", "approved_by": "Ada"}
        report = await here.sweep(book(scope={"types": [TYPE], "owners": ["ada"]}, exceptions=[exception]))
        assert (report["outcome"], report["left_over"], report["unknown_owner_left_out"]) == ("closed", 0, 0)
        assert [one["credential"] for one in report["exceptions"]] == ["vault:key:south/k4"]


async def test_hygiene_closes_and_tells_the_number(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.told = {key: {"given_to": "acme"} for key in ("k1", "k2", "k3")}
        report = await here.sweep(hygiene(given_to=["acme"]))
        assert (report["outcome"], report["left_over"], report["unknown_given_to_left_out"]) == ("closed", 0, 1)
        assert states(here)["k4"] == "active"
        assert "1 more are left out, because nobody knows whom they were given to." in sweepwords.report(report)


@pytest.mark.parametrize("aim", ["containment", "hygiene"])
async def test_the_plan_of_a_sweep_tells_the_number(tmp_path: Path, aim: str) -> None:
    async with hall(tmp_path, TWO) as here:
        known(here)
        wanted = hygiene(owners=["ada"]) if aim == "hygiene" else book(scope={"types": [TYPE], "owners": ["ada"]})
        units = Units(actions={"vault.shut_key": ShutKey(here.vault)}, queries={}, sources={"vault.list_keys": Keys(here.vault)})
        data = await look(wanted, units, Guard(protected={}, roster=ROSTER, limit=50, own_networks={}))
        assert data["unknown_owner_left_out"] == 1
        left = [one["id"] for one in data["would_be_left_over"]]
        assert left == (["1 credential(s) of an unknown owner"] if aim == "containment" else [])
        assert "nobody knows who owns them" in sweepwords.preview(data)


async def test_a_key_that_is_made_meanwhile_and_is_not_unused_is_told_and_left_alone(tmp_path: Path) -> None:
    def minted() -> None:
        here.vault.keys["south"]["dan"].update(k9="active", k10="active")

    async with hall(tmp_path, TWO) as here:
        here.vault.told = dict.fromkeys(("k1", "k2", "k3", "k4"), QUIET)
        here.vault.told |= {"k9": {"last_use": LastUse(use=Use.NEVER)}, "k10": QUIET}
        here.vault.created = dict.fromkeys(("k9", "k10"), datetime.now(UTC))
        here.vault.on_list[4] = minted
        report = await here.sweep(book(scope={"types": [TYPE], "unused_for_days": 90, "created_before": "2025-01-01T00:00:00Z"}))
        assert (states(here)["k9"], states(here)["k10"]) == ("active", "inactive"), "only its age is not asked for"
        assert (report["outcome"], report["in_scope"]) == ("closed", 5)
        says = sorted(one["says"].partition("; ") for one in report["findings"] if one["rule"] == "came_meanwhile")
        assert [(one[0].split()[1], one[2]) for one in says] == [
            ("k10", ""),
            ("k9", "it is outside this sweep's scope, and was not changed"),
        ]


async def test_a_key_that_is_made_meanwhile_of_an_unknown_owner_is_counted(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.told = {key: {"owner": "ada"} for key in ("k1", "k2", "k3", "k4")}
        here.vault.on_list[4] = lambda: here.vault.keys["south"]["dan"].update(k9="active")
        report = await here.sweep(book(scope={"types": [TYPE], "owners": ["ada"]}))
        assert (report["outcome"], report["left_over"], report["unknown_owner_left_out"]) == ("partial", 1, 1)
        assert [one["subject"] for one in report["findings"]] == ["vault:key:south/k9"]
        assert states(here)["k9"] == "active"


async def test_one_that_is_too_new_and_was_there_before_is_not_counted_whoever_owns_it(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        known(here)
        here.vault.created["k4"] = datetime(2025, 6, 1, tzinfo=UTC)
        report = await here.sweep(book(scope={"types": [TYPE], "owners": ["ada"], "created_before": "2025-01-01T00:00:00Z"}))
        assert (report["outcome"], report["unknown_owner_left_out"], report["findings"]) == ("closed", 0, [])


async def test_one_whose_owner_is_told_meanwhile_is_treated_like_the_others(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        known(here)
        here.vault.on_list[4] = lambda: here.vault.told.update(k4={"owner": "ada"})
        report = await here.sweep(book(scope={"types": [TYPE], "owners": ["ada"]}))
        assert (report["outcome"], report["unknown_owner_left_out"], states(here)["k4"]) == ("closed", 0, "inactive")
        assert report["findings"] == []


async def test_one_whose_owner_is_taken_off_it_meanwhile_stays_in_scope(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.told = {key: {"owner": "ada"} for key in ("k1", "k2", "k3", "k4")}
        here.vault.troubles["k4"] = [RuntimeError("x") for _ in range(9)]
        here.vault.on_list[4] = here.vault.told["k4"].clear
        report = await here.sweep(book(scope={"types": [TYPE], "owners": ["ada"]}))
        assert (report["outcome"], report["left_over"], states(here)["k4"]) == ("partial", 1, "active")
        assert report["open"][0]["credential"] == "vault:key:south/k4"
