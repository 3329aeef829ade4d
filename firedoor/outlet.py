"""Standard output and standard error that outlive whoever reads them.

A closed pipe (``| head -1``), or a terminal that is gone, is no reason to leave a containment in the middle: what is said from then on is
said to nobody, and the exit code still tells the truth. Nor is a full disk; that what was to be kept was not kept, is told at the end.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GONE: Final = (errno.EPIPE, errno.EIO, errno.ENXIO, errno.ECONNRESET)


class Outlet(io.FileIO):
    """A file descriptor to write to. Once that fails, whatever is written to it is dropped; ``lost`` says why, unless its reader left."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "wb", closefd=False)
        self._shut = False
        self.lost = ""

    def write(self, data: ReadableBuffer, /) -> int:
        """As of any file, but that it fails in silence."""
        if not self._shut:
            try:
                return super().write(data)
            except OSError as error:
                self._shut = True
                self.lost = "" if error.errno in GONE else error.strerror or type(error).__name__
        return memoryview(data).nbytes


def keep_open() -> Outlet | None:
    """Let this process's standard output and standard error outlive their readers; what standard output is now, where it is a file.

    For the command line alone, which owns them.
    """
    out, error = _outlet(sys.stdout), _outlet(sys.stderr)
    sys.stderr = _text(error, sys.stderr, at_once=True) if error else sys.stderr or _nowhere()
    sys.stdout = _text(out, sys.stdout, at_once=sys.stdout.isatty()) if out else sys.stdout or _nowhere()
    return out


def _outlet(stream: TextIO | None) -> Outlet | None:
    """None where it is not a file at all, or was closed from the start."""
    try:
        if stream is not None:
            stream.flush()
            return Outlet(stream.fileno())
    except (OSError, ValueError):
        pass
    return None


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _text(outlet: Outlet, stream: TextIO, *, at_once: bool) -> TextIO:
    """The stream as it was, but that a character which its encoding lacks shows as its code, and is no error."""
    return io.TextIOWrapper(io.BufferedWriter(outlet), encoding=stream.encoding, errors="backslashreplace", line_buffering=at_once)
