"""The figures as a page of the documentation, with a chart: what was measured, on which machine, when, and with what."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

from bench.contain.ansible import COMMAND
from bench.figures import Figure
from firedoor import __version__
from firedoor.sweephtml import pygal, svg

Parts: TypeAlias = Mapping[str, Sequence[Figure]]

TITLES: Final = {
    "near": "A containment, no way to the vendor",
    "far": "A containment, 100 ms a call",
    "writes": "From a click to the first write",
    "acks": "Slack's acks",
    "start": "The command line",
    "journal": "The journal",
}
PACKAGES: Final = ("aiohttp", "httpx", "okta", "pydantic", "sqlalchemy")
ABOUT: Final = """\
# How fast it is

Written by `make bench`, which also fails where a figure misses what is required of it. All vendors are simulators on the same machine, so
that these figures are of Firedoor and not of a network; where it says so, each call takes 100 ms longer, as one to a real vendor may. The
medians of several rounds count; in each round the sides come one after the other.

## The sides of a containment

The playbook `identity-breach` on people whose sessions were stolen: suspend, end sessions and tokens, take consents back, take factors off,
each seen to hold. Okta's limit of requests is lifted for all alike.

- **Firedoor**: the whole engine, with the journal on the disk, leases, and every write read back; from the moment the approver says yes
  until the last person's last step is verified.
- **The bare calls, at once**: the very calls that Firedoor makes, as many at once, by aiohttp. No journal, no lease, no report. Nothing
  that makes these calls can be faster.
- **A script, call after call**: what one writes at three in the morning, person after person, by httpx. Each write is looked at once, not
  twice, so it makes fewer calls.
- **ansible-playbook** (the package `ansible`): the same calls as the script by `ansible.builtin.uri`, since none of its collections
  has a module for this; each person a host, all of them at once (`forks`, strategy `free`), which is as fast as it gets. It cannot be
  warm, so its clock is the whole command.{start}

The clocks of the others start when they are imported, connected and told to go.

![Seconds of each side](benchmarks.svg)
"""


def write(folder: Path, parts: Parts) -> None:
    """``benchmarks.md`` and ``benchmarks.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text(page(parts), encoding="utf-8")
    (folder / "benchmarks.svg").write_text(chart(parts), encoding="utf-8")


def page(parts: Parts) -> str:
    """The whole page."""
    blocks = [ABOUT.format(start=_start(parts)).rstrip(), _table(parts), *_calls(parts), _measured()]
    return "\n\n".join(blocks) + "\n"


def chart(parts: Parts) -> str:
    """Seconds of each side, of both ways."""
    raced = {name: [one for one in parts.get(name, ()) if "calls" in one.of] for name in ("near", "far")}
    drawn = pygal().HorizontalBar(
        logarithmic=True, js=[], height=320, width=760, legend_at_bottom=True, print_values=True, value_formatter=lambda x: f"{x:.1f} s"
    )
    drawn.title = "Seconds until everybody is contained (logarithmic)"
    drawn.x_labels = list(dict.fromkeys(one.of["side"] for some in raced.values() for one in some))
    for part, some in raced.items():
        if some:
            drawn.add(TITLES[part].partition(", ")[2], [one.value for one in some])
    return svg(drawn)


def _start(parts: Parts) -> str:
    starts = [second for some in parts.values() for one in some for second in one.of.get("start", ())]
    return f" Of that, {min(starts):.1f} to {max(starts):.1f} s are its start: a playbook that does nothing." if starts else ""


def _table(parts: Parts) -> str:
    rows = ["## All figures", "", "| | found | required |", "|---|---:|---:|"]
    for part, figures in parts.items():
        rows.append(f"| **{TITLES[part]}** | | |")
        for one in figures:
            required = one.required or (f"<= {one.wished:g} wished for" if one.wished is not None else "")
            rows.append(f"| {one.name} | {_shown(one)} | {'missed: ' if one.missed else ''}{required} |")
    return "\n".join(rows)


def _shown(figure: Figure) -> str:
    digits = 0 if figure.value >= 100 else 1 if figure.value >= 10 else 2
    return f"{figure.value:.{digits}f} {figure.unit}".rstrip()


def _calls(parts: Parts) -> list[str]:
    """The calls of each side by operation, as the vendor counts them."""
    some = next(([one for one in parts[name] if "calls" in one.of] for name in ("far", "near") if name in parts), [])
    if not some:
        return []
    operations = sorted({operation for one in some for operation in one.of["calls"]})
    rows = ["## Calls to Okta, as it counts them", "", f"| | {' | '.join(one.of['side'] for one in some)} |", f"|---|{'---:|' * len(some)}"]
    rows += [f"| {name} | {' | '.join(str(one.of['calls'].get(name, 0)) for one in some)} |" for name in operations]
    rows.append(f"| **all** | {' | '.join(str(sum(one.of['calls'].values())) for one in some)} |")
    return ["\n".join(rows)]


def _measured() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} processors ({_processor()}), {memory:.0f} GB of memory, {platform.system()} {platform.release()}"
    versions = [
        f"Firedoor {__version__}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        *(f"{name} {version(name)}" for name in PACKAGES),
        *_ansible(),
    ]
    return f"## When, where, with what\n\nMeasured on {datetime.now(UTC):%Y-%m-%d} (UTC), on {machine}. {', '.join(versions)}."


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _ansible() -> list[str]:
    if not COMMAND.exists():
        return []
    said = subprocess.run([str(COMMAND), "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    return [f"ansible-core {said.partition('core ')[2].partition(']')[0]}"]
