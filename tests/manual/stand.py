"""Where the commands of a page are run: a simulated company as the reader's own, with people who press Approve, and machines of theirs."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from firedoor.errors import FiredoorError
from firedoor.exercise.estate import ACCOUNTS, Estate
from firedoor.journal import Journal
from firedoor.settings import ROOT
from firedoor.store import Store
from tests.company import Company, company
from tests.manual.materials import lay_out
from tests.manual.pages import Command

# The first two of the roster, as the pages have them, and one of whom they do not speak. Who types a command, its comment says first.
PEOPLE: Final = ("Ada", "Grace", "Linus")
# What stands in the pages for something of the reader's own, beside RUN, which is the newest one.
STAND_INS: Final = ("someone@example.com", "AKIAIOSFODNN7EXAMPLE")
MOST: Final = 6
PROGRAMS: Final = "00gprograms"
# What was done before a page begins, and what waits for a decision that a page speaks of, and did not begin.
BEFORE: Final[Mapping[str, str]] = {
    "docs/watching.md": "firedoor contain session-hijack -i users=someone@example.com --key ~/.ssh/id_ed25519_sk"
}
UNDER_WAY: Final[Mapping[str, str]] = {
    "docs/slack.md": "firedoor contain block-addresses -i addresses=203.0.113.{} --key ~/.ssh/id_ed25519_sk"
}
WAITS: Final = re.compile(r"firedoor (contain|freeze|resume|undo|sweep run|drill .*--against live)\b(?!.* --(plan|print)\b)")
SPEAKS_OF_ONE: Final = re.compile(r"firedoor (approve|deny|stop)\b")
DECIDES: Final = re.compile(r"firedoor (approve|deny|stop)\b(?!.* --print\b)|.*\bssh-keygen -Y sign\b")
STAYS: Final[Mapping[str, str]] = {"firedoor serve": "Listening in Slack"}
ASKS: Final = "To decide with your SSH key"
PATIENCE: Final = 300.0  # nobody waits so long: it ends what hangs
# What one command leaves to the next that is typed at the same machine: its variables.
SHELL: Final = 'test -f "$1" && . "$1"; eval "$2"; code=$?; export -p > "$1"; exit $code'


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a command. ``unseen``: lines that the page shows, and that it did not print."""

    command: Command
    code: int
    output: str
    unseen: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Stand:
    """``names``: what stands in the pages for something of the reader's own, and what it is here."""

    acme: Company
    folder: Path
    names: Mapping[str, str]
    staying: list[Process] = field(default_factory=list)
    waiting: list[tuple[Command, Process]] = field(default_factory=list)
    terminals: list[int] = field(default_factory=list)

    async def follow(self, commands: Sequence[Command]) -> AsyncIterator[Ended]:
        """Run a page's commands, in their order. One that waits for people is left waiting while the page goes on to what they type."""
        if text := BEFORE.get(commands[0].page):
            done = replace(commands[0], text=text, comment="")
            yield await self._ended(done, await self._start(done), alone=False)
        for number, (command, following) in enumerate(zip(commands, [*commands[1:], None], strict=True)):
            if SPEAKS_OF_ONE.match(command.text) and not self.waiting and command.page in UNDER_WAY:
                await self._leave_waiting(replace(command, text=UNDER_WAY[command.page].format(number), comment=PEOPLE[2]))
            people_type = following is not None and DECIDES.match(following.text)
            if command.text in STAYS:
                process = await self._start(command)
                self.staying.append(process)
                await _until(process, STAYS[command.text])
            elif WAITS.match(command.text) and people_type:
                await self._leave_waiting(command)
            else:
                yield await self._ended(command, await self._start(command), alone=not WAITS.match(command.text))
            if DECIDES.match(command.text) and not people_type:
                while self.waiting:
                    yield await self._ended(*self.waiting.pop(), alone=True)

    async def close(self) -> None:
        """End what stays, as Ctrl-C does."""
        for process in (*self.staying, *(process for _, process in self.waiting)):
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGINT)
                try:
                    await asyncio.wait_for(process.wait(), PATIENCE)
                except TimeoutError:
                    os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
        for terminal in self.terminals:
            os.close(terminal)

    async def _meant(self, text: str) -> str:
        """The command with what there is here in place of what stands for it."""
        text = self._here(text)
        if not re.search(r"\bRUN\b", text):
            return text
        async with Store(f"sqlite:///{self.folder / 'state' / 'journal.db'}") as store:
            newest, *_ = await Journal(store).runs()
        return re.sub(r"\bRUN\b", newest, text)

    async def _leave_waiting(self, command: Command) -> None:
        process = await self._start(command)
        self.waiting.append((command, process))
        await _until(process, ASKS)

    async def _start(self, command: Command) -> Process:
        home = self.folder / next((name for name in PEOPLE if command.comment.startswith(name)), PEOPLE[0])
        environment = {
            **self.acme.environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        master, terminal = os.openpty()
        self.terminals.append(master)
        os.write(master, b"y\n")  # whoever is asked whether to sign says yes
        try:
            return await asyncio.create_subprocess_exec(
                *("bash", "-c", SHELL, "bash", str(home / "variables"), await self._meant(command.text)),
                cwd=self.folder / "desk",
                env=environment,
                stdin=terminal,
                stdout=PIPE,
                stderr=STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(terminal)

    async def _ended(self, command: Command, process: Process, *, alone: bool) -> Ended:
        """The command's end. Unless it is ``alone``, people look at what it asks for in Slack, and approve it."""
        people = [] if alone else [asyncio.create_task(self._approving())]
        try:
            async with asyncio.timeout(PATIENCE):
                output, _ = await process.communicate()
        except TimeoutError:
            self.waiting.append((command, process))
            raise AssertionError(f"{command}: it is not over after {PATIENCE:g} s") from None
        finally:
            for person in people:
                person.cancel()
            await asyncio.gather(*people, return_exceptions=True)
        said = output.decode()
        unseen = [line for line in command.shows if self._here(line) not in said]
        return Ended(command=command, code=process.returncode or 0, output=said, unseen=unseen)

    def _here(self, text: str) -> str:
        for name, here in self.names.items():
            text = text.replace(name, here)
        return text

    async def _approving(self) -> None:
        """Grace approves whatever is asked; then Linus does, where it needs two."""
        for number in cycle((1, 2)):
            with suppress(FiredoorError, TimeoutError):  # it may be decided, or be over, by now
                await self.acme.approve(number, seconds=PATIENCE)
            await asyncio.sleep(0.1)


@asynccontextmanager
async def stand(folder: Path) -> AsyncIterator[Stand]:
    """A company, and Ada's, Grace's and Linus's machines, on which the same journal is."""
    for name in ("desk", *(f"{person}/.ssh" for person in PEOPLE)):
        (folder / name).mkdir(parents=True)
    (folder / "desk" / ".venv").symlink_to(sys.prefix)
    public = [_key(folder / person / ".ssh" / "id_ed25519_sk") for person in PEOPLE]

    def as_the_pages_have_it(scene: Estate) -> None:
        okta: Any = scene.okta
        okta["groups"] = [{"id": PROGRAMS, "name": "Programs", "members": [scene.people[3]["accounts"][0].rpartition(":")[2]]}]
        aws: Any = scene.aws
        for account in ACCOUNTS:  # a dozen are as good as a hundred, and sooner listed
            users = aws[account]["users"]
            aws[account]["users"] = {name: users[name] for n, name in enumerate(users) if n < MOST or name in scene.service}
        service = next(one for name, one in aws[ACCOUNTS[0]]["users"].items() if name.startswith("svc-") and name not in scene.service)
        service["tags"]["given-to"] = "moveworks"
        next(iter(service["keys"].values())).update(created="2023-01-01T00:00:00Z", last_used="2023-03-01T00:00:00Z")
        people: Any = scene.people
        for person, name, key in zip(people, PEOPLE, public, strict=False):
            person["name"], person["keys"] = name, [*person["keys"], key]

    async with company(folder, change=as_the_pages_have_it) as acme:
        lay_out(folder / "desk", acme.estate.stolen_key)
        (folder / "firedoor.toml").write_text(
            f'okta_service_group = "{PROGRAMS}"\n' + (folder / "firedoor.toml").read_text(), encoding="utf-8"
        )
        names = dict(zip(STAND_INS, (acme.estate.victims[0], acme.estate.stolen_key), strict=True))
        found = Stand(acme=acme, folder=folder, names=names)
        try:
            yield found
        finally:
            await found.close()


def _key(path: Path) -> str:
    """A key that is no hardware's, in the place of one; its public line."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True, stdin=subprocess.DEVNULL)
    return path.with_suffix(".pub").read_text(encoding="utf-8").strip()


async def _until(process: Process, words: str) -> None:
    """Wait until it says that."""
    assert process.stdout is not None
    heard = ""
    async with asyncio.timeout(PATIENCE):
        while words not in heard:
            line = await process.stdout.readline()
            assert line, f"it ended before it said {words!r}:\n{heard}"
            heard += line.decode()
