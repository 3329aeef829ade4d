"""Prefect, where a server is named: whether it answers, lets us in, and is of a version that goes with ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from firedoor.doctor.checkup import Check, Diagnosis, Looks, failure, ok, warning
from firedoor.errors import Misconfigured
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.http import GuardedHttp, HttpOperation, Secret, basic, bearer, root_of

AREA: Final = "prefect"
URL, KEY, AUTH = "PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"
LIMIT: Final = 5.0
# https://docs.prefect.io/v3/api-ref/rest-api/server/admin/read-version: a JSON string. It asks for credentials, as /health does not.
READ_VERSION: Final = HttpOperation(name="read_version", method="GET", path="/admin/version", permission="", writes=False)


def check() -> Check:
    """The look at the server. Runs do without it, so what is wrong with it keeps nobody from containing."""
    remedy = f"Start the server, or correct {URL}; until then runs are shown nowhere but here"
    return Check(area=AREA, at=URL, look=partial(_look, dict(os.environ)), remedy=remedy)


def is_set_up() -> bool:
    """Whether a server is named."""
    return bool(os.environ.get(URL))


async def _look(environment: Mapping[str, str]) -> Looks:
    try:
        root = root_of(environment[URL], setting=URL)
    except Misconfigured as error:
        yield warning(AREA, URL, f"{error.what}, so it was not asked", error.advice)
        return
    policy = CallPolicy(vendor=AREA, access=Access.READ, operations=[READ_VERSION])
    http = GuardedHttp(name="Prefect", root=root, authorization=_credentials(environment), policy=policy, timeout=LIMIT, setting=URL)
    try:
        reply = await http.send(READ_VERSION)
    finally:
        await http.close()
    yield _judged(reply.status, reply.body)


def _credentials(environment: Mapping[str, str]) -> Secret:
    if key := environment.get(KEY):
        return bearer(Secret(key))
    user, _, password = environment.get(AUTH, "").partition(":")
    return basic(user, Secret(password)) if user else Secret("")


def _judged(status: int, body: bytes) -> Diagnosis:
    if status in (401, 403):
        return failure(AREA, URL, f"it does not let us in (HTTP {status})", f"Set {AUTH} to the server's own (user:password), or {KEY}")
    theirs = body.decode("utf-8", "replace").strip('"\n ')
    if status != 200 or not theirs.replace(".", "").isalnum():
        return failure(AREA, URL, f"what answers is no API of Prefect (HTTP {status})", f"Set {URL} to http(s)://HOST/api")
    try:
        ours = version("prefect")
    except PackageNotFoundError:
        return failure(AREA, URL, f"it is {theirs}, and Prefect is not installed here", "Install Firedoor's requirements once more")
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        return warning(AREA, URL, f"it is {theirs}, and ours is {ours}", f"Run a server of {'.'.join(ours.split('.')[:2])}")
    return ok(AREA, URL, f"it answers, and is {theirs}")
