"""A sweep accounts for what a notice names: each by name, whatever its scope, and each in its own account."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor import imported
from firedoor.errors import Unreachable
from firedoor.fingerprints import Fingerprints
from firedoor.source import Sighting
from tests.fakes import hasten
from tests.sweeps.vault import TYPE, book, hall

TWO = {"north": {"ada": {"k1": "active", "k2": "inactive"}, "ben": {"k3": "active"}}, "south": {"dan": {"k4": "active", "k1": "active"}}}
BEN: dict[str, Any] = {"scope": {"types": [TYPE], "holders": ["ben"]}}
OLD: dict[str, Any] = {"scope": {"types": [TYPE], "created_before": "2025-01-01T00:00:00Z"}}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.batching.POLL_SECONDS", 0.02)


def named(key: str, place: str = "", *, by: str = "row 2") -> Sighting:
    return Sighting(type=TYPE, id=key, place=place, last=datetime.now(UTC), by=by)


@pytest.mark.parametrize("scope", [BEN, OLD])
async def test_one_that_is_named_and_active_and_out_of_scope_is_left_over_by_name(tmp_path: Path, scope: dict[str, Any]) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.created = {"k4": datetime(2025, 6, 1, tzinfo=UTC)}
        report = await here.sweep(book(**scope), due=[named("k4"), named("k3")])
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        (one,) = report["open"]
        assert (one["credential"], one["outcome"]) == ("vault:key:south/k4", "FAILED")
        assert one["reason"] == (
            "it is named in the notice (row 2), is active, and is outside this sweep's scope, so it was not changed: "
            "close it at its vendor, or sweep again with a scope that holds it"
        )
        assert here.vault.keys["south"]["dan"]["k4"] == "active"


@pytest.mark.parametrize(("state", "open_"), [("inactive", 0), ("expired", 0), ("unknown", 1)])
async def test_one_that_is_named_and_out_of_scope_closes_where_its_vendor_says_that_it_is_off(
    tmp_path: Path, state: str, open_: int
) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.keys["south"]["dan"]["k4"] = state
        report = await here.sweep(book(**BEN), due=[named("k4")])
        assert (report["left_over"], report["in_scope"]) == (open_, 2)
        assert ["may be active" in one["reason"] for one in report["open"]] == [True] * open_


async def test_one_that_is_named_and_out_of_scope_and_goes_meanwhile_is_gone_where_that_was_listed(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.on_list[3] = here.vault.keys["south"]["dan"].clear
        report = await here.sweep(book(**BEN), due=[named("k4")])
        assert (report["outcome"], report["types"]) == ("closed", {TYPE: {"REVOKED": 1, "GONE": 1}})


async def test_one_that_is_named_and_out_of_scope_and_cannot_be_listed_again_is_left_over(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        here.vault.keys["south"]["dan"]["k4"] = "inactive"
        broken = Unreachable("it broke off", vendor="vault", operation="list")
        here.vault.on_list[3] = lambda: here.vault.shut.update({"south/dan": broken})
        report = await here.sweep(book(**BEN), due=[named("k4")])
        assert (report["outcome"], report["left_over"]) == ("partial", 2)
        assert "could not be listed again" in report["open"][0]["reason"]


async def test_an_exception_settles_one_that_is_named_and_out_of_scope(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        exception = {"credential": "vault:key:south/k4", "owner": "Dan", "reason": "x", "expires": "2099-01-01", "approved_by": "Ada"}
        report = await here.sweep(book(exceptions=[exception], **BEN), due=[named("k4")])
        assert (report["outcome"], [one["credential"] for one in report["exceptions"]]) == ("closed", ["vault:key:south/k4"])


async def test_one_that_names_no_account_means_each_of_its_id_and_none_settles_the_others(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        north = book(scope={"types": [TYPE], "holders": ["ada"]})
        report = await here.sweep(north, due=[named("k1")])
        assert [one["credential"] for one in report["open"]] == ["vault:key:south/k1"]


async def test_one_that_names_its_account_is_matched_there_alone(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        north = book(scope={"types": [TYPE], "holders": ["ada"]})
        assert (await here.sweep(north, due=[named("k1", "north")]))["outcome"] == "closed"
        report = await here.sweep(north, due=[named("k1", "north"), named("k1", "south", by="row 3")], run="251126-bbbbbb")
        assert [one["credential"] for one in report["open"]] == ["vault:key:south/k1"]
        assert "(row 3)" in report["open"][0]["reason"]


async def test_one_that_is_listed_in_another_account_than_it_names_is_left_over(tmp_path: Path) -> None:
    async with hall(tmp_path, TWO) as here:
        report = await here.sweep(due=[named("k3", "south")])
        assert (report["outcome"], report["left_over"]) == ("partial", 1)
        assert report["open"][0]["reason"] == (
            "it was imported as leaked, and no listing of south shows it: one of that id is listed in north, "
            "and which of them leaked is to be found out (see row 2)"
        )


@pytest.mark.parametrize(
    ("row", "place", "known"),
    [
        ("aws,login_profile,ada,", "", "ada"),
        ("aws,login_profile,ada,Ada Lovelace", "", "ada"),
        ("aws,login_profile,ada,111122223333", "111122223333", "ada"),
        ("aws,login_profile,ada,1111-2222-3333", "111122223333", "ada"),
        ("aws,login_profile,ada,aws:user:111122223333/ada", "111122223333", "ada"),
        ("aws,login_profile,ada,arn:aws:iam::111122223333:user/ada", "111122223333", "ada"),
        ("aws,login_profile,111122223333/ada,", "111122223333", "ada"),
        ("aws,login_profile,aws:login_profile:111122223333/ada,", "111122223333", "ada"),
        ("aws,login_profile,arn:aws:iam::111122223333:user/staff/ada,", "111122223333", "ada"),
        ("aws,secret,arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf,444455556666", "", ""),
        ("okta,api_token,00T1,111122223333", "", "00T1"),
    ],
)
def test_the_account_that_a_row_names_is_understood(tmp_path: Path, row: str, place: str, known: str) -> None:
    path = tmp_path / "notice.csv"
    path.write_text(f"system,kind,id,owner\n{row}\n")
    (one,) = imported.due(path, Fingerprints(b"k" * 32))
    assert (one.place, one.id) == (place, known or row.split(",")[2])
