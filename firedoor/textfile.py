"""Files that people hand over, as text, piece by piece: plain or gzipped, with or without a byte order mark, of any size."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from firedoor.errors import BadInput, shown

PIECE: Final = 1 << 18  # bytes
LONGEST_LINE: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_MARKS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_DAMAGED: Final = "the file is damaged, or ends in the middle"


class CutShort(BadInput):
    """The file ends, or can be read no further, in the middle of what it says."""


def pieces(path: Path) -> Iterator[str]:
    """The text, at most `PIECE` bytes of it at a time. UTF-8, or UTF-16 where a byte order mark says so; what is neither becomes U+FFFD.

    Raises `BadInput` where there is no such file, and `CutShort` where a gzipped one is damaged or ends early: after all that came before.
    """
    decoder: codecs.IncrementalDecoder | None = None
    for piece in _plain(path):
        if decoder is None:
            encoding = next((name for mark, name in _MARKS.items() if piece.startswith(mark)), "utf-8")
            decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        yield decoder.decode(piece)
    if decoder is not None:
        yield decoder.decode(b"", final=True)


def lines(pieces: Iterable[str], *, longest: int = LONGEST_LINE) -> Iterator[str]:
    """The lines of a text, each with its end. Raises `BadInput` for one that is longer than ``longest`` characters."""
    held = ""
    for piece in pieces:
        *whole, held = (held + piece).split("\n")
        yield from (f"{line}\n" for line in whole)
        if len(held) > longest:
            raise BadInput(f"a line has more than {longest} characters", advice="Export it again, a row in a line")
    if held:
        yield held


def _plain(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            yield from _unpacked(path, file) if packed else iter(lambda: file.read(PIECE), b"")
    except OSError as error:
        what = f"the file cannot be read ({error.strerror or type(error).__name__})"
        raise BadInput(what, target=shown(str(path)), advice="Check its name") from None


def _unpacked(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """What a gzipped file holds, in one part or several. A small file may hold very much: no more than a piece is unpacked at once."""
    unpacker = zlib.decompressobj(wbits=31)
    packed = file.read(PIECE)
    while packed:
        try:
            piece = unpacker.decompress(packed, PIECE)
        except zlib.error:
            break
        if piece:
            yield piece
        packed = unpacker.unused_data or unpacker.unconsumed_tail
        if unpacker.eof:
            packed = (packed or file.read(PIECE)).lstrip(b"\x00")
            if not packed:
                return
            unpacker = zlib.decompressobj(wbits=31)
        packed = packed or file.read(PIECE)
    raise CutShort(_DAMAGED, target=shown(str(path)), advice="Fetch it anew")
