from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import tasks
from firedoor import catalogue
from firedoor.errors import BadInput

ACTION = """
    from firedoor.action import Action, Query, QuerySpec, Spec
    from firedoor.model import Reversal, Target, Tier

    class Suspend(Action[Target, object]):
        spec = Spec(id="{id}", title="t", reads=frozenset(), writes=frozenset(), tier=Tier.ONE, reversal=Reversal.EXACT, limit=1,
                    settle_within=1)
        target = Target
        async def clock(self, target): ...
        def lease(self, target): ...
        async def read(self, target): ...
        def plan(self, target, before): ...
        async def apply(self, change, intent): ...
"""
QUERY = """
    from firedoor.action import Query, QuerySpec
    from firedoor.model import Target

    class Find(Query[object, Target]):
        spec = QuerySpec(id="{id}", title="t", reads=frozenset())
        question = object
        target = Target
        async def find(self, question): ...
"""

Make = Callable[..., ModuleType]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a package of rooms; ``__`` in a name stands for a folder."""

    def package(**files: str) -> ModuleType:
        root = tmp_path / "rooms"
        for name, text in {"__init__": "", "okta____init__": "", **files}.items():
            path = root.joinpath(
                *(["okta", "__init__"] if name == "okta____init__" else ["__init__"] if name == "__init__" else name.split("__"))
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".py").write_text(textwrap.dedent(text))
        monkeypatch.syspath_prepend(str(tmp_path))
        for name in [name for name in sys.modules if name.partition(".")[0] == "rooms"]:
            monkeypatch.delitem(sys.modules, name)
        importlib.invalidate_caches()
        return importlib.import_module("rooms")

    return package


def test_ours_is_found_whole_and_every_id_is_a_path() -> None:
    known = catalogue.load(tasks)
    root = Path(tasks.__file__ or "").parent
    files = {f"{path.parent.name}.{path.stem}" for path in root.glob("*/*.py") if path.stem != "__init__"}
    assert sorted([*known.actions, *known.queries, *known.sources]) == sorted(files)
    assert all(unit.spec.id == identifier for identifier, unit in known.actions.items())
    assert all(unit.spec.id == identifier for identifier, unit in known.queries.items())
    assert all(unit.spec.id == identifier for identifier, unit in known.sources.items())
    for action in known.actions.values():
        assert {*action.spec.sources, *action.spec.reopens} <= known.actions.keys()


def test_a_name_that_is_unknown_brings_the_nearest() -> None:
    known = catalogue.load(tasks)
    assert known.action("okta.suspend_user") is known.actions["okta.suspend_user"]
    assert known.query("okta.find_users") is known.queries["okta.find_users"]
    with pytest.raises(BadInput, match=r"no action 'okta.suspend_usr'; did you mean 'okta.suspend_user'"):
        known.action("okta.suspend_usr")
    with pytest.raises(BadInput, match=r"no query 'okta.find_user'; did you mean 'okta.find_users'"):
        known.query("okta.find_user")


def test_a_package_is_loaded(make: Make) -> None:
    known = catalogue.load(make(okta__suspend=ACTION.format(id="okta.suspend"), okta__find=QUERY.format(id="okta.find")))
    assert list(known.actions) == ["okta.suspend"]
    assert list(known.queries) == ["okta.find"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "rooms.okta.x holds 0 actions, queries or sources; a file holds exactly one"),
        (ACTION.format(id="okta.x") + QUERY.format(id="okta.x"), "holds 2 actions"),
        (ACTION.format(id="okta.y"), "rooms.okta.x declares the id 'okta.y'; its path makes it 'okta.x'"),
        (ACTION.format(id="okta.x").replace("def plan(", "def plans("), "Suspend lacks plan"),
        (ACTION.format(id="okta.x").replace("target = Target", "pass"), "Suspend lacks target"),
        (QUERY.format(id="okta.x").replace("question = object", "pass"), "Find lacks question"),
        (QUERY.format(id="okta.x").replace("spec = QuerySpec", "spick = QuerySpec"), "Find lacks spec"),
        ("from firedoor.action import Action", "holds 0"),
        ("def (", "rooms.okta.x cannot be loaded .SyntaxError"),
        ("import no_such_thing", "rooms.okta.x cannot be loaded .ModuleNotFoundError: No module named 'no_such_thing'"),
        ("1 / 0", "rooms.okta.x cannot be loaded .ZeroDivisionError"),
    ],
)
def test_a_file_that_is_not_one_whole_unit_is_named(make: Make, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        catalogue.load(make(okta__x=text))
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("fault", ["import no_such_thing", "1 / 0"])
def test_a_room_that_cannot_be_entered_is_not_left_out(make: Make, fault: str) -> None:
    with pytest.raises(BadInput, match=r"rooms.okta cannot be loaded"):
        catalogue.load(make(okta____init__=fault, okta__suspend=ACTION.format(id="okta.suspend")))


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        (
            "import tasks; from firedoor import catalogue; catalogue.load(tasks)",
            {"boto3", "botocore", "okta", "slack_sdk", "slack_bolt", "prefect"},
        ),
        ("import firedoor.playbook", {"boto3", "okta", "slack_sdk", "prefect", "sqlalchemy", "aiohttp"}),
    ],
)
def test_looking_at_what_there_is_loads_nothing_heavy(statement: str, heavy: set[str]) -> None:
    assert not loaded_by(statement) & heavy
