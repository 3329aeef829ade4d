"""Files that people hand over, as text, piece by piece: plain or gzipped, with or without a byte order mark, of any size."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from firedoor.errors import BadInput, shown

PIECE: Final = 1 << 18  # bytes
_GZIP: Final = b"\x1f\x8b"
_MARKS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


class CutShort(BadInput):
    """The file ends, or can be read no further, in the middle of what it says."""


def pieces(path: Path) -> Iterator[str]:
    """The text, at most `PIECE` bytes of it at a time. UTF-8, or UTF-16 where a byte order mark says so; what is neither becomes U+FFFD.

    Raises `BadInput` where there is no such file, and `CutShort` where a gzipped one is damaged or ends early.
    """
    with _opened(path) as plain:
        packed = plain.read(2) == _GZIP
        plain.seek(0)
        file = cast(BinaryIO, gzip.GzipFile(fileobj=plain)) if packed else plain
        yield from _decoded(path, file)


def _decoded(path: Path, file: BinaryIO) -> Iterator[str]:
    piece = _read(path, file)
    encoding = next((name for mark, name in _MARKS.items() if piece.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while piece:
        yield decoder.decode(piece)
        piece = _read(path, file)
    yield decoder.decode(b"", final=True)


def _read(path: Path, file: BinaryIO) -> bytes:
    try:
        return file.read(PIECE)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise CutShort("the file is damaged, or ends in the middle", target=shown(str(path)), advice="Fetch it anew") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"the file cannot be read ({error.strerror or type(error).__name__})", target=shown(str(path)), advice="Check its name")
