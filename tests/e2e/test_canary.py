"""Hundreds of secrets lie about; vendors fail with all of them in their words; afterwards none is found anywhere that Firedoor writes."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from firedoor.exercise.estate import Estate
from firedoor.journal import Journal
from firedoor.run import fold
from firedoor.settings import load
from firedoor.store import Store
from firedoor.vendors.aws.world import iam_of
from tests.chaos.proxy import Proxy
from tests.chaos.troubles import BABBLE, TALES, Fault
from tests.company import Company, company
from tests.e2e.prefect import PATIENCE, ROOT, PrefectServer
from tests.sweeps.mandates import sign_mandate

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SHORTEST = 12  # characters of a secret; what is shorter may be found anywhere
BREAKS = ("3 30", "20 90", "")  # the requests at which a library breaks, at each time that something is begun
APPS, TOKENS, USERS = 12, 12, 12
SWEEP = """
sweep: canary
title: Every credential replaced
about: Keys, tokens and client secrets.
aim: containment
scope: {types: [aws.access_key, okta.api_token, okta.client_secret], everything: true}
treat:
  aws.access_key: aws.rotate_access_key
  okta.api_token: okta.revoke_api_token
  okta.client_secret: okta.replace_client_secret
at_most: 500
exceptions:
"""


@dataclass
class Gossip(Proxy):
    """A vendor that fails at the first two requests of every operation: in words that repeat the request, and all secrets there are.

    It spares what Firedoor would wait for by the minute, as it cannot know for so long whether it was done.
    """

    spares: str = "createIssue"

    def due(self, name: str) -> Fault | None:
        return {1: TALES, 2: BABBLE}.get(self.counts[name]) if name not in ("", self.spares) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A company whose vendors gossip. What the commands say is in ``folder``, by their number."""

    acme: Company
    environment: Mapping[str, str] = field(repr=False)
    ran: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.acme.folder

    async def run(self, *words: str, breaks: str = "") -> int:
        """A command in a loud process; its exit code."""
        number = len(self.ran)
        self.ran.append(" ".join(words))
        with (self.folder / f"{number}.out").open("wb") as out, (self.folder / f"{number}.err").open("wb") as err:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.e2e.loud", *words),
                cwd=ROOT,
                env={**self.environment, "FIREDOOR_TEST_BREAKS": breaks},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            return await asyncio.wait_for(process.wait(), PATIENCE)

    def last(self) -> str:
        """What was said at the end, for who mends a failing test: all these secrets open nothing."""
        return (self.folder / f"{len(self.ran) - 1}.err").read_text(encoding="utf-8")[-5000:]

    def secrets(self) -> frozenset[str]:
        """All there are by now: planted, given to Firedoor, or made by a vendor since."""
        okta, aws, estate = self.acme.okta.world, self.acme.aws, self.acme.estate
        found = {estate.okta_token, estate.okta_preview_token, estate.slack_bot_token, estate.slack_app_token, estate.jira_token}
        found |= {aws.credentials.secret, *aws.secrets, *okta.handed_out, *okta.api_tokens, *okta.sessions}
        found |= {one.password for one in okta.users.values()} | {one.secret for one in okta.client_secrets.values()}
        found |= {word for one in okta.oauth_tokens.values() for word in (one.refresh, *one.access)}
        for world in estate.aws:
            iam = iam_of(world)
            found |= {key.secret_access_key for user in iam.users.values() for key in user.access_keys}
        found |= {row["token"] for row in estate.okta["api_tokens"]}
        return frozenset(one for one in found if len(one) >= SHORTEST)


def plant(estate: Estate) -> None:
    """Tokens and apps with secrets at Okta; one key a user in AWS, each with a secret to deliver the next one to."""
    old = "2023-01-10T08:00:00Z"
    for number, row in enumerate(estate.okta["api_tokens"]):
        row["id"] = f"00Town{number}"
    owner = estate.okta["users"][50]["login"]
    estate.okta["api_tokens"].extend(
        {"token": secrets.token_urlsafe(30), "owner": owner, "id": f"00Tcanary{n}", "created": old} for n in range(TOKENS)
    )
    estate.okta["apps"].extend(
        {"id": f"0oacanary{n}", "label": f"Canary {n}", "type": "service", "secret": secrets.token_urlsafe(30)} for n in range(APPS)
    )
    for account, world in estate.aws.items():
        kept = world.setdefault("secrets", {})
        few = [*world["users"]][:USERS]
        world["users"] = {name: user for name, user in world["users"].items() if name in (*few, estate.loot["aws"]["user"])}
        for name, user in world["users"].items():
            user["keys"] = dict([next(iter(user["keys"].items()))])
            if "firedoor:secret" not in user["tags"]:
                secret = f"{name}-AbCdEf"
                kept[secret] = {"versions": {"11111111-2222-4333-8444-555555555555": {"stages": ["AWSCURRENT"]}}}
                user["tags"]["firedoor:secret"] = f"arn:aws:secretsmanager:us-east-1:{account}:secret:{secret}"


@pytest.fixture
async def scene(tmp_path: Path, prefect_server: PrefectServer) -> AsyncIterator[Scene]:
    await prefect_server.healthy()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    async with company(tmp_path, change=plant) as acme, AsyncExitStack() as stack:
        okta = await stack.enter_async_context(Gossip(vendor="okta", upstream=acme.okta.url))
        aws = await stack.enter_async_context(Gossip(vendor="aws", upstream=acme.aws.url))
        jira = await stack.enter_async_context(Gossip(vendor="jira", upstream=acme.jira.url))
        environment = {
            **kept,
            **acme.environment,
            "FIREDOOR_OKTA_ORG_URL": okta.url,
            "FIREDOOR_JIRA_URL": jira.url,
            "AWS_ENDPOINT_URL": aws.url,
            "FIREDOOR_AWS_REQUESTS_PER_SECOND": "0",
            "FIREDOOR_LOG_FORMAT": "json",
            "FIREDOOR_LOG_LEVEL": "debug",
            "FIREDOOR_TEST_GOSSIP": str(tmp_path / "gossip"),
            "PREFECT_API_URL": prefect_server.api,
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "firedoor,aiohttp,botocore,boto3,urllib3,slack_sdk,slack_bolt,okta,sqlalchemy",
        }
        found = Scene(acme=acme, environment=environment)
        gossip = " ".join(sorted(found.secrets()))
        okta.gossip = aws.gossip = jira.gossip = gossip
        (tmp_path / "gossip").write_text(gossip)
        yield found


async def contained(scene: Scene) -> None:
    """A containment, approved in Slack, begun again for as long as failures end it."""
    acme = scene.acme
    words = ["firedoor", "contain", "identity-breach", "-i", f"users={','.join(acme.estate.victims)}", "--key", str(acme.key())]
    words += ["-i", f"access_keys={acme.estate.stolen_key}", "-i", f"apps={acme.estate.app}", "-i", f"roles={acme.estate.role}"]
    approving = asyncio.create_task(_approve_all(acme))
    try:
        for breaks in BREAKS:
            if await scene.run(*words, breaks=breaks) == 0:
                return
    finally:
        approving.cancel()
        await asyncio.gather(approving, return_exceptions=True)
    raise AssertionError(f"it never came to its end: {scene.last()}")


async def _approve_all(acme: Company) -> None:
    """In Slack; what is not asked there, since Slack broke for that run, by signature."""
    while True:
        with suppress(TimeoutError):
            await acme.approve(seconds=5.0)
            continue
        async with Store(f"sqlite:///{acme.folder / 'state' / 'journal.db'}") as store:
            journal = Journal(store)
            records = [fold(run, await journal.events(run)) for run in await journal.runs()]
        for record in records:
            if record.request is not None and not record.decisions and record.report is None:
                await acme.sign(record.order.run, 1)


async def swept(scene: Scene) -> None:
    """A sweep by schedule, on a mandate, in a flow; begun again for as long as failures leave something over."""
    acme, playbook = scene.acme, scene.folder / "canary.yaml"
    host = scene.environment["FIREDOOR_OKTA_ORG_URL"].partition("//")[2].partition(":")[0]
    own = [
        {
            "credential": f"okta:api_token:{host}/00Town{n}",
            "owner": "Ada",
            "reason": "Firedoor's own",
            "expires": "2099-01-01",
            "approved_by": "Ben",
        }
        for n in range(2)
    ]
    playbook.write_text(SWEEP + "".join(f"  - {json.dumps(one)}\n" for one in own))
    keys = {str(one["name"]): acme.estate.keys[str(one["slack"])] for one in acme.estate.people[:2]}
    database = f"sqlite:///{scene.folder / 'state' / 'journal.db'}"
    await sign_mandate(database, load(scene.folder / "firedoor.toml").roster, playbook, keys)
    for breaks in BREAKS:
        if await scene.run("sweep", str(playbook), breaks=breaks) == 0:
            return
    raise AssertionError(f"it never came to its end: {scene.last()}")


async def told(scene: Scene) -> None:
    """Everything that can be shown of what was done, to the terminal and to files."""
    assert await scene.run("firedoor", "runs", "--json") == 0
    runs = json.loads((scene.folder / f"{len(scene.ran) - 1}.out").read_text())["runs"]
    ended = [one["run"] for one in runs if one["outcome"] in ("closed", "contained")]
    assert len(ended) == 2, runs
    out = scene.folder / "told"
    out.mkdir()
    for run in ended:
        await scene.run("firedoor", "show", run)
        await scene.run("firedoor", "show", run, "--json")
        await scene.run("firedoor", "audit", "export", run, "--to", str(out / f"{run}.zip"))
        await scene.run("firedoor", "sweep", "report", run, "--html", str(out / f"{run}.html"), "--markdown", str(out / f"{run}.md"))
    await scene.run("firedoor", "audit", "verify")
    await scene.run("firedoor", "inventory")
    await scene.run("firedoor", "inventory", breaks="2")
    assert "a defect in Firedoor" in scene.last()
    await scene.run("firedoor", "inventory", "--json")
    for breaks in ("", "1", "4 9"):
        await scene.run("firedoor", "doctor", "--json", breaks=breaks)
        assert json.loads((scene.folder / f"{len(scene.ran) - 1}.out").read_text())["findings"], scene.last()
    assert {path.suffix for path in out.iterdir()} >= {".html", ".md"}


def written(scene: Scene, server: PrefectServer) -> Iterator[tuple[str, bytes]]:
    """All that anybody can come to see of it, by where it stands."""
    slack, jira = scene.acme.slack.world, scene.acme.jira.world
    shown = {"Slack": [slack.messages, slack.ephemeral, slack.modals, slack.homes], "Jira": [jira.issues]}
    for name, worlds in shown.items():
        yield name, json.dumps(worlds, default=_unfolded).encode()
    for folder in (scene.folder, server.home):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != "gossip":
                yield str(path), path.read_bytes()
                if path.suffix == ".zip":
                    with zipfile.ZipFile(path) as pack:
                        yield from ((f"{path} {name}", pack.read(name)) for name in pack.namelist())


def _unfolded(value: object) -> object:
    if isinstance(value, type) or not is_dataclass(value):
        return str(value)
    return {one.name: getattr(value, one.name) for one in fields(value)}


def disguised(secret: str) -> set[bytes]:
    """A secret as it is, and as it stands in a URL, in JSON and in base64."""
    shifted = {base64.b64encode(b"." * n + secret.encode())[4:-4] for n in range(3)}
    return {secret.encode(), quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode(), *shifted}


async def test_no_secret_is_found_after_a_sweep_and_a_containment(scene: Scene, prefect_server: PrefectServer) -> None:
    await contained(scene)
    await swept(scene)
    await told(scene)
    found = scene.secrets()
    assert len(found) > 300
    places = dict(written(scene, prefect_server))
    assert any(b"AKIA" in text for text in places.values())
    assert sum(text.count(b'{"time": "') for place, text in places.items() if place.endswith(".err")) > 10, "Firedoor's own log"
    wanted = {shape: secret for secret in found for shape in disguised(secret)}
    leaks = sorted({(place, wanted[shape][:4]) for place, text in places.items() for shape in wanted if shape in text})
    assert not leaks
