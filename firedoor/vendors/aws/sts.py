"""The simulator's STS. Moto hands out one and the same session to everybody; here each is minted, remembered and ends on time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from firedoor.vendors.aws.policy import Effect, decide, parse, trusted
from firedoor.vendors.aws.standings import Session, SimClock, Standings
from firedoor.vendors.aws.wire import Call, Refused, success_body
from firedoor.vendors.aws.world import Thing, new_key_id, new_secret

_CHAINED_AT_MOST: Final = 3600


class Sts:
    """Answers the four operations that the gate does not leave to moto."""

    def __init__(self, clock: SimClock, standings: Standings) -> None:
        self._clock = clock
        self._standings = standings

    def answer(self, call: Call, thing: Thing, arn: str, session: Session | None) -> str:
        """The reply's body. Raises `Refused`."""
        match call.operation:
            case "GetCallerIdentity":
                standing = self._standings.of(thing)
                result: dict[str, object] = {"UserId": standing.id if standing else "", "Account": thing.account, "Arn": arn}
            case "GetAccessKeyInfo":
                result = {"Account": self._account(call.text("AccessKeyId"))}
            case "GetSessionToken":
                result = self._session_token(call, thing, arn, session)
            case "AssumeRole":
                result = self._assume_role(call, thing, arn, session)
            case _:
                raise Refused("NotSimulated", 501, f"The simulator has no {call.name}.")
        return success_body("sts", call.operation, result)

    def _account(self, key_id: str) -> str:
        session = self._standings.sessions.get(key_id)
        owner = session.thing if session else self._standings.owner(key_id)
        if owner is None:
            raise Refused("ValidationError", 400, "The simulation never had that key.")
        return owner.account

    def _session_token(self, call: Call, thing: Thing, arn: str, session: Session | None) -> dict[str, object]:
        if session is not None:
            raise Refused("AccessDenied", 403, "Cannot call GetSessionToken with session credentials")
        if call.text("SerialNumber"):
            raise Refused("NotSimulated", 501, "The simulator has no sessions with MFA.")
        seconds = _seconds(call, default=43_200, most=129_600)
        return {"Credentials": self._mint(thing, arn, seconds, "")}

    def _assume_role(self, call: Call, thing: Thing, arn: str, session: Session | None) -> dict[str, object]:
        role_arn, name, policy = call.text("RoleArn"), call.text("RoleSessionName"), call.text("Policy")
        if strange := sorted(call.parameters.keys() - {"RoleArn", "RoleSessionName", "Policy", "DurationSeconds", "Version"}):
            raise Refused("NotSimulated", 501, f"The simulator does not know the parameter {strange[0]} of AssumeRole.")
        parts = role_arn.split(":")
        role = Thing(kind="role", account=parts[4] if len(parts) == 6 else "", name=role_arn.rpartition("/")[2])
        denied = Refused("AccessDenied", 403, f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}")
        standing = self._standings.of(role)
        if standing is None or standing.arn != role_arn:
            raise denied
        source = self._standings.of(thing)
        names = {arn, thing.account, f"arn:aws:iam::{thing.account}:root", "*"} | ({source.arn} if source else set())
        by = trusted(standing.trust, names)
        asked = self._standings.asked("sts:AssumeRole", role_arn, thing, session)
        said = Effect.DENY if self._standings.controls.bars(thing.account, asked) else decide(self._standings.documents(thing), asked)
        exactly = by.startswith("arn:") and not by.endswith(":root")
        # Named exactly, by a role of the same account, is enough; all others need their own permission too.
        if not by or said is Effect.DENY or (said is None and not (exactly and role.account == thing.account)):
            raise denied
        if session and session.policy and decide((session.policy,), asked) is not Effect.ALLOW:
            raise denied
        if policy:
            parse(policy)
        chained = session is not None and session.thing.kind == "role"
        seconds = _seconds(call, default=3600, most=_CHAINED_AT_MOST if chained else standing.seconds)
        session_arn = f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{name}"
        user = {"AssumedRoleId": f"{standing.id}:{name}", "Arn": session_arn}
        return {"Credentials": self._mint(role, session_arn, seconds, policy), "AssumedRoleUser": user}

    def _mint(self, thing: Thing, arn: str, seconds: int, policy: str) -> dict[str, object]:
        issued = self._clock.now().replace(microsecond=0)
        session = Session(
            key_id=new_key_id("ASIA"),
            secret=new_secret(),
            token=new_secret(200),
            thing=thing,
            arn=arn,
            issued=issued,
            expires=issued + timedelta(seconds=seconds),
            policy=policy,
        )
        self._standings.sessions[session.key_id] = session
        return {
            "AccessKeyId": session.key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _seconds(call: Call, *, default: int, most: int) -> int:
    text = call.text("DurationSeconds") or str(default)
    seconds = int(text) if text.isdigit() else 0
    if not 900 <= seconds <= most:
        raise Refused("ValidationError", 400, f"DurationSeconds must be between 900 and {most}.")
    return seconds
