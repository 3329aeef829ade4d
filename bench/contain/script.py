"""``python -m bench.contain.script JSON``: what an engineer writes at three in the morning: person after person, call after call, by httpx.

The same steps, each looked at once afterwards and not twice, for nobody would. No approval, no record, no resumption: if it dies in the
middle, somebody finds out by hand whom it had not come to. It says ``ready`` once Okta has answered; the clock starts when it is told to
go.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

LOOKS: Final = 30


def contain(okta: httpx.Client, login: str) -> None:
    """One person."""
    user = told(okta.get(f"/api/v1/users/{login}"))
    one = f"/api/v1/users/{user['id']}"
    if user["status"] == "ACTIVE":
        okta.post(f"{one}/lifecycle/suspend").raise_for_status()
    suspended = told(okta.get(one))
    check(suspended["status"] == "SUSPENDED", f"{login} is {suspended['status']}")
    okta.delete(f"{one}/sessions", params={"oauthTokens": "true", "forgetDevices": "true"}).raise_for_status()
    okta.delete(f"{one}/grants").raise_for_status()
    check(not told(okta.get(f"{one}/grants")), f"{login} still has consents")
    check(not told(okta.get(f"{one}/clients")), f"{login} still has OAuth tokens")
    okta.post(f"{one}/lifecycle/reset_factors").raise_for_status()
    check(not told(okta.get(f"{one}/factors")), f"{login} still has factors")
    check(is_cleared(okta, user["id"], suspended["statusChanged"]), f"the log does not show that the sessions of {login} ended")


def is_cleared(okta: httpx.Client, user: str, since: str) -> bool:
    """Whether the log shows it, with some patience."""
    wanted = {"filter": f'eventType eq "user.session.clear" and target.id eq "{user}"', "since": since}
    for _ in range(LOOKS):
        if told(okta.get("/api/v1/logs", params=wanted)):
            return True
        time.sleep(1.0)
    return False


def told(reply: httpx.Response) -> Any:
    """What it says, where it is no error."""
    return reply.raise_for_status().json()


def check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion in all but name
    """Give up where it does not hold."""
    if not holds:
        raise SystemExit(otherwise)


def main(asked: Mapping[str, Any]) -> float:
    """Seconds."""
    headers = {"Authorization": f"SSWS {asked['token']}", "Accept": "application/json"}
    with httpx.Client(base_url=asked["okta"], headers=headers, timeout=30.0) as okta:
        told(okta.get("/api/v1/users/me"))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        began = time.monotonic()
        for login in asked["users"]:
            contain(okta, login)
        return time.monotonic() - began


if __name__ == "__main__":
    taken = main(json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps({"seconds": taken}) + "\n")
