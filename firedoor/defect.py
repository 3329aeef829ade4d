"""How a defect is put on record: its kind and its place. Its text and its frames may quote anything, a secret too, so they are left out."""

from __future__ import annotations

import traceback
from pathlib import Path


def kind_and_place(error: BaseException) -> str:
    """For instance ``KeyError at revoke_sessions.py:90``."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
