"""A secret key of this machine's own, in a file of its state folder that only its owner may read; made on first use."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from firedoor.errors import Misconfigured

KEY_BYTES: Final = 32


def kept(path: Path, *, what: str, otherwise: str) -> bytes:
    """The key at ``path``, which people call ``what``; ``otherwise`` is what it costs to go without the one there was.

    Raises `Misconfigured` where it cannot be used, or others may read or exchange it.
    """
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make(path)
        if folder.stat().st_mode & 0o022:
            raise Misconfigured(f"others may write to {folder}, and so exchange {what}", advice=f"Run: chmod go-w {folder}")
        if path.stat().st_mode & 0o077:
            raise Misconfigured(f"{path} can be read by others than its owner", advice=f"Run: chmod 600 {path}")
        key = path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{what} at {path} cannot be used ({error.strerror})", advice="Set FIREDOOR_STATE_DIR") from error
    if len(key) != KEY_BYTES:
        raise Misconfigured(f"{what} at {path} is damaged", advice=f"Move it away; {otherwise}")
    return key


def _make(path: Path) -> None:
    """The key appears under its name all at once and only once: another process never sees half of it, nor is left with one of its own."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-") as file:  # made readable by its owner only
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
