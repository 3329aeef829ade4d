from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import tasks
from firedoor import catalogue
from firedoor.catalogue import Catalogue
from firedoor.errors import BadInput
from firedoor.lint import lint
from firedoor.model import Reversal, Tier
from firedoor.playbook import Playbook, find
from firedoor.shelf import shelf
from tests.fakes import Clear, Door, Find, Shut, spec

Data = dict[str, Any]
KEY = "AKIAIOSFODNN7EXAMPLE"
KNOWN = catalogue.load(tasks)
GOOD: Data = {
    "playbook": "fire",
    "title": "t",
    "about": "a",
    "inputs": {
        "users": {"type": "okta_login", "many": True, "help": "who", "example": "ada@example.com,grace@example.com"},
        "keys": {"type": "aws_access_key", "many": True, "required": False, "help": "k", "example": "AKIAIOSFODNN7EXAMPLE"},
    },
    "queries": {
        "people": {"query": "okta.find_users", "with": {"logins": "${inputs.users}"}},
        "owners": {"query": "aws.find_key_owners", "with": {"keys": "${inputs.keys}"}},
    },
    "steps": [
        {"id": "suspend", "action": "okta.suspend_user", "for_each": "${queries.people}"},
        {"id": "revoke", "action": "okta.revoke_sessions", "for_each": "${queries.people}", "needs": ["suspend"]},
        {"id": "deactivate", "action": "aws.deactivate_access_keys", "for_each": "${queries.owners}"},
    ],
}


def faults(change: Callable[[Data], object], known: Catalogue = KNOWN) -> tuple[str, ...]:
    data = copy.deepcopy(GOOD)
    change(data)
    return lint(Playbook.model_validate(data), known)


def put(where: str, value: object) -> Callable[[Data], object]:
    """Set what a dotted path leads to."""

    def change(data: Any) -> None:
        *path, last = where.split(".")
        for part in path:
            data = data[int(part)] if isinstance(data, list) else data[part]
        data[int(last) if isinstance(data, list) else last] = value

    return change


def swapped(data: Data) -> None:
    """Sessions are ended before the user is suspended."""
    data["steps"][0]["needs"], data["steps"][1]["needs"] = ["revoke"], []


def other_people(data: Data) -> None:
    """Those whose sessions end are not those who were suspended."""
    data["queries"]["others"] = {"query": "okta.find_users", "with": {"logins": ["bob@example.com"]}}
    data["steps"][0]["for_each"] = "${queries.others}"


def the_same_people(data: Data) -> None:
    """Those whose sessions end are those who were suspended, found once more, and with a detail more."""
    data["inputs"]["since"] = {"type": "moment", "required": False, "help": "when", "example": "2023-10-18T16:00:00Z"}
    asks = {**data["queries"]["people"]["with"], "since": "${inputs.since}"}
    data["queries"]["again"] = {"query": "okta.find_users", "with": asks}
    data["steps"][1]["for_each"] = "${queries.again}"


def detour(data: Data) -> None:
    """Needed by way of another step."""
    data["steps"][2]["needs"] = ["suspend"]
    data["steps"][1]["needs"] = ["deactivate"]


@pytest.mark.parametrize("name", sorted(shelf()))
def test_every_shipped_playbook_is_sound(name: str) -> None:
    assert lint(find(name), KNOWN) == ()


def test_a_sound_playbook_has_no_faults() -> None:
    assert faults(lambda _: None) == ()
    assert faults(detour) == ()
    assert faults(the_same_people) == ()


KEYS: Data = GOOD["inputs"]["keys"]
FAULTS: list[tuple[Callable[[Data], object], str]] = [
    (put("steps.1.id", "suspend"), "two steps are called 'suspend'"),
    (put("steps.0.action", "okta.suspend_usr"), "step 'suspend': there is no action 'okta.suspend_usr'; did you mean 'okta.suspend_user'?"),
    (put("queries.people.query", "okta.find_user"), "query 'people': there is no query 'okta.find_user'; did you mean 'okta.find_users'?"),
    (put("queries.people.with", {"login": "${inputs.users}"}), "query 'people': okta.find_users is not asked for 'login'; did you mean"),
    (put("queries.people.with", {}), "query 'people': okta.find_users must be told 'logins'"),
    (put("steps.0.for_each", "${queries.poeple}"), "step 'suspend': there is no query 'poeple'; did you mean 'people'?"),
    (put("steps.1.needs", ["suspnd"]), "step 'revoke' needs 'suspnd', which is no step; did you mean 'suspend'?"),
    (put("queries.people.with.logins", "${inputs.user}"), "query 'people': there is no input 'user'; did you mean 'users'?"),
    (put("queries.people.with.logins", "${queries.owners}"), "queries are asked of inputs, not of each other"),
    (put("queries.people.with.logins", "x${inputs.users}"), "'x${inputs.users}' is no reference; a value is literal or one whole"),
    (put("queries.people.with.logins", ["${inputs.users}"]), "'${inputs.users}' is no reference; a value is literal or one whole"),
    (put("queries.people.with.logins", ["a@example.com", "${steps.x}"]), "'${steps.x}' is no reference"),
    (put("queries.people.with.logins", ["a@example.com"]), "input 'users' is asked for and never used"),
    (put("queries.extra", GOOD["queries"]["people"]), "query 'extra' finds targets that no step acts on"),
    (put("queries.people.with.logins", "${inputs.keys}"), "input 'users' is asked for and never used"),
    (put("inputs.users.many", False), "input 'users': its own example cannot be used: value 1 of the input 'users': character 16"),
    (put("inputs.users.example", "ada"), ""),
    (
        put("inputs.users.example", "ada lovelace"),
        "input 'users': its own example cannot be used: value 1 of the input 'users': character 4",
    ),
    (put("inputs.users.default", "ada@example.com"), "input 'users': only an optional input of one value has a default"),
    (put("inputs.keys.default", KEY), "input 'keys': only an optional input of one value has a default"),
    (
        put("inputs.keys", {**KEYS, "many": False, "default": "AKIA?"}),
        "input 'keys': its default cannot be used: value 1",
    ),
    (put("inputs.users.example", ""), "input 'users': its own example cannot be used: the input 'users' is an empty list"),
    (put("steps.0.needs", ["revoke"]), "step 'suspend' needs itself in a circle"),
    (put("steps.2.needs", ["deactivate"]), "step 'deactivate' needs itself in a circle"),
    (
        put("steps.0.for_each", "${queries.owners}"),
        "step 'suspend': okta.suspend_user acts on OktaUser, but ${queries.owners} finds IamUser",
    ),
    (swapped, "step 'revoke': okta.suspend_user must have closed the source before okta.revoke_sessions closes what it mints"),
    (put("steps.1.needs", []), "step 'revoke': okta.suspend_user must have closed the source"),
    (other_people, "step 'revoke': okta.suspend_user must have closed the source"),
]


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_each_fault_is_said(change: Callable[[Data], object], words: str) -> None:
    assert any(words in fault for fault in faults(change)) is bool(words)


def single(data: Data) -> None:
    data["inputs"]["users"] |= {"many": False, "example": "ada@example.com"}


@pytest.mark.parametrize("value", [True, 7, "ada@example.com"])
def test_a_question_of_another_kind_is_said(value: object) -> None:
    def change(data: Data) -> None:
        data["queries"]["people"]["with"]["logins"] = value
        del data["inputs"]["users"]

    (fault,) = faults(change)
    assert fault.startswith("query 'people': okta.find_users is given 'logins' of another kind than it asks for: ")
    (fault,) = faults(single)
    assert "of another kind than it asks for" in fault


def test_faults_come_in_the_order_of_the_file() -> None:
    def change(data: Data) -> None:
        data["queries"]["people"]["with"] |= dict.fromkeys("qrstuv", "x")

    said = [fault.split("'")[3] for fault in faults(change)]
    assert said == list("qrstuv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosy:
    """A question that checks itself and can be asked without all it could be told."""

    names: tuple[str, ...]
    most: int = 5
    tags: tuple[str, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if "nobody" in self.names:
            raise BadInput("nobody is no name")


class Choose(Find):
    question = Choosy  # type: ignore[assignment]


class Window(Door):
    """A kind of door."""


class Pane(Clear):
    """Clears a window; its source is a door's."""

    spec = replace(spec("pane"), sources=("fake.shut",))
    target = Window


FAKES = Catalogue(actions={"fake.shut": Shut, "fake.clear": Clear, "fake.pane": Pane}, queries={"fake.find": Choose})


def doors(*, asks: Data, steps: list[Data]) -> tuple[str, ...]:
    data = {
        "playbook": "fire",
        "title": "t",
        "about": "a",
        "inputs": {},
        "queries": {"doors": {"query": "fake.find", "with": asks}},
        "steps": steps,
    }
    return lint(Playbook.model_validate(data), FAKES)


SHUT: Data = {"id": "shut", "action": "fake.shut", "for_each": "${queries.doors}"}


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        ({"names": ["a"]}, ""),
        ({"names": ["a"], "most": 3}, ""),
        ({"names": ["a"], "most": "many"}, "given 'most' of another kind"),
        ({"most": 3}, "must be told 'names'"),
        ({"names": ["nobody"]}, "fake.find cannot be asked so: nobody is no name"),
    ],
)
def test_a_question_is_put_for_a_trial(asks: Data, words: str) -> None:
    found = doors(asks=asks, steps=[SHUT])
    assert [words in one for one in found] == ([True] if words else [])


def test_an_action_on_a_kind_of_target_is_given_that_kind() -> None:
    pane = {"id": "pane", "action": "fake.pane", "for_each": "${queries.doors}", "needs": ["shut"]}
    assert doors(asks={"names": ["a"]}, steps=[SHUT, pane]) == ("step 'pane': fake.pane acts on Window, but ${queries.doors} finds Door",)


class Tell(Shut):
    """Tells people."""

    spec = spec("tell", tier=Tier.AUTO, reversal=Reversal.OWNER)


TELLING = replace(FAKES, actions={**FAKES.actions, "fake.tell": Tell})


def test_people_are_told_last_and_nothing_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FAKES", TELLING)
    tell = {"id": "tell", "action": "fake.tell", "for_each": "${queries.doors}"}
    assert doors(asks={"names": ["a"]}, steps=[SHUT, tell]) == ()
    (needy,) = doors(asks={"names": ["a"]}, steps=[SHUT, tell | {"needs": ["shut"]}])
    assert "step 'tell' tells people what was done" in needy
    (waiting,) = doors(asks={"names": ["a"]}, steps=[SHUT | {"needs": ["tell"]}, tell])
    assert "step 'shut' would wait for 'tell'" in waiting


def test_a_long_circle_is_found() -> None:
    steps = [SHUT | {"id": f"s{number}", "needs": [f"s{(number + 1) % 50}"]} for number in range(50)]
    found = doors(asks={"names": ["a"]}, steps=steps)
    assert len(found) == 50
    assert "needs itself in a circle" in found[0]


@pytest.mark.parametrize(
    ("name", "minting"),
    [
        ("identity-breach", "block_sso_users"),
        ("leaked-aws-key", "deny_principals"),
        ("service-account-compromised", "deny_principals"),
    ],
)
def test_what_takes_a_role_on_is_shut_out_before_its_sessions_end(name: str, minting: str) -> None:
    """Whoever is denied only after T takes the role on again in between, with a session that T does not reach."""
    book = find(name)
    roles = next(step for step in book.steps if step.action == "aws.revoke_role_sessions")
    early = roles.model_copy(update={"needs": tuple(need for need in roles.needs if need != minting)})
    hasty = book.model_copy(update={"steps": tuple(early if step is roles else step for step in book.steps)})
    (fault,) = lint(hasty, KNOWN)
    assert "must have closed the source before aws.revoke_role_sessions closes what it mints" in fault
