"""The process of moto: an account of so many users with one active key each, served over HTTP with threads, and counted.

A line of JSON on standard input is answered by one on standard output: ``open`` with the number of ``keys`` begins anew, and moto is then
``latency`` seconds away; ``counts`` of the calls since, by operation; ``working``: how many keys are active.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from moto.core.base_backend import BackendDict
from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ACCOUNT: Final = "123456789012"


class Counted:
    """moto's application, with each call counted by its operation. ``latency``: seconds that it is away."""

    def __init__(self, app: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._app = app
        self._turn = threading.Lock()
        self.latency = 0.0
        self.counts: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """As WSGI has it."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._turn:
            self.counts[parse_qs(body.decode()).get("Action", ["?"])[0]] += 1
        if self.latency:
            time.sleep(self.latency)
        return self._app(environ, start)


def seed(keys: int) -> None:
    """Begin anew with so many users, each with one active key."""
    BackendDict.reset()
    iam = iam_backends[ACCOUNT]["aws"]
    for number in range(keys):
        name = f"svc-{number:06d}"
        iam.create_user("aws", name, "/", [])
        iam.create_access_key(name)


def amend_reports() -> None:
    """Give moto's credential report what each of AWS's has: a line of the root user, and a date that is not years ago."""

    def amended(response: IamResponse) -> ActionResult:
        columns, _, users = response.backend.get_credential_report().partition("\n")
        said = {"user": "<root_account>", "arn": f"arn:aws:iam::{ACCOUNT}:root", "mfa_active": "true"}
        off = {name: "false" for name in columns.split(",") if name.endswith("_active")}
        root = ",".join({**off, **said}.get(name, "N/A") for name in columns.split(","))
        made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return ActionResult({"Content": f"{columns}\n{root}\n{users}", "ReportFormat": "text/csv", "GeneratedTime": made})

    IamResponse.get_credential_report = amended  # type: ignore[assignment, method-assign]


def active() -> int:
    """How many keys work."""
    return sum(key.status == "Active" for user in iam_backends[ACCOUNT]["aws"].users.values() for key in user.access_keys)


def main() -> None:
    """Until standard input ends."""
    amend_reports()
    app = Counted(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for line in sys.stdin:
        told = json.loads(line)
        answer: Mapping[str, Any] = {}
        match told["do"]:
            case "open":
                seed(told["keys"])
                app.counts.clear()
                app.latency = told.get("latency", 0.0)
                answer = {"endpoint": f"http://127.0.0.1:{server.port}"}
            case "counts":
                answer = dict(sorted(app.counts.items()))
            case "working":
                answer = {"active": active()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    server.shutdown()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    main()
