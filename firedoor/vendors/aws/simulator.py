"""AWS on loopback for drills and tests: moto's state behind our own gate, over real HTTP.

Honest about what it leaves out: MFA, permissions boundaries, resource policies but those of secrets, most conditions (see `policy`), the
sign-in of Identity Center (its sessions come with the world), presigned URLs, paging of listings, and services that do not speak the query
protocol or JSON.
What it does not know it answers with 501, never with a guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any, ClassVar, Final, Self
from uuid import uuid4

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.access import Access
from firedoor.vendors.aws import simsecrets, simwaf
from firedoor.vendors.aws import world as worlds
from firedoor.vendors.aws.gate import Gate, Record, Wsgi
from firedoor.vendors.aws.operations import permissions
from firedoor.vendors.aws.orgworld import management_of, organization_state, prepared_of, seed_organization, sso_sessions
from firedoor.vendors.aws.prepared import AwsPrepared
from firedoor.vendors.aws.session import AwsCredentials
from firedoor.vendors.aws.simrates import Rates
from firedoor.vendors.aws.simreports import SimReports
from firedoor.vendors.aws.simrotations import Rotations
from firedoor.vendors.aws.simwaf import WebDoor
from firedoor.vendors.aws.standings import Session, SimClock, Standings
from firedoor.vendors.aws.wire import Answer, Call, Refused, Request, handed_out, hollow_body, refusal
from firedoor.vendors.aws.world import Thing, World
from firedoor.vendors.faults import Effect, Fault, Faults

# Firedoor's own account in the simulation, beside those of the world.
HOME: Final = "999999999999"
_SSO_SESSION: Final = timedelta(hours=12)
ROLES: Final[Mapping[Access, str]] = {Access.READ: "firedoor-preview", Access.WRITE: "firedoor-contain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsLag:
    """How many seconds enforcement is behind the API: ``iam`` for key statuses and policies alike, ``waf`` at the web door. AWS speaks of
    "a few seconds to a number of minutes" for WAF. ``rotation`` is how many a secret's function takes.
    """

    iam: float = 4.0
    waf: float = 4.0
    rotation: float = 4.0


class AwsSimulator:
    """The simulated AWS; an async context manager. One at a time in a process, because moto's state is the process's.

    ``requests`` is every request in order, ``secrets`` every secret that AWS handed out or was handed, ``faults`` what is to go wrong,
    ``clock`` AWS's clock. ``lag`` may be set at any time, and so may ``iam_rate``: how many requests a second IAM takes of each account, 0
    for as many as come; `throttled` counts those that were refused for it. A user of its own account and the roles ``firedoor-preview`` and
    ``firedoor-contain`` in every account are there for Firedoor; `credentials` and `roles` name them. ``GET /web`` is a web site behind the
    world's IP sets.
    """

    _running: ClassVar[bool] = False

    def __init__(self, world: World, *, lag: AwsLag | None = None, iam_rate: float = 0.0) -> None:
        self._world = world
        self.iam_rate = iam_rate
        self.lag = lag or AwsLag()
        self.faults = Faults()
        self.clock = SimClock()
        self.requests: list[Record] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        if AwsSimulator._running:
            raise RuntimeError("another simulated AWS runs in this process, and moto has only one state")
        AwsSimulator._running = True
        try:
            self.reset(self._world)
            app = web.Application()
            app.router.add_get("/web", self._web)
            app.router.add_route("*", "/{path:.*}", self._handle)
            self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", 0)
            await site.start()
        except BaseException:
            AwsSimulator._running = False
            raise
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        try:
            await self._runner.cleanup()
        finally:
            AwsSimulator._running = False

    def reset(self, world: World) -> None:
        """Begin anew with another world, at the same address. Raises what `world.seed` raises."""
        from moto.core.base_backend import BackendDict  # noqa: PLC0415 - only drills and tests have moto

        BackendDict.reset()
        self.credentials = AwsCredentials(key_id=worlds.new_key_id(), secret=worlds.new_secret())
        self.faults, self.clock, self.requests, self._world = Faults(), SimClock(), [], world
        self.secrets = {self.credentials.secret}
        worlds.seed(_with_firedoor(world, self.credentials))
        seed_organization(world)
        self._standings = Standings(self.clock, lambda: self.lag.iam)
        self._door = WebDoor(self.clock, lambda: self.lag.waf)
        reports, self._rates = SimReports(self.clock), Rates(self.clock, lambda: self.iam_rate)
        rotations = Rotations(self.clock, lambda: self.lag.rotation)
        for account, plan in {HOME: {}, **world}.items():
            self._standings.settle(account)
            if isinstance(plan, Mapping):
                reports.settle(account, plan.get("root_keys"))
                simwaf.seed(account, plan.get("ip_sets"))
                simsecrets.seed(account, plan.get("secrets"))
            self._door.settle(account)
        self._standings.controls.settle(management_of(world))
        self._standings.sessions.update({each["key_id"]: self._sso_session(each) for each in sso_sessions(world)})
        self._gate = Gate(_moto(), self.clock, self._standings, self._door, reports, self._rates, rotations)

    @property
    def prepared(self) -> AwsPrepared:
        """What was made ready in the world, as the client takes it."""
        return prepared_of(self._world)

    def roles(self, access: Access) -> Mapping[str, str]:
        """Firedoor's role in every account of the world, as the client takes them."""
        return {account: f"arn:aws:iam::{account}:role/{ROLES[access]}" for account in self._world}

    def state(self) -> Mapping[str, JSON]:
        """The world as it is now, as plain data without secrets: accounts, their users and their roles, but for Firedoor's own.

        Where there are any: IP sets with their entries, secrets with the labels of their versions, and in a management account the
        organization's policies with what each is attached to.
        """
        return {account: self._state_of(account) for account in self._world}

    def _state_of(self, account: str) -> dict[str, JSON]:
        iam = worlds.state(account, hidden=ROLES.values())
        return {**iam, **simwaf.state(account), **simsecrets.state(account), **organization_state(account, self._world)}

    @property
    def throttled(self) -> Mapping[str, int]:
        """How many requests were refused for their number, by account."""
        return self._rates.throttled

    def accepted_writes(self) -> list[Record]:
        """The requests that changed something, in order."""
        return [record for record in self.requests if record.write and record.status == 200]

    async def _web(self, incoming: web.Request) -> web.Response:
        """The web site behind the world's IP sets: 403 where one of them holds the client that ``X-Forwarded-For`` names, else 200."""
        try:
            shut = self._door.shuts_out(incoming.headers.get("X-Forwarded-For", ""))
        except ValueError:
            return web.Response(status=400, text="X-Forwarded-For names no address\n")
        return web.Response(status=403, text="Forbidden\n") if shut else web.Response(text="Welcome\n")

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        headers: dict[str, str] = {}
        for name, value in incoming.headers.items():
            headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
        request = Request(
            method=incoming.method,
            path=incoming.rel_url.raw_path,
            query=incoming.rel_url.raw_query_string,
            headers=headers,
            body=await incoming.read(),
        )
        try:
            signed, call = self._gate.read(request)
        except Refused as no:
            as_json = "x-amz-target" in headers
            self.requests.append(_unread(no))
            return self._reply(refusal("", no, as_json=as_json))
        fault = self.faults.take(call.name)
        if fault is None or fault.effect is Effect.FIRST or not (fault.status or fault.drop):
            answer, record = self._gate.decide(request, signed, call)
            self.requests.append(record)
        else:
            answer = Answer(status=fault.status, body=b"", content_type="text/xml")
        self.secrets |= handed_out(call, answer)
        if fault is not None:
            answer = await self._play(fault, call, answer, incoming)
            self.secrets |= handed_out(call, answer)
        return self._reply(answer)

    async def _play(self, fault: Fault, call: Call, answer: Answer, incoming: web.Request) -> Answer:
        await asyncio.sleep(fault.delay)
        if fault.drop and incoming.transport is not None:
            incoming.transport.close()
        if not fault.status:
            return answer
        body = fault.body
        if fault.status == 200 and not body and fault.effect is Effect.NONE:
            body = hollow_body(call)
        headers = {"x-amzn-requestid": str(uuid4()), **fault.headers} if call.json else fault.headers
        return Answer(status=fault.status, body=body.encode(), content_type="text/xml", headers=headers)

    def _sso_session(self, given: Mapping[str, str]) -> Session:
        issued = self.clock.now().replace(microsecond=0)
        return Session(
            key_id=given["key_id"],
            secret=given["secret"],
            token=given["token"],
            thing=Thing(kind="role", account=given["account"], name=given["role"]),
            arn=f"arn:aws:sts::{given['account']}:assumed-role/{given['role']}/{given['login']}",
            issued=issued,
            expires=issued + _SSO_SESSION,
            sso_user=given["user"],
        )

    def _reply(self, answer: Answer) -> web.Response:
        moment = format_datetime(self.clock.now().replace(microsecond=0), usegmt=True)
        headers = {"Date": moment, "x-amzn-RequestId": str(uuid4()), "Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=headers)


def _unread(no: Refused) -> Record:
    return Record(service="", operation="", key_id="", principal="", account="", write=False, status=no.status, code=no.code)


def _with_firedoor(world: World, credentials: AwsCredentials) -> World:
    user = f"arn:aws:iam::{HOME}:user/firedoor"
    seeded: dict[str, JSON] = {}
    for account, plan in world.items():
        if account == HOME or not isinstance(plan, Mapping):
            raise ValueError(f"account {account} of the world is Firedoor's own, or no mapping")
        roles = plan.get("roles")
        ours: dict[str, JSON] = {
            name: {"trust": [user], "policies": {"firedoor": _allow(list(permissions(access)))}} for access, name in ROLES.items()
        }
        seeded[account] = {**plan, "roles": {**(roles if isinstance(roles, Mapping) else {}), **ours}}
    firedoor: JSON = {
        "keys": {credentials.key_id: {"secret": credentials.secret}},
        "policies": {"firedoor": _allow(["sts:AssumeRole", "sts:GetAccessKeyInfo"])},
    }
    return {**seeded, HOME: {"users": {"firedoor": firedoor}}}


def _allow(actions: list[str]) -> JSON:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}


@cache
def _moto() -> Wsgi:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415

    app: Any = DomainDispatcherApplication(create_backend_app)
    return app  # type: ignore[no-any-return]
