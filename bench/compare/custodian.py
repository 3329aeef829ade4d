"""``.venv-c7n/bin/python bench/compare/custodian.py JSON``: the same by Cloud Custodian's own policy engine, in its own environment.

It imports nothing of Firedoor. The clock starts once Custodian is imported. It looks at each user, makes each key inactive, and does not
look again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import boto3  # noqa: F401 - what Custodian imports late is no work of the policy
import c7n.cli
import c7n.commands
import c7n.output
from c7n.resources import load_resources

POLICY = {"policies": [{"name": "shut", "resource": "aws.iam-user", "actions": [{"type": "remove-keys", "disable": True}]}]}

if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    (folder / "policy.json").write_text(json.dumps(POLICY), encoding="utf-8")
    given = {"AWS_ENDPOINT_URL": asked["endpoint"], "AWS_ACCESS_KEY_ID": "AKIACUSTODIANCUSTOD2", "AWS_SECRET_ACCESS_KEY": "nobody's"}
    os.environ.update(given, AWS_DEFAULT_REGION="us-east-1")
    load_resources(("aws.iam-user",))
    said = sys.stdout
    sys.stdout = sys.stderr
    sys.argv = [
        "custodian",
        "run",
        "--cache-period",
        "0",
        "--output-dir",
        str(folder),
        "--region",
        "us-east-1",
        str(folder / "policy.json"),
    ]
    began = time.monotonic()
    ended = 0
    try:
        c7n.cli.main()
    except SystemExit as end:
        ended = int(end.code or 0)
    said.write(json.dumps({"seconds": time.monotonic() - began, "ended": ended}) + "\n")
