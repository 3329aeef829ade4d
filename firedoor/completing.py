"""What a shell may complete: names of playbooks, sweeps, exercises and runs. Where something goes wrong, nothing, and without a word."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from firedoor.errors import FiredoorError

NEWEST: Final = 50  # runs
SECONDS: Final = 0.5  # for a journal that somebody writes to
RUNS: Final = "SELECT run FROM events WHERE kind = 'run.opened' GROUP BY run ORDER BY MIN(seq) DESC LIMIT ?"


def playbooks(incomplete: str) -> list[str]:
    """Playbooks that begin so."""
    from firedoor import shelf  # noqa: PLC0415 - each only for the shell that asks

    return _begin(shelf.shelf(), incomplete)


def sweeps(incomplete: str) -> list[str]:
    """Sweep playbooks."""
    from firedoor import shelf  # noqa: PLC0415

    return _begin(sorted(path.stem for path in (shelf.ROOT / shelf.SWEEPS).glob("*.yaml")), incomplete)


def exercises(incomplete: str) -> list[str]:
    """Exercises."""
    from firedoor.exercise.scenario import SCENARIOS  # noqa: PLC0415

    return _begin(SCENARIOS, incomplete)


def runs(incomplete: str) -> list[str]:
    """The newest runs, where their journal is a file here: a server is not asked between two keys."""
    import sqlite3  # noqa: PLC0415
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415

    from firedoor.settings import load  # noqa: PLC0415

    with suppress(FiredoorError, sqlite3.Error, OSError):
        url = urlsplit(load().journal_url)
        if url.scheme == "sqlite":
            file = Path(unquote(url.path.removeprefix("/"))).absolute().as_uri()
            with closing(sqlite3.connect(f"{file}?mode=ro", uri=True, timeout=SECONDS)) as journal:
                return _begin((str(name) for (name,) in journal.execute(RUNS, (NEWEST,))), incomplete)
    return []


def _begin(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
