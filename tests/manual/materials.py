"""The files that the pages' commands read, as a reader would have them: a recording, CloudTrail's files, a supplier's notice."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hunts.hars import planted
from tests.vendors.aws.test_trail import deliver, record


def lay_out(folder: Path, key: str) -> None:
    """Put them into a folder. ``key``: the access key that was stolen."""
    (folder / "ticket.har").write_text(json.dumps({"log": {"version": "1.2", "entries": planted()}}), encoding="utf-8")
    deliver(folder / "cloudtrail", "1.json", record("GetSecretValue", key=key))
    (folder / "breach-notice.csv").write_text(f"system,kind,id,owner\naws,access_key,{key},mail\n", encoding="utf-8")
