"""Standard output and standard error that outlive whoever reads them.

A closed pipe (``| head -1``), or a terminal that is gone, is no reason to leave a containment in the middle: what is said from then on is
said to nobody, and the exit code still tells the truth.
"""

from __future__ import annotations

import errno
import io
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GONE: Final = (errno.EPIPE, errno.EIO, errno.ENXIO, errno.ECONNRESET)


class Outlet(io.FileIO):
    """A file descriptor to write to. Once nobody is left at its other end, what is written to it is dropped."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "wb", closefd=False)
        self._gone = False

    def write(self, data: ReadableBuffer, /) -> int:
        """As of any file, but that it fails for want of a reader once, and in silence."""
        if not self._gone:
            try:
                return super().write(data)
            except OSError as error:
                if error.errno not in GONE:
                    raise
                self._gone = True
        return memoryview(data).nbytes


def keep_open() -> None:
    """Let this process's standard output and standard error outlive their readers. For the command line alone, which owns them."""
    sys.stdout, sys.stderr = _outliving(sys.stdout), _outliving(sys.stderr)


def _outliving(stream: TextIO) -> TextIO:
    try:
        outlet = Outlet(stream.fileno())
    except (AttributeError, OSError, ValueError):  # closed from the start, or not a file at all
        return stream
    stream.flush()
    at_once = stream.isatty() or stream is sys.stderr
    return io.TextIOWrapper(io.BufferedWriter(outlet), encoding=stream.encoding, errors=stream.errors, line_buffering=at_once)
