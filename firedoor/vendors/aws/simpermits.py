"""The simulator's answer to what a user or role may do: by the same policies that its gate goes by. Moto has none."""

from __future__ import annotations

from typing import Final

from firedoor.vendors.aws.policy import Effect, decide
from firedoor.vendors.aws.standings import Standings
from firedoor.vendors.aws.wire import Call, Refused
from firedoor.vendors.aws.world import Thing

OPERATION: Final = "SimulatePrincipalPolicy"
_KINDS: Final = ("user", "role")
_SAID: Final = {Effect.ALLOW: "allowed", Effect.DENY: "explicitDeny", None: "implicitDeny"}


def answer(call: Call, account: str, standings: Standings) -> dict[str, object]:
    """The decision on each action, for every resource. Raises `Refused`; resources and contexts of the asker's own are not simulated."""
    names = {name: value for name, value in call.parameters.items() if not name.startswith("ActionNames.member.")}
    if strange := sorted(names.keys() - {"PolicySourceArn", "MaxItems", "Version"}):
        raise Refused("NotSimulated", 501, f"The simulator does not know the parameter {strange[0]} of {OPERATION}.")
    arn = call.text("PolicySourceArn")
    kind, _, name = arn.rpartition(":")[2].partition("/")
    thing = Thing(kind=kind, account=account, name=name.rpartition("/")[2])
    standing = standings.of(thing) if kind in _KINDS else None
    if standing is None or standing.arn != arn:
        raise Refused("NoSuchEntity", 404, f"The entity {arn} cannot be found.")
    documents = standings.documents(thing)
    results: list[object] = []
    for action in (str(value) for name, value in call.parameters.items() if name not in names):
        asked = standings.asked(action, "*", thing, None)
        said = Effect.DENY if standings.controls.bars(account, asked) else decide(documents, asked)
        results.append({"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": _SAID[said]})
    return {"EvaluationResults": results, "IsTruncated": "false"}
