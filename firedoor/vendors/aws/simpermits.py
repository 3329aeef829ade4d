"""The simulator's answer to what a user or role may do: by the same policies that its gate goes by. Moto has none."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Final

from firedoor.vendors.aws.policy import Effect, decide, lacking
from firedoor.vendors.aws.spoken import spoken
from firedoor.vendors.aws.standings import Standings
from firedoor.vendors.aws.wire import Call, Refused
from firedoor.vendors.aws.world import Thing

OPERATION: Final = "SimulatePrincipalPolicy"
_KINDS: Final = ("user", "role")
_SAID: Final = {Effect.ALLOW: "allowed", Effect.DENY: "explicitDeny", None: "implicitDeny"}
_LISTS: Final = re.compile(r"(ActionNames|ResourceArns)[.]member[.]\d+|ContextEntries[.]member[.]\d+[.]ContextKey\w+(?:[.]member[.]\d+)?")
_POLICY, _TAGS, _ISSUED, _REGION = "iam:PolicyARN", "aws:TagKeys", "aws:TokenIssueTime", "aws:RequestedRegion"


def answer(call: Call, account: str, standings: Standings) -> dict[str, object]:
    """The decision on each action and resource. Raises `Refused`."""
    if strange := sorted(
        name
        for name in call.parameters
        if not (name in {"PolicySourceArn", "ResourcePolicy", "MaxItems", "Version"} or _LISTS.fullmatch(name))
    ):
        raise Refused("NotSimulated", 501, f"The simulator does not know the parameter {strange[0]} of {OPERATION}.")
    arn = call.text("PolicySourceArn")
    kind, _, name = arn.rpartition(":")[2].partition("/")
    thing = Thing(kind=kind, account=account, name=name.rpartition("/")[2])
    standing = standings.of(thing) if kind in _KINDS else None
    if standing is None or standing.arn != arn:
        raise Refused("NoSuchEntity", 404, f"The entity {arn} cannot be found.")
    context = _context(call)
    if strange := sorted(context.keys() - {_POLICY, _TAGS, _ISSUED, _REGION}):
        raise Refused("NotSimulated", 501, f"The simulator does not know the context key {strange[0]}.")
    # As AWS documents it, for users only: of a role, the resource's policy is not weighed.
    documents = standings.documents(thing) + (spoken(call.text("ResourcePolicy"), {arn}) if kind == "user" else ())
    results: list[object] = []
    for action in _listed(call, "ActionNames"):
        for resource in _listed(call, "ResourceArns") or ["*"]:
            asked = standings.asked(action, resource, thing, None)
            asked = replace(asked, policy=next(iter(context.get(_POLICY, [])), ""), tags=frozenset(context.get(_TAGS, [])))
            asked = replace(asked, issued=next(map(datetime.fromisoformat, context.get(_ISSUED, [])), None))
            barred = standings.controls.bars(account, asked)
            said = _SAID[Effect.DENY if barred else decide(documents, asked)]
            missing = sorted({name for document in documents for name in lacking(document, asked)})
            part = {"EvalResourceName": resource, "EvalResourceDecision": said, "MissingContextValues": missing}
            organization = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": "false"}} if barred else {}
            whole = {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": said, "MissingContextValues": missing}
            results.append({**whole, **organization, "ResourceSpecificResults": [part]})
    return {"EvaluationResults": results, "IsTruncated": "false"}


def _listed(call: Call, name: str) -> list[str]:
    return [str(value) for key, value in call.parameters.items() if key.startswith(f"{name}.member.")]


def _context(call: Call) -> dict[str, list[str]]:
    """The values of each context key that comes with the question."""
    names = {key.rpartition(".")[0]: str(value) for key, value in call.parameters.items() if key.endswith(".ContextKeyName")}
    return {name: _listed(call, f"{entry}.ContextKeyValues") for entry, name in names.items()}
