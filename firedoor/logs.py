"""What a process logs: lines on standard error, for people or as JSON for programs. Set up in one place, at the top of each process.

Our own loggers speak for themselves. What a library logs may quote anything, a secret too, and so may an error's own words: of libraries
only warnings and worse are told, by who said it and where, and of errors their kind and their way (`firedoor.defect`).
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from firedoor.defect import kind_and_place, way
from firedoor.legible import legible
from firedoor.observing import current_run

OWN: Final = ("firedoor", "flows", "tasks")
Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]


def begin() -> None:
    """Log to standard error, and have nobody else do it, from now on; as text and from warnings on until `speak` says otherwise."""
    root = logging.getLogger()
    if not any(isinstance(handler, Console) for handler in root.handlers):
        for other in root.handlers[:]:
            if getattr(other, "stream", None) in (sys.stderr, sys.stdout):  # Prefect's, in a worker: libraries' words come out of it
                root.removeHandler(other)
        root.addHandler(Console())
        logging.captureWarnings(capture=True)  # they are lines on standard error too, in words of libraries
        speak("text", "warning")


def speak(form: Format, level: Level) -> None:
    """Log in that form, and our own from that level on. Does nothing where `begin` was not called: in a test, or another program."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Console):
            handler.setFormatter(_Json() if form == "json" else _Text())
            for name in OWN:
                logging.getLogger(name).setLevel(level.upper())


def tell(text: str, *, level: int = logging.INFO) -> None:
    """Tell whoever sits there, in plain words. Where nobody does and lines are JSON, it is one of these, whatever is logged otherwise."""
    console = next((one for one in logging.getLogger().handlers if isinstance(one, Console) and isinstance(one.formatter, _Json)), None)
    if console is None or sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    else:
        console.emit(logging.LogRecord("firedoor", level, __file__, 0, text, None, None))


class Console(logging.Handler):
    """Writes to standard error, whatever that is at the time. What cannot be written is left out: its own words may be why."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Ours by our level; others' from warnings on."""
        return bool(super().filter(record)) and (_is_own(record) or record.levelno >= logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - nobody is left to tell it to
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say nothing: the library would quote the record, its arguments and the error."""


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_told(record), ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = _told(record)
        run = f" [{told['run']}]" if told["run"] else ""
        lines = f"{told['message']}\n{told.get('error', '')}".strip().splitlines()
        return "\n  ".join([f"{told['time']} {told['level']} {told['logger']}{run}: {lines[0] if lines else ''}", *lines[1:]])


def _told(record: logging.LogRecord) -> Mapping[str, str]:
    error = record.exc_info[1] if record.exc_info else None
    return {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "run": current_run.get(),
        "message": _message(record),
        **({"error": f"{kind_and_place(error)}\n{way(error)}"} if error is not None else {}),
    }


def _message(record: logging.LogRecord) -> str:
    if not _is_own(record):
        return f"something at {Path(record.pathname).name}:{record.lineno}, in words that are not repeated here"
    try:
        text = record.getMessage()
    except Exception as defect:  # noqa: BLE001 - words that do not fit their arguments
        return f"something that cannot be put in words ({kind_and_place(defect)})"
    return "\n".join(map(legible, text.split("\n")))


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in OWN
