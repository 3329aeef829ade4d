"""An estate to be swept: accounts with users and their keys, an Okta org with tokens and service apps, and the traps among them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from firedoor.canonical import JSON
from firedoor.vendors.aws.world import new_key_id, new_secret

OLD: Final = "2023-01-10T08:00:00Z"
DAY: Final = "2023-10-18T09:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """The worlds, and what is planted in them.

    ``shut`` is an account that lets nobody in, which ``places_shut`` sources find; ``logged`` is a key that is in a log and in no listing;
    ``victim`` is the user that somebody makes another key of, in the middle of it.
    """

    aws: Mapping[str, JSON]
    okta: Mapping[str, Any]
    okta_token: str
    okta_preview_token: str
    never_used: str
    orphan: str
    shut: str
    logged: str
    victim: tuple[str, str]
    own_tokens: tuple[str, ...]
    client_secrets: tuple[str, ...]
    places_shut: int = 1


def make(*, keys: int, accounts: int, tokens: int) -> Estate:
    """So many keys over so many accounts, one a user but for every fiftieth, who has two; and so many credentials of Okta: half of them
    API tokens, half of them client secrets, one an app but for every third, which has two.
    """
    names = [f"{100000000000 + number}" for number in range(accounts)]
    users: dict[str, dict[str, JSON]] = {name: {} for name in names}
    left, number, never_used = keys, 0, ""
    while left:
        many = 2 if number % 50 == 49 and left > 1 else 1
        made = {new_key_id(): {"secret": new_secret(), "created": OLD, "last_used": DAY} for _ in range(many)}
        if number == keys // 3:
            never_used = next(iter(made))
            made[never_used] = {"secret": new_secret(), "created": OLD}
        users[names[number % accounts]][f"svc-{number:05d}"] = {"keys": made}
        left, number = left - many, number + 1
    people = [{"id": f"00u{n:05d}", "login": f"svc{n}@acme.example", "name": f"Service {n}"} for n in range(20)]
    admin = {"id": "00uadmin", "login": "firedoor@acme.example", "name": "Firedoor", "roles": ["SUPER_ADMIN"]}
    gone = {"id": "00ugone", "login": "left@acme.example", "name": "Left long ago", "status": "DEPROVISIONED"}
    token, preview = secrets.token_hex(20), secrets.token_hex(20)
    own = [
        {"token": token, "owner": "00uadmin", "id": "00Town"},
        {"token": preview, "owner": "00uadmin", "id": "00Tread", "role": "READ_ONLY_ADMIN"},
    ]
    theirs = [
        {"token": secrets.token_hex(20), "owner": "00ugone" if n == 7 else people[n % 20]["id"], "id": f"00T{n:05d}", "created": OLD}
        for n in range(tokens - tokens // 2)
    ]
    apps: list[dict[str, str]] = []
    held: list[dict[str, str]] = []
    while len(held) < tokens // 2:
        app = f"0oa{len(apps):05d}"
        apps.append({"id": app, "label": f"Integration {len(apps)}", "type": "service"})
        for _ in range(2 if len(apps) % 3 == 0 and len(held) + 1 < tokens // 2 else 1):
            held.append({"id": f"ocs{len(held):05d}", "app": app, "secret": secrets.token_hex(20), "created": OLD})
    okta = {"users": [*people, admin, gone], "api_tokens": [*own, *theirs], "apps": apps, "client_secrets": held}
    return Estate(
        aws={name: {"users": some} for name, some in users.items()},
        okta=okta,
        okta_token=token,
        okta_preview_token=preview,
        never_used=never_used,
        orphan="00T00007",
        shut="999000999000",
        logged=new_key_id(),
        victim=(names[0], next(name for name, one in users[names[0]].items() if len(one["keys"]) == 1)),  # type: ignore[index,call-overload,arg-type]
        own_tokens=("00Town", "00Tread"),
        client_secrets=tuple(one["id"] for one in held),
    )
