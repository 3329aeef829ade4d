"""`python -m scaffold action okta.clear_something`, or `vendor`, `playbook`, `channel` and a name: writes one that works."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from firedoor.settings import ROOT
from scaffold import lines
from scaffold.lines import Line

HERE: Final = Path(__file__).resolve().parent
NAME: Final = re.compile(r"[a-z][a-z0-9]{1,15}")
BOOK: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
UNIT: Final = re.compile(r"(?P<vendor>[a-z][a-z0-9]{1,20})\.(?P<verb>[a-z]+)_(?P<noun>[a-z][a-z_]*)")

Words = Mapping[str, str]


class CannotMake(Exception):
    """Nothing was written; the message says why."""


def vendor(name: str) -> Sequence[str]:
    """A vendor with one kind of account, an action that switches it off, and all that it is tried with."""
    _check(NAME, name, "a vendor's name is small letters and digits, as in `acmevault`")
    words = _named(name)
    files = {
        **{f"sample/{one}.py": f"firedoor/vendors/{name}/{one}.py" for one in ("__init__", "client", "operations", "simulator", "values")},
        "rooms/checking.py": f"firedoor/doctor/{name}.py",
        "rooms/__init__.py": f"tasks/{name}/__init__.py",
        "rooms/disable_account.py": f"tasks/{name}/disable_account.py",
        "rooms/find_accounts.py": f"tasks/{name}/find_accounts.py",
        "trying/room.py": f"tests/tasks/rooms/{name}.py",
        "trying/worlds.py": f"tests/laws/worlds/{name}.py",
        "trying/hostile.py": f"tests/preview/hostile_{name}.py",
        **_cases("sample.disable_account", f"{name}.disable_account"),
    }
    return _make(files, lines.VENDOR, words)


def action(unit: str) -> Sequence[str]:
    """An action in a vendor's room that is there, with a case for every trouble that its call can meet."""
    found = UNIT.fullmatch(unit)
    if found is None:
        raise CannotMake("an action's id is its path, with a verb: okta.clear_something")
    name, last = found["vendor"], f"{found['verb']}_{found['noun']}"
    own = (HERE / "rooms" / f"{name}_action.py").is_file()
    if not own and not (ROOT / "tasks" / name / "disable_account.py").is_file():
        raise CannotMake(f"there is no skeleton for an action of {name}; begin with a copy of the one in tasks/{name} that is nearest")
    file, old = (f"{name}_action", f"{name}.sample_action") if own else ("disable_account", "sample.disable_account")
    words = {
        f'"{old}"': f'"{unit}"',
        "SampleAction": _title(last),
        "DisableAccount": _title(last),
        "SampleState": f"{_title(last)}State",
        **_named(name),
    }
    return _make({f"rooms/{file}.py": f"tasks/{name}/{last}.py", **_cases(old, unit)}, (), words)


def playbook(name: str) -> Sequence[str]:
    """A playbook of three steps, with a ticket and a notice."""
    _check(BOOK, name, "a playbook's name is small letters and dashes, as in `lost-laptop`")
    return _make({"sample-book.yaml": f"playbooks/{name}.yaml"}, lines.PLAYBOOK, {"sample-book": name})


def channel(name: str) -> Sequence[str]:
    """A channel that tells people in a file, and its test."""
    _check(NAME, name, "a channel's name is small letters and digits, as in `pager`")
    files = {
        "channel/__init__.py": f"firedoor/channels/{name}/__init__.py",
        "channel/channel.py": f"firedoor/channels/{name}/channel.py",
        "trying/channel_told.py": f"tests/channels/test_{name}.py",
    }
    return _make(files, lines.CHANNEL, {"slack.samples": "slack.samples", "scaffold.channel": f"firedoor.channels.{name}", **_named(name)})


KINDS: Final[Mapping[str, tuple[Callable[[str], Sequence[str]], str]]] = {
    "action": (action, "make laws ARGS=\"-k '{name}'\""),
    "vendor": (vendor, 'make laws ARGS="-k {name}"'),
    "playbook": (playbook, ".venv/bin/firedoor playbooks lint {name}"),
    "channel": (channel, ".venv/bin/pytest tests/channels/test_{name}.py"),
}


def _check(shape: re.Pattern[str], name: str, words: str) -> None:
    if not shape.fullmatch(name):
        raise CannotMake(words)


def _named(name: str) -> Words:
    """What becomes of the sample's names, longest first."""
    return {"scaffold.sample": f"firedoor.vendors.{name}", "SAMPLE": name.upper(), "Sample": _title(name), "sample": name}


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _cases(old: str, new: str) -> Mapping[str, str]:
    return {f"cases/{old}/{path.name}": f"tests/tasks/{new}/{path.name}" for path in sorted((HERE / "cases" / old).glob("*.yaml"))}


def _make(files: Mapping[str, str], added: Sequence[Line], words: Words) -> Sequence[str]:
    """Write the files and the lines; returns the paths. Raises `CannotMake` with nothing written where one is there, or has no place."""
    new = {ROOT / to: _reworded((HERE / path).read_text(encoding="utf-8"), words) for path, to in files.items()}
    if there := [path for path in new if path.exists()]:
        raise CannotMake(f"{there[0].relative_to(ROOT)} is there already")
    changed: dict[Path, str] = {}
    for line in added:
        path = ROOT / line.path
        text = changed.get(path) or path.read_text(encoding="utf-8")
        if text.count(line.before) != 1:
            raise CannotMake(f"{line.path} has no longer one place for a line (before {line.before!r}); mend scaffold/lines.py")
        changed[path] = text.replace(line.before, _reworded(line.text, words) + line.before)
    for path, text in {**new, **changed}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    python = [str(path) for path in (*new, *changed) if path.suffix == ".py"]
    for what in (("check", "--quiet", "--select", "I", "--fix"), ("format", "--quiet")):
        if python:
            subprocess.run([sys.executable, "-m", "ruff", *what, *python], cwd=ROOT, check=True)  # noqa: S603 - a tool of our own environment
    return [str(path.relative_to(ROOT)) for path in (*new, *changed)]


def _reworded(text: str, words: Words) -> str:
    """In one pass; of two words that begin at one place, the one that stands first counts."""
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)


def main(given: Sequence[str]) -> int:
    """Make it; the exit code."""
    if len(given) != 2 or given[0] not in KINDS:
        print(
            "make new-action ID=okta.clear_something, make new-vendor NAME=acmevault, new-playbook NAME=..., new-channel NAME=...",
            file=sys.stderr,
        )
        return 2
    kind, name = given
    make, then = KINDS[kind]
    try:
        paths = make(name)
    except CannotMake as why:
        print(f"Nothing was written: {why}.", file=sys.stderr)
        return 2
    print(
        "Written or changed:",
        *(f"  {path}" for path in paths),
        "It works as it is: make it yours, piece by piece, and keep it green:",
        sep="\n",
    )
    print(f"  make lint types docs\n  {then.format(name=name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
