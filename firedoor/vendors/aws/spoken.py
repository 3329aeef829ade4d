"""The simulator's reading of a resource's own policy: what it says of one caller, put as an identity policy, so that one evaluator decides.

Source: "Policy evaluation logic" of the IAM user guide, for one account: what either policy allows is allowed, unless one denies it. To
name an account is to leave it to the policies of those in it, so that allows nobody anything by itself; a denial holds for all in it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from firedoor.canonical import canonical
from firedoor.vendors.aws.policy import MalformedPolicy, UnsupportedPolicy, parse


def spoken(document: str, names: Collection[str]) -> tuple[str, ...]:
    """The statements that speak of somebody of these names (ARNs), as a policy document; none where there are none.

    Raises `MalformedPolicy` or `UnsupportedPolicy`, whomever it speaks of.
    """
    if not document:
        return ()
    try:
        statements = json.loads(document)["Statement"]
    except (ValueError, TypeError, KeyError) as error:
        raise MalformedPolicy("the resource's policy is not JSON with a Statement") from error
    found = [dict(each) for each in (statements if isinstance(statements, list) else [statements])]
    means = [_means(each.pop("Principal", None), each, names) for each in found]
    parse(canonical({"Statement": found}))
    ours = [each for each, speaks in zip(found, means, strict=True) if speaks]
    return (canonical({"Statement": ours}),) if ours else ()


def _means(principal: Any, statement: Any, names: Collection[str]) -> bool:
    named = set(_named(principal))
    accounts = {name.split(":")[4] for name in names}
    of_all = {*accounts, *(f"arn:aws:iam::{account}:root" for account in accounts)} if statement.get("Effect") == "Deny" else set[str]()
    return bool(named & {"*", *names, *of_all})


def _named(principal: Any) -> Iterator[str]:
    match principal:
        case "*":
            yield "*"
        case {"AWS": str(name)}:
            yield name
        case {"AWS": [*some]}:
            yield from map(str, some)
        case {"Service": _} | {"Federated": _}:  # neither ever calls through the gate
            return
        case _:
            raise UnsupportedPolicy("the simulator does not know whom a statement without such a Principal speaks of")
