"""What shells complete: asked in each one's own way, and of a real bash with the script that it is given."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from firedoor import cli, completing
from firedoor.shelf import shelf
from tests import recorded

ROOT = Path(__file__).resolve().parent.parent
# How each shell asks, by the script that typer gives it.
ASKS: Mapping[str, Mapping[str, str]] = {
    "bash": {"COMP_WORDS": "firedoor plan identity-b", "COMP_CWORD": "2"},
    "zsh": {"_TYPER_COMPLETE_ARGS": "firedoor plan identity-b"},
    "fish": {"_TYPER_COMPLETE_ARGS": "firedoor plan identity-b", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}
PLUGGED = {
    "bash": "complete -o default -F _firedoor_completion firedoor",
    "zsh": "#compdef firedoor",
    "fish": "complete --command firedoor",
}


@pytest.fixture
def firedoor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The command as a shell calls it between two keys."""

    def called(**environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert cli.obey([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out.strip()

    return called


@pytest.mark.parametrize("shell", ASKS)
def test_each_shell_is_answered(shell: str, firedoor: Callable[..., str]) -> None:
    answer = firedoor(_FIREDOOR_COMPLETE=f"complete_{shell}", **ASKS[shell])
    assert "identity-breach" in answer
    assert "session-hijack" not in answer


@pytest.mark.parametrize("shell", PLUGGED)
def test_each_shell_is_given_its_script(shell: str, firedoor: Callable[..., str]) -> None:
    script = firedoor(_FIREDOOR_COMPLETE=f"source_{shell}")
    assert PLUGGED[shell] in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=60)


def test_a_real_bash_completes_by_the_script_it_is_given(tmp_path: Path) -> None:
    command = tmp_path / "firedoor"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m firedoor "$@"\n')
    command.chmod(0o755)
    typed = (
        f'PATH="{tmp_path}:$PATH"; eval "$(_FIREDOOR_COMPLETE=source_bash firedoor)"\n'
        "COMP_WORDS=(firedoor contain session-) COMP_CWORD=2; _firedoor_completion firedoor; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "--norc", "-c", typed], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("session-hijack\n", "")


def test_playbooks_sweeps_and_exercises_are_known_by_their_beginning() -> None:
    assert completing.playbooks("") == list(shelf())
    assert completing.playbooks("identity-") == ["identity-breach"]
    assert "nightly-keys" in completing.sweeps("n")
    assert completing.exercises("cloud") == ["cloudflare-okta-2023"]


def test_runs_are_known_newest_first_and_where_there_is_no_journal_none_is(
    recorded_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "firedoor.toml").write_text("")
    for name, value in {"FIREDOOR_CONFIG": str(tmp_path / "firedoor.toml"), "FIREDOOR_STATE_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FIREDOOR_DATABASE_URL", raising=False)
    assert completing.runs("") == []
    assert not list(tmp_path.glob("journal*")), "nothing was made by looking"
    shutil.copy(recorded_once, tmp_path / "journal.db")
    assert completing.runs("") == list(reversed(recorded.RUNS))
    assert completing.runs("de") == ["denied"]
    (tmp_path / "journal.db").write_text("no database")
    assert completing.runs("") == []
    monkeypatch.setenv("FIREDOOR_DATABASE_URL", "postgresql://user@127.0.0.1:9/name")
    assert completing.runs("") == []
    (tmp_path / "firedoor.toml").write_text("wrong = [")
    assert completing.runs("") == []
