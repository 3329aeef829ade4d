"""The simulated AWS's front: decides every request as AWS would, and lets only what passes through to moto.

Moto alone lets deactivated keys work and ignores conditions. It is called as an application in this process, without a socket of its own,
so that there is no way around the gate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from firedoor.vendors.aws import limits, orgworld, signature, simlogins, simpermits, simreports, simsecrets, simwaf
from firedoor.vendors.aws.operations import OPERATIONS
from firedoor.vendors.aws.policy import Effect, MalformedPolicy, UnsupportedPolicy, decide, parse
from firedoor.vendors.aws.signature import Signed
from firedoor.vendors.aws.simrates import Rates
from firedoor.vendors.aws.simreports import SimReports
from firedoor.vendors.aws.simrotations import Rotations
from firedoor.vendors.aws.simwaf import WebDoor
from firedoor.vendors.aws.spoken import spoken
from firedoor.vendors.aws.standings import Session, SimClock, Standings
from firedoor.vendors.aws.sts import Sts
from firedoor.vendors.aws.wire import Answer, Call, Refused, Request, form, refusal, success_body, understand
from firedoor.vendors.aws.world import Thing, iam_of, read

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

_READS: Final = re.compile(r"(Get|List|Describe|Simulate|BatchGet)\w*|GenerateCredentialReport")
_TABLE: Final = {operation.name: operation.writes for operation in OPERATIONS}
_OWN: Final = frozenset({"CreateAccessKey", "DeleteAccessKey", "GetUser", "ListAccessKeys", "ListMFADevices", "UpdateAccessKey"})
_DOCUMENTS: Final = {
    "CreatePolicy": "PolicyDocument",
    "CreatePolicyVersion": "PolicyDocument",
    "CreateRole": "AssumeRolePolicyDocument",
    "PutGroupPolicy": "PolicyDocument",
    "PutRolePolicy": "PolicyDocument",
    "PutUserPolicy": "PolicyDocument",
    "UpdateAssumeRolePolicy": "PolicyDocument",
}
_TRUSTS: Final = frozenset({"CreateRole", "UpdateAssumeRolePolicy"})
_TAG_KEY: Final = re.compile(r"Tags\.member\.[0-9]+\.Key")
_CODE: Final = re.compile(rb"<Code>(\w+)</Code>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One request as the gate saw it. ``principal`` is an ARN, "" where the caller was not believed."""

    service: str
    operation: str
    key_id: str
    principal: str
    account: str
    write: bool
    status: int
    code: str

    @property
    def name(self) -> str:
        """The operation as the table names it."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    thing: Thing
    arn: str
    session: Session | None


class Gate:
    """Authenticates, authorises, forwards. ``moto`` is moto's WSGI application, ``door`` is told of every change to an IP set,
    ``reports`` gives the credential reports, ``rates`` says how many requests IAM takes, ``rotations`` what becomes of
    secrets that are rotated.
    """

    def __init__(  # noqa: PLR0917 - its parts
        self,
        moto: Wsgi,
        clock: SimClock,
        standings: Standings,
        door: WebDoor,
        reports: SimReports,
        rates: Rates,
        rotations: Rotations,
    ) -> None:
        self._moto = moto
        self._clock = clock
        self._standings = standings
        self._door = door
        self._reports = reports
        self._rates = rates
        self._rotations = rotations
        self._sts = Sts(clock, standings)

    def read(self, request: Request) -> tuple[Signed, Call]:
        """Who claims to ask for what. Raises `Refused`."""
        signed = signature.read(request)
        return signed, understand(request, signed.service)

    def decide(self, request: Request, signed: Signed, call: Call) -> tuple[Answer, Record]:
        """The answer AWS would give, with its effect on the simulated world, and what to write down of it."""
        caller: _Caller | None = None
        try:
            caller = self._authenticate(request, signed, call)
            if call.service == "iam":
                self._rates.spend(caller.thing.account)
            self._authorise(caller, call, signed.region)
            answer = self._answer(request, signed, call, caller)
        except Refused as no:
            answer = refusal(call.service, no, as_json=call.json)
        except MalformedPolicy as no:
            answer = refusal(call.service, Refused("MalformedPolicyDocument", 400, str(no)), as_json=call.json)
        except UnsupportedPolicy as no:
            answer = refusal(call.service, Refused("PolicyNotSimulated", 501, str(no)), as_json=call.json)
        return answer, Record(
            service=call.service,
            operation=call.operation,
            key_id=signed.key_id,
            principal=caller.arn if caller else "",
            account=caller.thing.account if caller else "",
            write=_TABLE.get(call.name, not _READS.fullmatch(call.operation)),
            status=answer.status,
            code=answer.code,
        )

    def _authenticate(self, request: Request, signed: Signed, call: Call) -> _Caller:
        unknown = Refused("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
        token = request.headers.get("x-amz-security-token", "")
        session = self._standings.sessions.get(signed.key_id)
        thing = session.thing if session else self._standings.owner(signed.key_id)
        standing = self._standings.of(thing) if thing else None
        if thing is None or standing is None:
            raise unknown
        if session:
            if token != session.token:
                raise unknown
            signature.check(request, signed, session.secret, self._clock.now())
            if self._clock.now() >= session.expires:
                raise Refused("ExpiredToken", 403, "The security token included in the request is expired")
            self._limit_user_session(session, call, unknown)
            return _Caller(thing=thing, arn=session.arn, session=session)
        key = standing.keys.get(signed.key_id)
        if key is None or not key.active or token:
            raise unknown
        signature.check(request, signed, key.secret, self._clock.now())
        return _Caller(thing=thing, arn=standing.arn, session=None)

    def _limit_user_session(self, session: Session, call: Call, unknown: Refused) -> None:
        """GetSessionToken's documented limits without MFA: no IAM, and of STS only AssumeRole and GetCallerIdentity."""
        if session.thing.kind == "user" and call.service == "iam":
            raise unknown
        if session.thing.kind == "user" and call.service == "sts" and call.operation not in {"AssumeRole", "GetCallerIdentity"}:
            raise Refused("AccessDenied", 403, f"Cannot call {call.operation} with session credentials")

    def _authorise(self, caller: _Caller, call: Call, region: str) -> None:
        # The first two cannot be denied by any policy; AssumeRole weighs the role's trust as well.
        if call.name in {"sts:GetCallerIdentity", "sts:GetSessionToken", "sts:AssumeRole"}:
            return
        session = caller.session
        asked = self._standings.asked(call.name, _resource(call, caller, region), caller.thing, session)
        asked = replace(asked, policy=call.text("PolicyArn"), tags=_tag_keys(call))
        own = simsecrets.policy_of(call, caller.thing.account, region) if call.service == "secretsmanager" else ""
        documents = self._standings.documents(caller.thing) + spoken(own, {asked.principal, caller.arn})
        allowed = decide(documents, asked) is Effect.ALLOW
        allowed = allowed and not self._standings.controls.bars(caller.thing.account, asked)
        if not allowed or (session and session.policy and decide((session.policy,), asked) is not Effect.ALLOW):
            where = asked.resource or "*"
            raise Refused("AccessDenied", 403, f"User: {caller.arn} is not authorized to perform: {call.name} on resource: {where}")

    def _answer(self, request: Request, signed: Signed, call: Call, caller: _Caller) -> Answer:
        if call.service == "sts":
            body = self._sts.answer(call, caller.thing, caller.arn, caller.session).encode()
            answer = Answer(status=200, body=body, content_type="text/xml")
        else:
            if call.service == "iam":
                call = _completed(call, caller)
                _check_document(call)
                limits.check(call, caller.thing.account)
            self._standings.controls.check(call, caller.thing.account)
            answer = self._served(request, call, caller.thing.account, signed.region)
        if answer.status == 200 and caller.session is None:
            _mark_used(caller.thing.account, signed)
        if answer.status == 200 and call.service == "organizations" and not _READS.fullmatch(call.operation):
            self._standings.controls.note()
        if answer.status == 200 and call.service == "iam" and not _READS.fullmatch(call.operation):
            for thing in _touched(call, caller.thing.account):
                self._standings.note(thing)
        return answer

    def _served(self, request: Request, call: Call, account: str, region: str) -> Answer:
        """The services that AWS runs in each region have rules of their own, and of IAM moto lacks some things."""
        match call.service:
            case "wafv2":
                simwaf.check(call, account, region)
                answer = self._forward(request, call, account, region)
                self._door.note(account)
                return answer
            case "secretsmanager":
                told = self._rotations.answer(call, simsecrets.kept(account, region))
                if told is None:
                    call = simsecrets.completed(call)
                    simsecrets.check(call, account, region)
                    told = simsecrets.polished(call, self._forward(request, call, account, region), account, region)
                return told
            case "iam" if call.operation in simreports.OPERATIONS:
                body = success_body("iam", call.operation, self._reports.answer(call, account)).encode()
                return Answer(status=200, body=body, content_type="text/xml")
            case "iam" if call.operation == simpermits.OPERATION:
                body = success_body("iam", call.operation, simpermits.answer(call, account, self._standings)).encode()
                return Answer(status=200, body=body, content_type="text/xml")
            case "iam" if call.operation in simlogins.OPERATIONS:
                body = success_body("iam", call.operation, simlogins.answer(call, iam_of(account).users)).encode()
                return Answer(status=200, body=body, content_type="text/xml")
            case _:
                return self._forward(request, call, account)

    def _forward(self, request: Request, call: Call, account: str, region: str = "us-east-1") -> Answer:
        from werkzeug.datastructures import Headers  # noqa: PLC0415
        from werkzeug.test import EnvironBuilder, run_wsgi_app  # noqa: PLC0415 - only drills and tests have moto

        kept = {name: request.headers[name] for name in ("authorization", "content-type", "x-amz-target") if name in request.headers}
        headers = {**kept, "x-moto-account-id": account}
        body = json.dumps(call.parameters).encode() if call.json else form(call)
        host = f"https://{call.service}.{region}.amazonaws.com"
        environ = EnvironBuilder(method="POST", path="/", base_url=host, data=body, headers=Headers(headers)).get_environ()
        try:
            chunks, status, answered = run_wsgi_app(self._moto, environ, buffered=True)
        except NotImplementedError as error:
            raise Refused("NotSimulated", 501, f"The simulator has no {call.name}.") from error
        content = b"".join(chunks)
        code = _CODE.search(content)
        return Answer(
            status=int(status.split()[0]),
            body=content,
            content_type=answered.get("Content-Type", "text/xml"),
            code=code[1].decode() if code else answered.get("x-amzn-errortype", ""),
            headers={"x-amzn-requestid": str(uuid4())} if call.json else {},
        )


def _resource(call: Call, caller: _Caller, region: str) -> str | None:
    account = caller.thing.account
    if call.operation == simpermits.OPERATION:
        return call.text("PolicySourceArn")
    if call.service == "iam":
        touched = _touched(call, account) or ([caller.thing] if call.operation in _OWN else [])
        if touched:
            standing = read(touched[0])
            return standing.arn if standing else f"arn:aws:iam::{account}:{touched[0].kind}/{touched[0].name}"
        return f"arn:aws:iam::{account}:user/" if call.operation == "ListUsers" else None
    if call.service == "wafv2":
        return simwaf.arn(call, account, region)
    if call.service == "organizations":
        return orgworld.arn(call.text("PolicyId"), account)
    secret = call.text("SecretId")
    return secret if secret.startswith("arn:") else None


def _tag_keys(call: Call) -> frozenset[str]:
    return frozenset(call.text(name) for name in call.parameters if _TAG_KEY.fullmatch(name))


def _touched(call: Call, account: str) -> list[Thing]:
    kinds = (("GroupName", "group"), ("UserName", "user"), ("NewUserName", "user"), ("RoleName", "role"), ("PolicyArn", "policy"))
    return [Thing(kind=kind, account=account, name=call.text(name)) for name, kind in kinds if call.text(name)]


def _completed(call: Call, caller: _Caller) -> Call:
    """AWS fills in the caller's own name where a user names nobody."""
    if call.operation not in _OWN or call.text("UserName"):
        return call
    if caller.thing.kind != "user":
        raise Refused("ValidationError", 400, "Must specify userName when calling with non-User credentials")
    parameters = {**call.parameters, "UserName": caller.thing.name}
    return Call(service=call.service, operation=call.operation, json=call.json, parameters=parameters)


def _check_document(call: Call) -> None:
    parameter = _DOCUMENTS.get(call.operation)
    if parameter is None:
        return
    parse(call.text(parameter), trust=call.operation in _TRUSTS)


def _mark_used(account: str, signed: Signed) -> None:
    from moto.core.utils import utcnow  # noqa: PLC0415
    from moto.iam.models import AccessKeyLastUsed  # noqa: PLC0415

    key = iam_of(account).access_keys.get(signed.key_id)
    if key is not None:
        key.last_used = AccessKeyLastUsed(utcnow(), signed.service, signed.region)
