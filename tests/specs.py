"""The vendors' published specifications, against which clients and simulators are checked. They are not part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def specification(relative: str) -> Path:
    """The path of one specification, such as ``okta/management.json``.

    The folder is ``FIREDOOR_SPECS``, or ``../shared/specs`` beside the repository. Where the file is absent the test is skipped; with
    ``FIREDOOR_REQUIRE_SPECS=1`` it fails, so that a build cannot lose its conformance tests in silence.
    """
    folder = Path(os.environ.get("FIREDOOR_SPECS") or ROOT / "../shared/specs")
    path = folder / relative
    if path.is_file():
        return path
    why = f"no specification {relative} in {folder}: set FIREDOOR_SPECS to the folder that holds it"
    if os.environ.get("FIREDOOR_REQUIRE_SPECS") == "1":
        pytest.fail(why)
    pytest.skip(why)
