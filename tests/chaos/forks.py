"""The fork server: a process that has done the imports only, with no thread and no socket, from which every life is forked.

``python -m tests.chaos.forks`` reads a job a line from standard input; it answers with the pid of the life, and once that is over with the
status that it ended with.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from firedoor import run, shelf, wiring
from firedoor.approval import Decision, Request
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.aws.guard import Guard
from firedoor.vendors.aws.operations import OPERATIONS
from firedoor.vendors.aws.session import AwsCredentials, Line, open_door
from tests.chaos import breakages, hurry
from tests.chaos.life import Job, live

LEASH_SECONDS: Final = 60
LATE: Final = (
    *("aiohttp", "aiosqlite", "okta.cache.no_op_cache", "okta.request_executor", "okta.models.group", "okta.models.user"),
    *("slack_sdk.http_retry.builtin_async_handlers", "slack_sdk.web.async_client", "firedoor.channels.slack.limits"),
    "firedoor.vendors.slack.web",
)
SHAPES: Final[tuple[Any, ...]] = (run.Order, tuple[run.Item, ...], Request, Decision, run.Started, run.Done, run.StepResult)


def warm() -> None:
    """Import what is imported only when it is needed, and read what every life reads: models, playbooks, the shapes of the record."""
    shown = ("flows.contain", "flows.undo") if os.environ.get("PREFECT_API_URL") else ()
    for module in (*LATE, *shown):
        importlib.import_module(module)
    known = wiring.load_catalogue()
    books = {name: wiring.load_playbook(name, known) for name in shelf.shelf()}
    patch("firedoor.wiring.load_playbook", lambda name, _: books[name]).start()
    for shape in (*SHAPES, *(unit.target for unit in known.actions.values())):
        run._adapter(shape)
    _warm_aws()


def _warm_aws() -> None:
    policy = CallPolicy(vendor="aws", access=Access.READ, operations=OPERATIONS)
    line = Line(region="us-east-1", pool=1, timeout=1.0, endpoint="http://127.0.0.1:9")
    door = open_door(
        line, Guard(policy=policy, roles=frozenset()), credentials=AwsCredentials(key_id="AKIAIOSFODNN7EXAMPLE", secret="none")
    )
    for service in sorted({operation.name.partition(":")[0] for operation in OPERATIONS}):
        door.client(service)
    door.close()


def bear(job: Job) -> int:
    """Fork a life; its pid. It does not come back."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        gc.disable()  # it is over before there is much to collect
        signal.alarm(LEASH_SECONDS)
        _into(Path(job.folder) / f"log-{job.number}")
        hurry.hurry()
        hurry.later(job.number)
        breakages.break_(job.broken)
        asyncio.run(live(job))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, the parent's code must not be run here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _into(log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(file, 1)
    os.dup2(file, 2)


def main() -> None:
    """Until standard input ends."""
    warm()
    gc.collect()
    gc.freeze()
    if threading.active_count() > 1:
        raise RuntimeError("a process that has threads must not be forked")
    _say({"ready": os.getpid()})
    for line in iter(sys.stdin.readline, ""):
        pid = bear(Job.read(line))
        _say({"pid": pid})
        _, status = os.waitpid(pid, 0)
        _say({"ended": os.waitstatus_to_exitcode(status)})


def _say(words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
