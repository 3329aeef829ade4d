"""The processes around a drill: started here, and ended here, only those."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firedoor import orchestrating
from firedoor.errors import FiredoorError
from firedoor.settings import ROOT

GRACE_SECONDS: Final = 5.0
# Prefect's defaults lose task runs under load and look at the weather outside; see docs/adr.
PREFECT: Final = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
}


@contextmanager
def child(module: str, *arguments: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process of its own, ended at the end of the block. It is not told of Ctrl-C; we end it in good order."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)  # noqa: S603 - our own modules
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def until(there: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is there. Raises `FiredoorError` naming it when it never comes."""
    try:
        async with asyncio.timeout(seconds):
            while not there():  # noqa: ASYNC110 - other processes tell by files, not by events
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise FiredoorError(f"{what} did not start within {seconds:.0f} s", advice="Look for another drill that is still running") from None


def alive(pid: int) -> bool:
    """Whether a process of that number is there."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def end(pid: int) -> None:
    """Ask a process that a drill of ours started to end."""
    with suppress(OSError):
        os.kill(pid, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefectServer:
    """A Prefect server of the drill's own. ``url`` is its page for people."""

    url: str
    process: subprocess.Popen[bytes]

    async def ready(self, seconds: float) -> bool:
        """Whether it answers, and has run one flow to warm up, within ``seconds``. If not, the drill's containment does without it."""
        import aiohttp  # noqa: PLC0415

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aiohttp.ClientSession() as http:
                while self.process.poll() is None:
                    with suppress(aiohttp.ClientError, OSError):
                        async with http.get(f"{self.url}/api/health") as reply:
                            if reply.status == 200:
                                await orchestrating.warm_up()
                                return True
                    await asyncio.sleep(0.2)
        os.environ.pop("PREFECT_API_URL", None)
        return False


@contextmanager
def prefect_server(folder: Path) -> Iterator[PrefectServer]:
    """Start a server in the background, for this machine only and behind a password, and point this process at it.

    It must be entered before Prefect is imported: ephemeral mode is switched off in the environment.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    os.environ |= {
        **orchestrating.PREFECT,
        **PREFECT,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_UI_API_URL": f"{url}/api",
        "PREFECT_SERVER_API_AUTH_STRING": (password := f"drill:{secrets.token_urlsafe(12)}"),
        "PREFECT_API_AUTH_STRING": password,
    }
    arguments = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui")
    with child("firedoor.exercise.leash", *arguments, log=folder / "prefect.log") as process:
        yield PrefectServer(url=url, process=process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
