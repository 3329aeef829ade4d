"""Names are what Jira could have made; words are words, whatever stands in them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.canonical import plain
from firedoor.errors import BadInput
from firedoor.model import Briefing
from firedoor.run import revive
from firedoor.vendors.jira.values import LONGEST_SUMMARY, Place, Ticket
from firedoor.vendors.jira.wording import LONGEST, adf, quotation

WHERE = {"place": Place.JIRA, "project": "SEC", "issue_type": "Task", "security_level": "Responders"}


def ticket(**more: Any) -> Ticket:
    return Ticket(**{**WHERE, **more})


@pytest.mark.parametrize(
    "wrong",
    [
        *({"project": each} for each in ("", "sec", "SEC-1", "SEC/..", "S", 'SEC" OR project = "X', "S\u0415C", "SEC\n")),
        *({"issue_type": each} for each in ("", "Task\n", "x" * 256)),
        *({"security_level": each} for each in ("", "\x00", "x" * 256)),
        *({"incident": each} for each in ("..", "a..b", "a/b", "a b", 'a"b', "-a", "a-", "\u0430", "a\n", "x" * 300)),
        {"begun": datetime(2023, 11, 23)},  # noqa: DTZ001 - the point
    ],
)
def test_names_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        ticket(**wrong)
    assert str(refused.value).isascii()


def test_it_is_told_of_its_run_and_can_be_put_on_record() -> None:
    briefing = Briefing(run="r1", incident="inc-1", title="Breach", text="# Open", scope=("okta:user:ada@acme.example",))
    told = ticket().briefed(briefing)
    assert (told.marker, told.summary) == ("firedoor-inc-1", "[firedoor] Breach: inc-1")
    assert told.evidence.startswith("firedoor-inc-1-")
    assert told.people == ("ada@acme.example",)
    assert told.names == ticket().names == ("jira:project:SEC",)
    assert revive(Ticket, json.loads(json.dumps(plain(told)))) == told
    assert ticket().marker == ticket().evidence == ""


def test_the_same_report_has_the_same_name_and_another_has_another() -> None:
    names = {ticket(incident="i", text=text).evidence for text in ("a", "a", "b")}
    assert len(names) == 2


def test_a_title_is_one_line_of_jiras_length() -> None:
    long = ticket(incident="inc-1", title="a\nb\t" + "c" * 400).summary
    assert long.startswith("[firedoor] a b c")
    assert len(long) == LONGEST_SUMMARY


@pytest.mark.parametrize(
    ("scope", "people", "accounts"),
    [
        ((), (), ()),
        (("okta:user:00u1", "okta:user:Ada@acme.example", "okta:user:ada@acme.example"), ("ada@acme.example",), ()),
        (("aws:user:111122223333/ci", "aws:key:AKIA1", "strange"), (), ()),
        (("jira:project:SEC", "jira:file:tickets"), (), ()),
        (("atlassian:user:5b10ada", "jira:project:SEC"), (), ("atlassian:user:5b10ada",)),
        (("jira:user:bob@acme.example",), ("bob@acme.example",), ("jira:user:bob@acme.example",)),
    ],
)
def test_who_of_a_scope_jira_may_know(scope: tuple[str, ...], people: tuple[str, ...], accounts: tuple[str, ...]) -> None:
    told = ticket(incident="i", scope=scope)
    assert told.people == people
    assert told.accounts == accounts


def test_a_report_as_a_document_has_headings_points_and_paragraphs() -> None:
    document: Any = adf("# Open\n\n- one **door**\n- two\n\nBy hand.\n#\n-\n")
    assert [block["type"] for block in document["content"]] == ["heading", "bulletList", "paragraph", "paragraph", "paragraph"]
    assert document["content"][1]["content"][0]["content"][0]["content"] == [{"type": "text", "text": "one **door**"}]


def nodes(block: Any) -> list[Any]:
    return [block, *(inner for each in block.get("content", ()) for inner in nodes(each))]


@given(st.text(alphabet=st.sampled_from("#- \n{}noformat!x"), max_size=60) | st.text(max_size=60))
def test_any_text_makes_a_document_that_jira_can_take(text: str) -> None:
    for node in nodes(adf(text)):
        assert node["type"] in {"doc", "heading", "bulletList", "listItem", "paragraph", "text"}
        assert node["type"] != "text" or node["text"], "Jira refuses a text node without text"
        assert node["type"] != "heading" or 1 <= node["attrs"]["level"] <= 6


@given(st.lists(st.sampled_from(["{", "noformat", "}", "{noformat}", "{NoFormat:title=x}", "x\n"]), max_size=8).map("".join) | st.text())
def test_no_text_gets_out_of_its_quotation(text: str) -> None:
    assert len(re.findall(r"\{noformat", quotation(text), re.IGNORECASE)) == 2


def test_what_is_too_long_for_a_description_says_that_it_was_cut() -> None:
    assert len(quotation("x" * 40_000)) < LONGEST + 40
    assert "the whole report is attached" in quotation("x" * 40_000)
    assert "cut here" not in quotation("x" * LONGEST)
