"""Requests of every size and kind, hostile ones too."""

from __future__ import annotations

from datetime import UTC, datetime

from firedoor.approval import Answer, Decision, Request, Ruling
from firedoor.channel import Ask
from firedoor.channels.slack.blocks import ask_of
from firedoor.model import Change, Cover, Mode, Outcome, Plan, Reversal, Tier
from firedoor.report import compose
from firedoor.run import Item, Order, Record, StepResult

NOW = datetime(2026, 3, 4, 3, 5, tzinfo=UTC)
MARKER = "QQQ"
HOSTILE = {
    "broadcast": "<!channel> <!here> <!everyone> QQQ",
    "mention": "<@U0BEN> <#C0INC> <!subteam^S1> @channel @here #general QQQ",
    "link": "<https://evil.example|okta.example> https://evil.example QQQ",
    "markdown": "*bold* _it_ ~no~ `code` ```block``` > quote :tada: QQQ",
    "entities": "&lt;!channel&gt; &amp;lt; & < > QQQ",
    "lines": "ok\n\n*Already so*\n\u2028\x85• nothing to do\r\n\tQQQ",
    "direction": "user\u202e\u2066gnp.exe\u2069\u200b\u200d\ufeff\u00ad QQQ",
    "alike": "\u0430dmin@acme.example \u03bfps p\u0430ypal QQQ",
    "scripts": "\u05d3\u05e0\u05d4 \u0645\u062d\u0645\u062f \u674e Łukasz José QQQ",
    "blank": "a\u3164b\u2800c \u0000\u001b[31m\ud800 QQQ",
    "long": "QQQ" + "x" * 4096,
    "ampersands": "QQQ" + "&" * 4096,
    "astral": "QQQ" + "\U0001f525" * 4096,
}


def order(label: str = "", mode: Mode = Mode.LIVE) -> Order:
    return Order(
        run="r1",
        incident=f"i{label}",
        playbook=f"fire{label}",
        mode=mode,
        requester=f"Ada{label}",
        asked=NOW,
        inputs={},
        title="Shut the doors",
    )


def item(number: int, label: str = "", *, plan: Plan | None = None, refused: str = "", reversal: Reversal = Reversal.EXACT) -> Item:
    name = f"door {number}{label}"
    return Item(id=f"shut/{name}", step="shut", action="fake.shut", label=name, target={}, plan=plan, refused=refused, reversal=reversal)


def changes(number: int, label: str = "") -> Plan:
    change = Change(
        key="k",
        subject=f"fake:{number}",
        says=f"shut door {number}{label}",
        before={f"status{label}": f"open{label}"},
        after={f"status{label}": "shut"},
    )
    cover = Cover(name="keys", says=f"every key of door {number}{label}", at_most=4)
    return Plan(changes=(change,), covers=(cover,), also_hit=(f"the people of room {number}{label}",))


def items(count: int, label: str = "") -> tuple[Item, ...]:
    """Each kind of item in turn."""
    kinds = (
        lambda n: item(n, label, plan=changes(n, label), reversal=list(Reversal)[n % 4]),
        lambda n: item(n, label, plan=Plan(reason=f"door {n} is shut{label}")),
        lambda n: item(n, label, plan=Plan(impossible=f"it is stuck{label}")),
        lambda n: item(n, label, refused=f"door {n} is protected{label}"),
    )
    return tuple(kinds[number % 4 if number % 8 > 3 else 0](number) for number in range(count))


def record(
    count: int, label: str = "", *, mode: Mode = Mode.LIVE, required: Tier = Tier.TWO, approved: bool = False, why: str = ""
) -> Record:
    request = Request(
        run="r1",
        mode=mode,
        playbook="fire",
        fingerprint="sha256:" + "f" * 64,
        effects={},
        covers={},
        required=required,
        requester="Ada",
        roster="",
        barred=(),
        requested=NOW,
        expires=NOW.replace(minute=35),
        lapses=NOW.replace(hour=9),
        nonce="n",
        out_of_band=why,
    )
    made = Record(order=order(label, mode), items=items(count, label), request=request, fingerprint=request.fingerprint)
    made.asked_head = "sha256:" + "a" * 64
    if approved:
        made.decisions = [Decision(request=request.digest, answer=Answer.APPROVE, by=f"Ben{label}", via="test", at=NOW, reason=label)]
    return made


def ask(count: int, label: str = "", *, mode: Mode = Mode.LIVE, required: Tier = Tier.TWO, approved: bool = False, why: str = "") -> Ask:
    made = record(count, label, mode=mode, required=required, approved=approved, why=why)
    assert made.request is not None
    return ask_of(made, made.request)


def ended(count: int, label: str = "") -> Record:
    """A run at its end, of every outcome there is."""
    made = record(count, label, approved=True)
    made.ruling = Ruling.GRANTED
    for number, one in enumerate(made.items):
        outcome = list(Outcome)[number % len(Outcome)]
        made.results[one.id] = StepResult(item=one.id, outcome=outcome, reason=f"so it is{label}", residual=())
    made.report = compose(made, head="sha256:" + "e" * 64, finished=NOW)
    return made
