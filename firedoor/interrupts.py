"""Ctrl-C and SIGTERM: the first lets a run end in good order, the second ends the process at once. And a prompt is left by the first.

What is written down before it is done cannot be lost by either; so the choice is only whether what is under way is still seen to its end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeAlias

from firedoor.errors import BrokenOff

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | signal.Handlers

NAMES: Final = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
SHOW_CURSOR: Final = "\x1b[?25h"
LAST_WORDS: Final = "\nEnded at once. What was done is on record: see `firedoor runs`, and go on with `firedoor resume RUN`.\n"


@contextmanager
def heeded(first: Callable[[str], None]) -> Iterator[None]:
    """Within it, the first signal calls ``first`` with its name, between two lines of whatever runs; the second ends the process.

    A terminal that goes away (SIGHUP) stops nothing. What whoever started the process has it ignore, it ignores.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can signals be heeded; the command line is there
        yield
        return
    taken: list[int] = []

    def take(number: int, frame: FrameType | None) -> None:
        del frame
        if taken:
            return _end(number)
        taken.append(number)
        return first(NAMES[signal.Signals(number)])

    wanted: Mapping[signal.Signals, Handler] = {signal.SIGINT: take, signal.SIGTERM: take, signal.SIGHUP: signal.SIG_IGN}
    before = {number: signal.getsignal(number) for number in wanted}
    for number, handler in wanted.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def _end(number: int) -> None:
    words = (SHOW_CURSOR if sys.stderr.isatty() else "") + LAST_WORDS
    try:
        os.write(2, words.encode())
    finally:
        os._exit(128 + number)


@contextmanager
def prompting(undone: str) -> Iterator[None]:
    """Within it, somebody is asked something. Ctrl-C, or the end of their input, raises `BrokenOff`, which says what was not done."""
    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.default_int_handler) if here else None
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        raise BrokenOff(f"{undone}: you broke it off") from None
    finally:
        if here:
            signal.signal(signal.SIGINT, before)
