"""Firedoor at the simulated vendors, as a person at a terminal has it, with an approver who says yes at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.sweep.estate import Estate
from firedoor import sweepbook, sweeps, wiring
from firedoor.approval import Answer
from firedoor.clients import AwsStandIn
from firedoor.desk import Desk
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Kind
from firedoor.run import Via
from firedoor.seal import Seal
from firedoor.settings import Settings
from firedoor.sweepbook import Sweep
from firedoor.vendors.aws.session import AwsCredentials


def trail_of(estate: Estate) -> Mapping[str, Any]:
    """A CloudTrail file in which a key is in use that is in no listing."""
    account = next(iter(estate.aws))
    return {"Records": [_record(account, estate.logged)]}


def _record(account: str, key: str) -> Mapping[str, Any]:
    return {
        "eventVersion": "1.08",
        "eventTime": "2023-11-22T03:04:05Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "ListBuckets",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.66",
        "eventID": f"00000000-0000-4000-8000-{key[-12:].lower().encode().hex()[:12]}",
        "recipientAccountId": account,
        "userIdentity": {"type": "IAMUser", "accountId": account, "arn": f"arn:aws:iam::{account}:user/unknown", "accessKeyId": key},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Sweeps of one estate, with one journal."""

    estate: Estate
    street: Mapping[str, Any]
    folder: Path

    async def sweep(self, run: str, *, without: tuple[str, ...] = ()) -> Mapping[str, Any]:
        """One sweep of everything but for these accounts."""
        aws = self.street["aws"]
        stand_in = AwsStandIn(endpoint=aws["endpoint"], credentials=AwsCredentials(key_id=aws["key_id"], secret=aws["secret"]))
        book = self.book()
        async with wiring.open_house(
            sweeps.sweeping_settings(self.settings(without), book), vendors=frozenset({"aws", "okta"}), writes=True, aws=stand_in
        ) as house:
            assert house.sweeping is not None
            order = replace(sweeps.order_of(book, requester="Ada", via=Via.SLACK), run=run)
            approving = asyncio.create_task(self._approve(house, run))
            try:
                return await house.sweeping.sweep(order, book)
            finally:
                approving.cancel()
                await asyncio.gather(approving, return_exceptions=True)

    def book(self) -> Sweep:
        """The sweep playbook of an incident, with Firedoor's own tokens left alone."""
        book = sweepbook.find("incident-credentials", wiring.load_catalogue())
        host = self.street["settings"]["okta_org_url"].partition("//")[2].partition(":")[0]
        own = [
            {
                "credential": f"okta:api_token:{host}/{token}",
                "owner": "Ada",
                "reason": "Firedoor's own",
                "expires": "2099-01-01",
                "approved_by": "Ben",
            }
            for token in ("00Town", "00Tread")
        ]
        return Sweep.model_validate({**book.model_dump(mode="json"), "exceptions": own})

    def settings(self, without: tuple[str, ...]) -> Settings:
        """Where everything is, and who may approve."""
        where = dict(self.street["settings"])
        for name in ("aws_accounts", "aws_preview_accounts"):
            where[name] = {account: role for account, role in where[name].items() if account not in without}
        people = [
            {"name": name, "slack": f"U{number}", "keys": [SecurityKey().public]}
            for number, name in enumerate(("Ada", "Ben", "Cem"), start=10)
        ]
        trail = self.folder / "trail.json"
        trail.write_text(json.dumps(trail_of(self.estate)), encoding="utf-8")
        tokens = {"aws_trail": (trail,), "okta_api_token": self.estate.okta_token, "okta_preview_api_token": self.estate.okta_preview_token}
        return Settings(**{**where, **tokens, "people": people, "state_dir": self.folder})

    async def _approve(self, house: wiring.House, run: str) -> None:
        desk = Desk(journal=house.journal, roster=house.settings.roster, seal=Seal.kept_in(self.folder))
        async for event in house.journal.follow(run):
            if event.kind == Kind.REQUESTED:
                break
        for person in desk.roster.people[1:]:
            await desk.decide(run, person, Answer.APPROVE, via="bench")
