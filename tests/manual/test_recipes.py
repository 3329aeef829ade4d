"""The recipes of CONTRIBUTING.md, followed word by word in a copy of the checkout: what they write works before anybody has touched it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from firedoor.settings import ROOT
from tests.manual import pages, unrun

RECIPES = [command.text for command in pages.commands() if unrun.UNRUN.get(command.text) == unrun.RECIPE]
# The second action of the new vendor is made as its first one is.
MADE = "clear_something or (acmevault and not lock_account) or (lock_account and ordinary) or lost-laptop"
pytestmark = [pytest.mark.manual, pytest.mark.xdist_group("recipes"), pytest.mark.timeout(900)]  # one copy, made once


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is, committed or not, with all recipes followed in it."""
    folder = tmp_path_factory.mktemp("copy")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for recipe in RECIPES:
        done(folder, recipe.split())
    return folder


def done(folder: Path, command: Sequence[str]) -> str:
    """Run a command there; what it says. The environment is taken as it is: `make` is not to install anything."""
    words = ["make", "--assume-old=.venv/.dev", *command[1:]] if command[0] == "make" else [sys.executable, *command]
    ran = subprocess.run(words, cwd=folder, env=environment(folder), check=False, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(words)}\n{ran.stdout[-8000:]}{ran.stderr[-4000:]}"
    return ran.stdout


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(folder), "HOME": str(folder / ".home")}


def test_every_kind_has_a_recipe() -> None:
    assert {recipe.split()[1] for recipe in RECIPES} == {"new-action", "new-vendor", "new-playbook", "new-channel"}


def test_what_is_written_is_clean(copy: Path) -> None:
    done(copy, ["make", "lint"])
    done(copy, ["make", "types"])


def test_what_is_written_is_documented(copy: Path) -> None:
    done(copy, ["docs/generate.py"])
    assert (copy / "docs" / "actions" / "okta.clear_something.md").is_file()
    assert "lost-laptop" in (copy / "docs" / "playbooks.md").read_text(encoding="utf-8")


def test_what_is_written_holds_to_every_law(copy: Path) -> None:
    said = done(copy, ["-m", "pytest", "tests/laws", "tests/tasks", "tests/preview", "-k", MADE, "-n0", "--no-header"])
    assert " passed" in said
    assert "skipped" not in said


def test_the_house_takes_it_in(copy: Path) -> None:
    """What looks at settings, the catalogue and the channel as a whole."""
    whole = ["tests/test_beginning.py", "tests/test_settings.py", "tests/test_catalogue.py", "tests/channels/test_pager.py"]
    done(copy, ["-m", "pytest", *whole, "-n0", "--no-header"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["action", "clear_something"], "an action's id is its path"),
        (["action", "github.clear_something"], "there is no skeleton for an action of github"),
        (["vendor", "Acme"], "a vendor's name is small letters"),
        (["vendor", "acmevault"], "is there already"),
        (["playbook", "lost_laptop"], "a playbook's name is small letters"),
        (["channel"], "make new-action ID="),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_written(copy: Path, words: list[str], why: str) -> None:
    before = status(copy)
    ran = subprocess.run(
        [sys.executable, "-m", "scaffold", *words], cwd=copy, env=environment(copy), check=False, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert why in ran.stderr
    assert status(copy) == before


def status(folder: Path) -> str:
    return subprocess.run(["git", "status", "--short", "-uall"], cwd=folder, check=True, capture_output=True, text=True).stdout
