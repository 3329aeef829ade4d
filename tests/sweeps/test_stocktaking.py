from __future__ import annotations

from pathlib import Path
from typing import Any

from firedoor import sweephtml
from firedoor.errors import Forbidden
from firedoor.scope import Scope
from firedoor.stocktaking import Stocktaking
from tests.sweeps.vault import Keys, Vault, hall

MANY = {f"p{n}": {f"u{m}": {f"k{n}-{m}": "active"} for m in range(6)} for n in range(3)}


def taking(vault: Vault, **scope: Any) -> Stocktaking:
    return Stocktaking(sources={"vault.list_keys": Keys(vault)}, scope=Scope(**scope))


async def test_every_place_is_listed_and_one_that_is_shut_is_told() -> None:
    vault = Vault(MANY)
    vault.shut["p1"] = Forbidden("you may not", vendor="vault", operation="list")
    looked = taking(vault)
    assert sorted([one.place async for one in looked.credentials()]) == ["p0"] * 6 + ["p2"] * 6
    assert looked.unlisted == ["p1, by vault.list_keys: you may not"]
    assert sorted(looked.listed["vault.key"]) == ["p0", "p2"]


async def test_a_source_that_cannot_say_where_to_look_does_not_hide_the_others() -> None:
    vault, other = Vault(MANY), Vault(MANY)
    vault.shut[""] = Forbidden("you may not", vendor="vault", operation="places")
    looked = Stocktaking(sources={"vault.list_keys": Keys(vault), "other": Keys(other)}, scope=Scope())
    assert len([one async for one in looked.credentials()]) == 18
    assert looked.unlisted == ["everything by vault.list_keys: you may not"]


async def test_whoever_has_seen_enough_may_leave() -> None:
    looked = taking(Vault(MANY)).credentials()
    async for _ in looked:
        break
    await looked.aclose()  # type: ignore[attr-defined] # it is a generator, whose listing is called off


async def test_the_page_runs_and_loads_nothing_whatever_a_vendor_calls_its_users(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> ![x](http://evil.example/x.png) [y](javascript:alert(1))"
    async with hall(tmp_path, {"north": {evil: {"k1": "active"}}}) as here:
        here.protected = {f"vault:user:{evil}": evil}
        report = await here.sweep()
    page = sweephtml.page(report)
    assert "1 LEFT OVER" in page.partition("<h1")[2].partition("</h1>")[0]
    assert not [bad for bad in ("<script", "<img", "<a ", 'src="', 'href="http') if bad in page]
