"""How a defect is put on record: its kind and its place. Its text and its frames may quote anything, a secret too, so they are left out."""

from __future__ import annotations

import traceback
from pathlib import Path

from firedoor.errors import FiredoorError


def kind_and_place(error: BaseException) -> str:
    """For instance ``KeyError at revoke_sessions.py:90``."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def in_words(error: BaseException) -> str:
    """What to say of an error, whatever it is: our own speak for themselves."""
    return str(error) if isinstance(error, FiredoorError) else f"a defect ({kind_and_place(error)})"


def way(error: BaseException) -> str:
    """The places that an error came by, the innermost last, and of what it came of the kind and place: a traceback without its words."""
    frames = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    came_of = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join([*frames, *([f"  which came of {kind_and_place(came_of)}"] if came_of is not None else [])])
