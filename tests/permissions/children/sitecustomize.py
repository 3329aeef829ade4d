"""Python loads this as it starts, in each process that a noted test run starts: what that calls is noted too."""

import os
from pathlib import Path

if folder := os.environ.get("CALLS_NOTED_IN"):
    from tests.permissions.recording import Recording

    Recording(Path(folder))
