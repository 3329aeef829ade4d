"""Two saved inventories at the command line: what came, went and changed, and above all what cannot be said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from firedoor import cli, comparing
from firedoor.canonical import JSON
from firedoor.comparing import Filters
from firedoor.scope import Scope
from firedoor.stocktaking import told
from tests.sweeps.vault import credential

NONE: Mapping[str, JSON] = Filters.of(Scope()).model_dump()
PLACES = ("111122223333", "444455556666")

Obey = Callable[..., tuple[int, str, str]]


@pytest.fixture
def obey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Obey:
    """The command line in the folder where the inventories are: its exit code, and what was said."""
    monkeypatch.chdir(tmp_path)

    def diff(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.obey(("inventory", "diff", "before.json", "after.json", *words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return diff


def rows(*keys: str) -> list[dict[str, Any]]:
    """Credentials named ``place/key``, each of its own holder."""
    return [dict(told(credential(one.partition("/")[0], f"u-{one[-1]}", one.partition("/")[2]))) for one in keys]


def save(name: str, found: Sequence[Mapping[str, Any]], places: Sequence[str] = PLACES, **more: Any) -> None:
    whole = {"unlisted": [], "filters": NONE, "listed": {"vault.key": list(places)}, "not_listed": [], "credentials": found, **more}
    Path(name).write_text(json.dumps(whole))


def shut(place: str | None = PLACES[1]) -> Mapping[str, Any]:
    return {
        "unlisted": [f"{place}, by vault.list_keys: access denied"],
        "not_listed": [{"type": "vault.key", "place": place, "why": "access denied"}],
    }


def test_what_came_went_and_changed_is_told_and_a_later_use_is_none_of_it(obey: Obey) -> None:
    before = rows("111122223333/a", "111122223333/b", "111122223333/c")
    after = [{**before[1], "state": "inactive"}, {**before[2], "last_used": "2026-01-01T00:00:00Z"}, *rows("444455556666/d")]
    save("before.json", before)
    save("after.json", after)
    code, out, _ = obey("--json")
    found = json.loads(out)
    assert (code, found["whole"], found["not_comparable"]) == (1, True, [])
    assert [one["id"] for one in found["came"]] == ["d"]
    assert [one["id"] for one in found["went"]] == ["a"]
    assert found["changed"] == {"vault:key:111122223333/b": {"state": ["active", "inactive"]}}
    save("after.json", before)
    code, out, _ = obey()
    assert (code, out.strip()) == (0, "# 0 came, 0 went, 0 changed")


@pytest.mark.parametrize("place", [PLACES[1], None])
def test_what_could_not_be_listed_has_neither_gone_nor_come(obey: Obey, place: str | None) -> None:
    names = ("before.json", "after.json")
    for whole, broken in (names, names[::-1]):
        save(whole, rows("111122223333/a", "444455556666/b"))
        save(broken, rows("111122223333/a"), PLACES[:1], **shut(place))
        code, out, _ = obey("--json")
        found = json.loads(out)
        assert (code, found["whole"], found["came"], found["went"]) == (4, False, [], [])
        [one] = found["not_comparable"]
        where = f"{place} could not be listed in {broken} (vault.key)" if place else f"vault.key could not be listed everywhere in {broken}"
        assert one["why"] == f"{where}: access denied"
        assert [row["id"] for row in one["credentials"]] == ["b"]
        code, out, _ = obey()
        assert (code, out.partition("\n")[0]) == (4, "# 0 came, 0 went, 0 changed; NOT all could be compared")
        assert f"- {one['why']}; only the other shows vault:key:444455556666/b\n" in out
        assert "## Went" not in out


def test_a_place_that_neither_could_list_is_told_though_nothing_differs(obey: Obey) -> None:
    for name in ("before.json", "after.json"):
        save(name, rows("111122223333/a"), PLACES[:1], **shut())
    code, out, _ = obey("--json")
    assert code == 4
    assert [one["why"] for one in json.loads(out)["not_comparable"]] == [
        f"444455556666 could not be listed in {name} (vault.key): access denied" for name in ("before.json", "after.json")
    ]


def test_a_place_where_one_did_not_look_is_not_compared_and_the_others_are(obey: Obey) -> None:
    save("before.json", rows("111122223333/a", "444455556666/b"))
    save("after.json", [], PLACES[:1])
    code, out, _ = obey("--json")
    found = json.loads(out)
    assert code == 4
    assert [one["id"] for one in found["went"]] == ["a"]
    assert [one["why"] for one in found["not_comparable"]] == ["vault.key in 444455556666 was not looked at in after.json"]


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (Scope(types=("aws.*",)), "--system and --kind aws.* in before.json, not given in after.json"),
        (Scope(owners=("ada", "ben")), "--owner ada ben in before.json, not given in after.json"),
        (Scope(given_to=("moveworks*",)), "--given-to moveworks* in before.json"),
        (Scope(holders=("svc*",)), "--holder svc* in before.json"),
    ],
)
def test_inventories_with_different_filters_are_not_compared(obey: Obey, scope: Scope, said: str) -> None:
    save("before.json", rows("111122223333/a"), filters=Filters.of(scope).model_dump())
    save("after.json", rows("111122223333/a"))
    code, out, err = obey()
    assert (code, out) == (2, "")
    assert f"the two inventories were made with different filters: {said}" in err
    save("after.json", rows("111122223333/a"), filters=Filters.of(scope).model_dump())
    code, out, _ = obey()
    assert code == 0
    assert "Both were made with the same filters" in out


def test_filters_are_the_same_in_any_order() -> None:
    assert Filters.of(Scope(owners=("b", "a", "b"))) == Filters.of(Scope(owners=("a", "b")))


def test_of_an_older_inventory_the_filters_are_said_to_be_unknown(obey: Obey) -> None:
    save("after.json", [])
    Path("before.json").write_text(
        json.dumps({"unlisted": [], "taken": "2026-01-01T00:00:00+00:00", "credentials": rows("111122223333/a")})
    )
    code, out, _ = obey("--json")
    found = json.loads(out)
    assert (code, found["filters_not_known"], [one["id"] for one in found["went"]]) == (4, ["before.json"], ["a"])
    assert "With which filters before.json was made is not known" in obey()[1]
    told = {"unlisted": ["444455556666, by vault.list_keys: access denied"], "credentials": []}
    Path("before.json").write_text(json.dumps(told))
    save("after.json", rows("444455556666/b"))
    code, out, _ = obey("--json")
    assert (code, json.loads(out)["came"]) == (4, [])
    assert "tells in words only what could not be listed: 444455556666, by vault.list_keys: access denied" in out


@pytest.mark.parametrize("field", ["name", "type", "place", "holder", "id"])
@pytest.mark.parametrize(("value", "said"), [(None, "is no text"), (..., "is missing")])
def test_a_row_that_lacks_something_is_named_with_its_file_and_field(obey: Obey, field: str, value: Any, said: str) -> None:
    broken = rows("111122223333/a", "111122223333/b")
    if value is ...:
        del broken[1][field]
    else:
        broken[1][field] = value
    save("before.json", broken)
    save("after.json", [])
    code, out, err = obey()
    assert (code, out) == (2, "")
    assert f"before.json is no inventory: in row 2, {field} {said}" in err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"filters": {"owners": "ada"}}, "filters.owners is not as it should be"),
        ({"listed": {"vault.key": [1]}}, "listed.vault.key.1 is no text"),
        ({"not_listed": [{"place": "p", "why": "x"}]}, "not_listed.1.type is missing"),
        ({"unlisted": "nothing"}, "unlisted is not as it should be"),
        ({"credentials": [7]}, "row 1 is no credential"),
    ],
)
def test_what_an_inventory_says_of_itself_is_read_with_care_too(obey: Obey, more: Mapping[str, Any], said: str) -> None:
    save("before.json", [], **more)
    save("after.json", [])
    code, out, err = obey()
    assert (code, out) == (2, "")
    assert f"before.json is no inventory: {said}" in err


def test_nothing_that_a_file_may_hold_is_a_defect(obey: Obey) -> None:
    save("after.json", [])
    for text in ("[" * 100_000, "1" * 5_000, '{"credentials": [null]}'):
        Path("before.json").write_text(text)
        code, _, err = obey()
        assert (code, "is no inventory" in err) == (2, True), text[:40]
    save("before.json", [{**rows("111122223333/a")[0], "holder": "\ud800", "tags": {"a": "\udfff"}}])
    assert obey()[0] == obey("--json")[0] == 1


def test_a_session_that_is_older_than_the_files_of_the_other_has_not_gone(obey: Obey) -> None:
    session = {**rows("111122223333/s")[0], "name": "aws:session:111122223333/s", "type": "aws.session"}
    old = {**session, "last_used": "2026-01-01T10:00:00.000000Z"}
    new = {**session, "name": "aws:session:111122223333/t", "last_used": "2026-03-01T10:00:00.000000Z"}
    listed: dict[str, Any] = {"listed": {"aws.session": ["111122223333"]}}
    save("before.json", [old, new], sessions={"looked_at": True, "first": "2026-01-01T00:00:00.000000Z"}, **listed)
    save("after.json", [], sessions={"looked_at": True, "first": "2026-02-01T00:00:00.000000Z"}, **listed)
    code, out, _ = obey("--json")
    found = json.loads(out)
    assert (code, [one["name"] for one in found["went"]]) == (4, ["aws:session:111122223333/t"])
    [one] = found["not_comparable"]
    assert one["why"] == "CloudTrail's files in after.json begin at 2026-02-01T00:00:00.000000Z, after the session was seen last"


def test_the_exit_code_of_what_is_whole_is_another_one() -> None:
    found: dict[str, Any] = {"whole": True, "came": [], "went": [], "changed": {}}
    assert comparing.exit_code(found) == 0
    assert comparing.exit_code(found | {"changed": {"x": {}}}) == 1
    assert comparing.exit_code(found | {"whole": False}) == 4
