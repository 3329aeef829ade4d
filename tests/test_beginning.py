"""`firedoor init`: the files to begin with load as they are, hold every setting and no secret, and are never written over others."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from firedoor import beginning
from firedoor.errors import BadInput
from firedoor.settings import SECRETS, Settings, load

SETTING = re.compile(r"# ([a-z_]+ = |\[)")


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FIREDOOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def uncommented(text: str) -> str:
    return "\n".join(line.removeprefix("# ") if SETTING.match(line) else line for line in text.splitlines())


def test_the_file_loads_as_it_is_and_sets_nothing(tmp_path: Path) -> None:
    beginning.write(tmp_path)
    assert tomllib.loads((tmp_path / "firedoor.toml").read_text()) == {}
    assert load(tmp_path / "firedoor.toml") == load(None)
    assert load().model_dump() == Settings().model_dump(), "nothing but defaults"


def test_every_example_is_valid_once_its_comment_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "firedoor.toml"
    path.write_text(uncommented(beginning.toml()))
    table = tomllib.loads(path.read_text())
    settings = load(path)
    assert set(table) == set(Settings.model_fields) - {*SECRETS, "database_url"}
    for name, kind in beginning.TABLES.items():
        entry = table[name][0] if name in beginning.ARRAYS else table[name]
        assert set(entry) == set(kind.model_fields), name
    assert settings.people[0].name == "Ada"
    assert settings.jira is not None


def test_every_setting_says_what_it_means() -> None:
    both = " ".join((beginning.toml() + beginning.env()).replace("## ", "").split())
    tables: list[type[BaseModel]] = [Settings, *beginning.TABLES.values()]
    for table in tables:
        for name, field in table.model_fields.items():
            assert field.description, name
            assert " ".join(field.description.split()) in both, name


def test_secrets_are_in_the_environments_file_only_and_by_name_only() -> None:
    for name in (*SECRETS, "database_url"):
        assert f"\n# FIREDOOR_{name.upper()}=\n" in beginning.env()
        assert not re.search(rf"^# {name} = ", beginning.toml(), re.MULTILINE)
    assert all(line.startswith("#") for text in (beginning.toml(), beginning.env()) for line in text.splitlines() if line)
    assert all(line.endswith("=") for line in beginning.env().splitlines() if line.startswith("# ") and "=" in line)


@pytest.mark.parametrize("there", ["firedoor.toml", ".env.example"])
def test_nothing_is_written_over(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(BadInput) as refused:
        beginning.write(tmp_path)
    assert str(tmp_path / there) in refused.value.what
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


def test_of_two_that_are_there_both_are_told(tmp_path: Path) -> None:
    for name in ("firedoor.toml", ".env.example"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(BadInput, match=r"firedoor\.toml and .*\.env\.example are there already") as refused:
        beginning.write(tmp_path)
    assert refused.value.advice == "Name another folder, or move them away"


def test_a_link_that_leads_nowhere_is_there_too(tmp_path: Path) -> None:
    (tmp_path / ".env.example").symlink_to(tmp_path / "gone")
    with pytest.raises(BadInput, match="is there already"):
        beginning.write(tmp_path)
    assert not (tmp_path / "gone").exists()


def test_where_the_second_cannot_be_written_the_first_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def full(path: Path, *given: str, **named: str) -> object:
        if path.name == beginning.ENV:
            raise OSError(28, "No space left on device", str(path))
        return opened(path, *given, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(BadInput, match="No space left"):
        beginning.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
