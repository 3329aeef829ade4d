from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import BadInput
from firedoor.playbook import find, parse
from firedoor.shelf import ROOT, shelf
from firedoor.yamlbook import LONGEST

GOOD = """\
playbook: fire
title: Shut the doors
about: A test
inputs:
  users:
    type: okta_login
    many: true
    help: who
    example: ada@example.com
queries:
  people:
    query: okta.find_users
    with: {logins: "${inputs.users}"}
steps:
  - id: suspend
    action: okta.suspend_user
    for_each: ${queries.people}
"""


def refused(text: str) -> str:
    with pytest.raises(BadInput) as error:
        parse(text, source="fire.yaml")
    assert error.value.exit_code == 2
    assert error.value.__cause__ is None  # what pydantic quotes of a hostile file may be without end
    return error.value.what


def test_a_playbook_is_read() -> None:
    book = parse(GOOD, source="fire.yaml", name="fire")
    assert book.steps[0].source == "people"
    assert book.queries["people"].asks == {"logins": "${inputs.users}"}
    assert (book.limits.targets, book.approval.expires_minutes, book.approval.at_least) == (50, 30, 0)


@pytest.mark.parametrize("name", sorted(shelf()))
def test_every_shipped_playbook_is_read(name: str) -> None:
    assert find(name).playbook == name


LAUGHS = "a: &a [x, x]\n" + "\n".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}, *{chr(97 + n)}]" for n in range(24))

BROKEN = [
    ("", "fire.yaml, line 1, column 1: a playbook is a mapping"),
    ("- a\n", "fire.yaml, line 1, column 1: a playbook is a mapping"),
    ("just words", "fire.yaml, line 1, column 1: a playbook is a mapping"),
    ("playbook: [a\ntitle: b", "fire.yaml, line 2, column 6: expected ',' or ']', but got ':'"),
    ("playbook: a\n\ttitle: b", "fire.yaml, line 2, column 1: found character '\\t' that cannot start any token"),
    ('title: "a', "fire.yaml, line 1, column 10: found unexpected end of stream"),
    (GOOD + "title: again\n", "fire.yaml, line 18, column 1: 'title' is given twice"),
    (GOOD.replace("    many: true", "    type: text\n    many: true"), "fire.yaml, line 7, column 5: 'type' is given twice"),
    (GOOD.replace("{logins: ", "{logins: a, logins: "), "fire.yaml, line 13, column 23: 'logins' is given twice"),
    (LAUGHS, "fire.yaml, line 1, column 4: anchors and aliases are not used here"),
    ("a: *b", "fire.yaml, line 1, column 4: anchors and aliases are not used here"),
    (GOOD.replace("title: Shut", "title: !!python/name:os.system Shut"), "fire.yaml, line 2, column 8: tags are not used here"),
    ("<<: {playbook: a}", "fire.yaml, line 1, column 1: a key is plain text"),
    ("? [a, b]\n: c", "fire.yaml, line 1, column 3: a key is plain text"),
    ("a: 1\n---\nb: 2", "fire.yaml, line 2, column 1: but found another document"),
    (GOOD.replace("A test", "2023-13-45"), "fire.yaml, line 3, column 8: this is neither a date nor a number; put it in quotes"),
    (GOOD.replace("A test", "9" * 5000), "fire.yaml, line 3, column 8: this is neither a date nor a number"),
    (GOOD.replace("A test", "2001-01-01T00:00:00+99:59"), "fire.yaml, line 3, column 8: this is neither a date nor a number"),
    (GOOD.replace("A test", "a\x00b"), "fire.yaml, line 3, column 9: a character that YAML does not allow"),
    ("\x07", "fire.yaml, line 1, column 1: a character that YAML does not allow"),
    ("[" * 50_000, "fire.yaml, line 1, column 21: this is nested too deeply"),
    ("a: " * 3 + "b", "fire.yaml, line 1, column 5: mapping values are not allowed here"),
    ("x" * (LONGEST + 1), f"fire.yaml has {LONGEST + 1} characters; no playbook is longer"),
    (GOOD.replace("title:", "titel:"), "fire.yaml, line 2, column 1 (titel): a playbook has no such key here; did you mean 'title'?"),
    (GOOD.replace("title:", "titel:"), "fire.yaml, line 1, column 1 (title): this is missing"),
    (
        GOOD.replace("for_each:", "foreach:"),
        "line 17, column 5 (steps.0.foreach): a playbook has no such key here; did you mean 'for_each'?",
    ),
    (GOOD.replace("for_each:", "foreach:"), "line 15, column 5 (steps.0.for_each): this is missing"),
    (GOOD.replace("okta_login", "okta_logn"), "line 6, column 5 (inputs.users.type): Input should be 'text', 'moment'"),
    (GOOD.replace("many: true", "many: perhaps"), "line 7, column 5 (inputs.users.many): Input should be a valid boolean"),
    (GOOD.replace("A test", "42"), "line 3, column 1 (about): Input should be a valid string"),
    (GOOD.replace("  users:", "  Users:"), "line 5, column 3 (inputs.Users): String should match pattern"),
    (GOOD.replace("okta.suspend_user", "suspend"), "line 16, column 5 (steps.0.action): String should match pattern"),
    (GOOD.replace("${queries.people}", "people"), "line 17, column 5 (steps.0.for_each): String should match pattern"),
    (GOOD.replace("playbook: fire", "playbook: ../fire"), "line 1, column 1 (playbook): String should match pattern"),
    (GOOD.replace("${queries.people}", '"${queries.people}\\n"'), "line 17, column 5 (steps.0.for_each): String should match pattern"),
    (GOOD.replace('"${inputs.users}"', "[[a]]"), "line 13, column 12 (queries.people.with.logins"),
    (GOOD[: GOOD.index("steps")] + "steps: []\n", "line 14, column 1 (steps): Tuple should have at least 1 item"),
    (GOOD + "limits: {targets: 0}\n", "line 18, column 10 (limits.targets): Input should be greater than or equal to 1"),
    (GOOD + "approval: {at_least: 3}\n", "line 18, column 12 (approval.at_least): Input should be 0, 1 or 2"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_what_is_wrong_is_said_with_its_place(text: str, words: str) -> None:
    assert words in refused(text)


def test_a_value_of_no_kind_is_said_once() -> None:
    assert refused(GOOD.replace('"${inputs.users}"', "1.5")).count("fire.yaml") == 1


def test_of_many_faults_a_few_are_said() -> None:
    said = refused(GOOD + "".join(f"extra{number}: x\n" for number in range(100)))
    assert said.count("fire.yaml") == 5
    assert "extra0" in said


@given(st.text(max_size=60) | st.text("[]{}:,-&*!|>'\"%@`# \n\tab1", max_size=40))
def test_no_text_is_worse_than_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text, source="x")
    with pytest.raises(BadInput):
        parse(f"playbook: fire\ninputs: {text}", source="x")


@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.text("[]{}:,-&*!|>'\" \n$a1", max_size=6))
def test_no_slip_in_a_playbook_is_worse_than_bad_input(at: int, cut: int, put: str) -> None:
    with contextlib.suppress(BadInput):
        assert parse(GOOD[:at] + put + GOOD[at + cut :], source="x").steps


def twins(root: Path) -> None:
    write(root, "a/fire.yaml", GOOD)
    write(root, "b/fire.yaml", GOOD)


def write(root: Path, name: str, text: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


FILES: list[tuple[str, Callable[[Path], None], str]] = [
    ("fier", lambda root: write(root, "fire.yaml", GOOD), "there is no playbook 'fier'; did you mean 'fire'?"),
    ("../fire", lambda root: write(root, "fire.yaml", GOOD), "there is no playbook '../fire'; did you mean 'fire'?"),
    ("f\u0456re", lambda root: write(root, "fire.yaml", GOOD), r"there is no playbook 'f\u0456re'; did you mean 'fire'?"),
    ("x" * 1_000_000, lambda root: write(root, "fire.yaml", GOOD), "there is no playbook 'xxxx"),
    ("", lambda _: None, "there is no playbook ''"),
    (
        "flood",
        lambda root: write(root, "flood.yaml", GOOD),
        "flood.yaml, line 1, column 1 (playbook): it calls itself 'fire'; its file makes",
    ),
    ("fire", lambda root: write(root, "fire.yaml", b"\xff\xfe\x00"), "fire.yaml is no text: byte 1 is not UTF-8"),
    ("fire", lambda root: write(root, "fire.yaml", b"\x00" * 10), "fire.yaml, line 1, column 1: a character that YAML does not allow"),
    ("fire", lambda root: write(root, "fire.yaml", "#" * 5_000_000), "fire.yaml has 5000000 bytes; no playbook is longer than"),
    ("fire", lambda root: (root / "fire.yaml").mkdir(), "fire.yaml cannot be read (Is a directory)"),
    ("fire", lambda root: (root / "fire.yaml").symlink_to("absent"), "fire.yaml cannot be read (No such file"),
    ("fire", twins, "two files are called fire.yaml"),
]


@pytest.mark.parametrize(("name", "prepare", "words"), FILES, ids=[words[:40] for *_, words in FILES])
def test_a_file_that_cannot_be_used_is_said(tmp_path: Path, name: str, prepare: Callable[[Path], None], words: str) -> None:
    prepare(tmp_path)
    with pytest.raises(BadInput) as error:
        find(name, tmp_path)
    assert error.value.exit_code == 2
    assert words in error.value.what
    assert len(str(error.value)) < 500


def test_a_playbook_may_stand_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "okta/fire.yaml", GOOD)
    assert find("fire", tmp_path).title == "Shut the doors"


def test_what_we_ship_needs_nothing_that_is_refused() -> None:
    for path in shelf(ROOT).values():
        assert yaml.safe_load(path.read_text())["playbook"] == path.stem
