"""Lists of leaked credentials, on disk: each row is a credential or left over with its number, and no secret of it leaves in any way."""

from __future__ import annotations

import csv
import io
import json
import logging
import traceback
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from firedoor import imported as account_of
from firedoor import importing, inputs, kinds
from firedoor.errors import BadInput
from firedoor.fingerprints import Fingerprints
from firedoor.importing import Imported, credentials, read
from firedoor.leaks import Leak, finding
from firedoor.playbook import find
from firedoor.wiring import load_catalogue
from tests.hunts import hars
from tests.hunts.measured import measured

MARKS = Fingerprints(b"k" * 32)
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "canary/7Hq2vNzExampleOnly/SecretKey+0001"
NOTICE = f"""System,Credential type,Key ID,Secret,Owner,Given to
AWS,access key,{KEY},{SECRET},svc-deploy,Moveworks
okta,api token,,{hars.API_TOKEN},ada@acme.example,Moveworks
Smartsheet,password,,canary-Passw0rd-7Hq2,grace@acme.example,Smartsheet
"""
GITLEAKS: list[dict[str, Any]] = [
    {
        "RuleID": "aws-access-token",
        "Secret": KEY,
        "Match": f"key = {KEY} {SECRET}",
        "File": "src/conf.py",
        "StartLine": 3,
        "Email": "dev@x",
    },
    {
        "RuleID": "generic-api-key",
        "Secret": SECRET,
        "Match": SECRET,
        "File": "a.env",
        "StartLine": 9,
        "Fingerprint": "c0ffee:a.env:generic:9",
    },
    {"RuleID": "slack-bot-token", "Secret": hars.SLACK, "Match": hars.SLACK, "File": "b.env", "StartLine": 1},
    {
        "RuleID": "private-key",
        "Secret": "REDACTED",
        "Match": "REDACTED",
        "File": "k.pem",
        "StartLine": 1,
        "Fingerprint": "c0ffee:k.pem:pk:1",
    },
    {"RuleID": "jwt", "Secret": hars.OF_USER, "File": "c.txt", "StartLine": 2},
    {"RuleID": "", "Secret": SECRET},
]
TRUFFLEHOG: list[dict[str, Any]] = [
    {
        "DetectorName": "AWS",
        "Raw": KEY,
        "RawV2": f"{KEY}:{SECRET}",
        "SourceMetadata": {"Data": {"Git": {"file": "x.py", "line": 7, "email": "dev@x"}}},
        "ExtraData": {"account": "111122223333", "arn": "arn:aws:iam::111122223333:user/bots/svc"},
    },
    {
        "DetectorName": "Github",
        "Raw": "ghp_canary7Hq2vNzExampleOnlyExampleOnly1",
        "SourceMetadata": {"Data": {"Filesystem": {"file": "y"}}},
    },
    {"level": "info-0", "msg": f"finished scanning {SECRET}"},
]


def imported(folder: Path, content: str | bytes, name: str = "list.csv") -> Imported:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path, MARKS)


def short(found: Imported) -> list[tuple[str, str, str, str, str, int]]:
    return [(one.system, one.kind, one.id, one.owner, one.given_to, one.row) for one in found.leaks]


NOTED = [
    ("aws", "access_key", KEY, "svc-deploy", "Moveworks", 2),
    ("okta", "api_token", "", "ada@acme.example", "Moveworks", 3),
    ("smartsheet", "password", "", "grace@acme.example", "Smartsheet", 4),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [NOTICE, NOTICE.replace(",", ";"), NOTICE.replace(",", "\t"), "sep=;\n" + NOTICE.replace(",", ";"), NOTICE.replace("\n", "\r\n")],
)
def test_a_notice_is_understood_however_a_spreadsheet_wrote_it(tmp_path: Path, text: str, encoding: str) -> None:
    found = imported(tmp_path, text.encode(encoding))
    assert short(found) == NOTED
    assert found.whole
    assert found.leaks[1].fingerprint == MARKS.of(hars.API_TOKEN)
    assert found.leaks[0].fingerprint == ""


def test_json_says_the_same_as_csv(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(NOTICE)))
    as_list, as_lines = imported(tmp_path, json.dumps(rows)), imported(tmp_path, "\n".join(map(json.dumps, rows)))
    assert [one[:5] for one in short(as_list)] == [one[:5] for one in short(as_lines)] == [one[:5] for one in NOTED]
    assert [one.row for one in as_list.leaks] == [1, 2, 3]


def test_what_gitleaks_found(tmp_path: Path) -> None:
    found = imported(tmp_path, json.dumps(GITLEAKS))
    assert [(one.system, one.kind, one.id, one.owner, one.where) for one in found.leaks] == [
        ("aws", "access_key", KEY, "", "row 1, src/conf.py:3"),
        ("unknown", "generic_api_key", "", "", "row 2, a.env:9"),
        ("slack", "token", "", "", "row 3, b.env:1"),
        ("unknown", "private_key", "c0ffee:k.pem:pk:1", "", "row 4, k.pem:1"),
        ("okta", "jwt", "", f"okta:user:{hars.USER}", "row 5, c.txt:2"),
    ]
    assert [(one.number, one.why) for one in found.left] == [(6, "the scanner does not say what it found")]


def test_what_trufflehog_found(tmp_path: Path) -> None:
    found = imported(tmp_path, "\n".join(map(json.dumps, TRUFFLEHOG)))
    assert [(one.system, one.kind, one.id, one.owner) for one in found.leaks] == [
        ("aws", "access_key", KEY, "aws:user:111122223333/svc"),
        ("github", "token", "", ""),
    ]
    assert [one.number for one in found.left] == [3]


@pytest.mark.parametrize(
    "text", ["[]", " [ ]\n", NOTICE.splitlines()[0] + "\n", NOTICE.splitlines()[0] + "\n,,,,,\n\n", "sep=;\nid;kind\n"]
)
async def test_a_file_without_a_row_is_no_account_of_anything(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="names no credential") as refused:
        imported(tmp_path, text)
    assert refused.value.exit_code == 2
    with pytest.raises(BadInput, match="names no credential"):
        account_of.due(tmp_path / "list.csv", MARKS)
    done = await measured(tmp_path, "import", str(tmp_path / "list.csv"))
    assert done.code == 2
    assert "names no credential" in done.err


LISTED = sorted(kind for source in load_catalogue().sources.values() for kind in source.spec.types)


@pytest.mark.parametrize("kind", LISTED)
def test_every_kind_that_a_source_lists_is_recognised_as_people_write_it(kind: str) -> None:
    system, _, name = kind.partition(".")
    spoken = name.replace("_", " ")
    camel = "".join(word.capitalize() for word in name.split("_"))
    for text in (name, spoken, spoken.upper(), name.replace("_", "-"), f"{system.upper()} {spoken}s", f"{spoken} (leaked)", camel):
        assert kinds.recognised(system, text) == name, text


@pytest.mark.parametrize(
    ("system", "text", "kind"),
    [
        ("AWS", "AWS access key", "aws.access_key"),
        ("Amazon Web Services", "access key id", "aws.access_key"),
        ("Amazon Web Services (AWS)", "IAM user access key", "aws.access_key"),
        ("", "AWS secret access keys", "aws.access_key"),
        ("aws", "Access Key (long-lived)", "aws.access_key"),
        ("aws", "console password", "aws.login_profile"),
        ("aws", "STS session token", "aws.session_token"),
        ("Okta, Inc.", "Okta API token", "okta.api_token"),
        ("", "SSWS", "okta.api_token"),
        ("okta", "API-Token (SSWS)", "okta.api_token"),
        ("okta", "OAuth 2.0 client secret", "okta.client_secret"),
        ("okta", "client_secret", "okta.client_secret"),
        ("okta", "OAuth2 Client Secret", "okta.client_secret"),
        ("okta", "Session cookie", "okta.session_cookie"),
    ],
)
def test_what_people_call_a_credential_is_what_its_source_lists(tmp_path: Path, system: str, text: str, kind: str) -> None:
    found = imported(tmp_path, f'system,kind,id\n"{system}","{text}",id-1\n')
    assert (f"{found.leaks[0].system}.{found.leaks[0].kind}", found.doubts, found.left) == (kind, [], [])


@pytest.mark.parametrize(
    ("detector", "kind"), [("aws-access-token", "aws.access_key"), ("okta-access-token", "okta.api_token"), ("AWS", "aws.access_key")]
)
def test_what_a_scanner_calls_a_credential_is_what_its_source_lists(tmp_path: Path, detector: str, kind: str) -> None:
    row = {"RuleID": detector, "Secret": "REDACTED", "File": "a", "StartLine": 1, "Fingerprint": "c0ffee:a:rule:1"}
    found = imported(tmp_path, json.dumps([row]))
    assert (f"{found.leaks[0].system}.{found.leaks[0].kind}", found.doubts) == (kind, [])


def test_a_key_under_a_name_for_its_kind_is_contained_and_is_the_same_as_under_another(tmp_path: Path) -> None:
    found = imported(tmp_path, f"system,kind,id\nAWS,AWS access key,{KEY}\naws,access_key,{KEY}\nAmazon,,{KEY}\naws,Foo,{KEY}\n")
    assert [one.key for one in found.leaks] == [("aws", "access_key", KEY)]
    assert found.twice == [(3, 2), (4, 2), (5, 2)]
    assert finding(found.leaks[0], hars.moment()).playbook == "leaked-aws-key"
    assert (found.doubts, found.whole) == ([], True)


def test_a_temporary_key_is_told_by_its_id_and_is_no_key_that_a_listing_shows(tmp_path: Path) -> None:
    found = imported(tmp_path, f"system,kind,id\naws,,{hars.SESSION_KEY}\naws,access key,{hars.SESSION_KEY.replace('IOS', 'XYZ')}\n")
    assert [one.kind for one in found.leaks] == ["session_key", "session_key"]
    assert [(one.number, one.why) for one in found.doubts] == [
        (3, "it says that its kind is access key, and by its own form it is session key")
    ]


async def test_what_is_not_recognised_or_contradicted_is_named_with_its_row_and_stays_to_be_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "notice.csv"
    path.write_text(f"system,kind,id\nokta,magic wand,w1\nokta,,t2\nokta,API token,{KEY}\nsmartsheet,magic wand,w3\n")
    found = read(path, MARKS)
    other_system = "it says that its system is okta, and by its own form it is of aws"
    other_kind = "it says that its kind is API token, and by its own form it is access key"
    doubts = [
        (2, "its kind magic wand is not recognised, so that no listing of okta can be compared with it"),
        (3, "it does not say its kind, so that no listing of okta can be compared with it"),
        (
            4,
            f"{other_system}; {other_kind}",
        ),
    ]
    assert [(one.number, one.why) for one in found.doubts] == doubts
    assert [(one.type, one.id) for one in account_of.due(path, MARKS)] == [
        ("okta.magic_wand", "w1"),
        ("okta.credential", "t2"),
        ("aws.access_key", KEY),
        ("smartsheet.magic_wand", "w3"),
    ]
    assert "not recognised" in account_of.due(path, MARKS)[0].by
    text, data, table = [await measured(tmp_path, "import", str(path), *option) for option in ((), ("--json",), ("--csv",))]
    assert [one.code for one in (text, data, table)] == [1, 1, 1]
    assert [(one["number"], one["why"]) for one in data.data["doubts"]] == doubts
    assert all(f"row {number}: {why}" in text.out and f"row {number}: {why}" in table.err for number, why in doubts)
    assert "4 credentials in notice.csv, 0 rows left over, 3 rows in doubt" in text.out


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\u202e", "\u200b"])
@pytest.mark.parametrize("column", ["system", "kind", "id"])
def test_a_character_that_does_not_print_is_not_taken_in_as_another(tmp_path: Path, column: str, sign: str) -> None:
    said = {"system": "aws", "kind": "access key", "id": KEY}
    said[column] = f"{said[column][:3]}{sign}{said[column][3:]}"
    for text in (f"system,kind,id\n{','.join(said.values())}\n", json.dumps([said])):
        found = imported(tmp_path, text)
        assert found.leaks == []
        assert [one.why for one in found.left] == [f"its {column} holds a character that does not print, and was not read"]


def test_two_keys_in_one_cell_are_not_taken_for_one(tmp_path: Path) -> None:
    found = imported(tmp_path, f"system,kind,id\naws,access key,{KEY} AKIAOTHEROTHEROTHER2\naws,access key,the id {KEY}\n")
    assert [(one.number, one.why) for one in found.left] == [(2, "it names two credentials")]
    assert [one.id for one in found.leaks] == [KEY]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (f"aws,k,{SECRET},,ada,x,one,too,many", "9 cells"),
        ("aws,k,,,ada,", "neither an id nor a secret"),
        ("aws,k,,REDACTED,ada,", "taken out"),
        (",k,id1,,ada,", "of which system"),
        (f"aws,k,id1,,{SECRET},", "owner looks like a secret"),
        (f"aws,k,id1,,ada,{hars.SLACK}", "given_to looks like a secret"),
        (f"{hars.API_TOKEN},k,id1,,ada,", "system looks like a secret"),
        (f'aws,"canary"k,{KEY},,ada,', "quotes do not match"),
        ("aws,k," + "x" * 200_000 + ",,ada,", "quotes do not match, or a cell is too long"),
    ],
)
def test_a_row_that_cannot_be_read_is_left_over_with_its_number(tmp_path: Path, row: str, why: str) -> None:
    found = imported(tmp_path, f"{NOTICE}{row}\n{NOTICE.splitlines()[1].replace(KEY, 'AKIAOTHEROTHEROTHER2')}\n")
    assert [one.number for one in found.left] == [5]
    assert why in found.left[0].why
    assert [one.row for one in found.leaks] == [2, 3, 4, 6]
    assert not found.whole
    assert "canary" not in repr(found)


def test_bytes_of_no_text_are_left_over(tmp_path: Path) -> None:
    found = imported(tmp_path, NOTICE.encode() + b"aws,k,id1,,\xff\xfe,\n")
    assert [(one.number, one.why) for one in found.left] == [(5, "its owner is not in UTF-8")]


def test_a_secret_in_the_place_of_an_id_becomes_a_fingerprint(tmp_path: Path) -> None:
    rows = [
        f"aws,secret key,{SECRET},,ada,",
        f"okta,token,{hars.API_TOKEN},,ada,",
        f"x,jwt,{hars.OF_USER},,,",
        "x,id,0c7e1c9a-4b1e-4d0e-8f3a-0123456789ab,,,",
    ]
    found = imported(tmp_path, NOTICE.splitlines()[0] + "\n" + "\n".join(rows) + "\n")
    assert [one.id for one in found.leaks] == ["", "", "", "0c7e1c9a-4b1e-4d0e-8f3a-0123456789ab"]
    assert [one.fingerprint for one in found.leaks[:3]] == [MARKS.of(SECRET), MARKS.of(hars.API_TOKEN), MARKS.of(hars.OF_USER)]


def test_what_is_named_twice_is_one_and_told(tmp_path: Path) -> None:
    line = NOTICE.splitlines()[1]
    found = imported(tmp_path, f"{NOTICE}{line}\n{line.replace('svc-deploy', '')}\n{line.replace('svc-deploy', 'somebody-else')}\n")
    assert short(found) == NOTED
    assert found.leaks[0].times == 3
    assert found.twice == [(5, 2), (6, 2)]
    assert [(one.number, one.why) for one in found.left] == [(7, "it names another owner than row 2 for the same credential")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("canary,other\n1,2\n", "no column says"),
        ("id,ID\n1,2\n", "two columns"),
        ('"canary', "no header"),
        ('[{"canary": 1}]', "no column says"),
        ("[canary", "ends in the middle"),
        ("x" * 3_000_000, "a line has more than"),
        (b"\x00" * 3_000_000, "a line has more than"),
        (b"PK\x03\x04canary\nx\n", "no column says"),
    ],
)
def test_a_file_of_another_kind_is_bad_input_and_not_repeated(tmp_path: Path, content: str | bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        imported(tmp_path, content)
    assert refused.value.exit_code == 2
    assert "canary" not in str(refused.value)


def test_a_file_that_breaks_off_gives_what_stood_before_and_is_not_whole(tmp_path: Path) -> None:
    text = json.dumps(GITLEAKS)
    found = imported(tmp_path, text[: text.index('"private-key"')])
    assert len(found.leaks) == 3
    assert "ends in the middle" in found.incomplete
    assert not found.whole
    unclosed = imported(tmp_path, NOTICE + 'aws,k,id1,"canary')
    assert len(unclosed.leaks) == 3
    assert [one.number for one in unclosed.left] == [5]


def test_a_list_that_is_too_long_is_read_as_far_as_it_goes_and_not_called_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MOST_LEAKS", 2)
    found = imported(tmp_path, NOTICE)
    assert len(found.leaks) == 2
    assert "the rows from 4 on were not read" in found.incomplete
    monkeypatch.setattr(importing, "MOST_LEFT", 1)
    left = imported(tmp_path, NOTICE.splitlines()[0] + "\n" + ",,,,a,\n" * 3)
    assert (len(left.left), left.more_left, left.whole) == (1, 2, False)


@pytest.mark.parametrize("many", [5_000, pytest.param(50_000, marks=pytest.mark.scale)])
def test_a_hundred_megabytes_are_read_row_by_row(tmp_path: Path, many: int) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write(NOTICE.splitlines()[0] + ",Notes\n")
        file.writelines(f"aws,key,id-{n},,ada,x,{'n' * 2_000}\n" for n in range(many))
    assert path.stat().st_size > many * 2_000
    tracemalloc.start()
    assert sum(isinstance(one, Leak) for one in credentials(path, MARKS)) == many
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.parametrize("formula", ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=HYPERLINK(1)"])
def test_a_formula_is_data_and_never_written_as_one(tmp_path: Path, formula: str) -> None:
    found = imported(tmp_path, f'id,system,owner,given to\n"{formula}",aws,"{formula}","{formula}"\n')
    assert (found.leaks[0].id, found.leaks[0].owner) == (formula, formula)
    written = list(csv.DictReader(io.StringIO(importing.as_csv(found.leaks))))
    assert written[0]["id"] == written[0]["owner"] == written[0]["given_to"] == f"'{formula}"


def test_credentials_fill_in_playbooks_that_take_them(tmp_path: Path) -> None:
    found = [finding(one, hars.moment()) for one in (*imported(tmp_path, json.dumps(GITLEAKS)).leaks, *imported(tmp_path, NOTICE).leaks)]
    filled = [one for one in found if one.playbook]
    assert {one.playbook for one in filled} == {"leaked-aws-key", "session-hijack"}
    for one in filled:
        inputs.bind(find(one.playbook), one.inputs)


def test_no_secret_leaves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sound = [NOTICE, json.dumps(GITLEAKS), "\n".join(map(json.dumps, TRUFFLEHOG))]
    told = []
    for text in [
        *sound,
        *(one[:-30] for one in sound),
        f"{SECRET},x\n{SECRET},y\n",
        f'[{{"x": "{SECRET}"}}]',
        f'["{SECRET}", \\',
        f'"{SECRET}',
    ]:
        try:
            found = imported(tmp_path, text)
            told += [repr(found), importing.as_csv(found.leaks), str([finding(one, hars.moment()) for one in found.leaks])]
        except BadInput as error:
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            # Frames of this test hold the file by name; every other frame, with its variables, is shown.
            shown.stack = traceback.StackSummary.from_list([frame for frame in shown.stack if frame.filename != __file__])
            told += [str(error), repr(error), repr(vars(error)), repr(error.__context__), "".join(shown.format())]
    assert len(told) > 10
    assert [secret for secret in (*hars.SECRETS, SECRET, "ghp_") if any(secret in one for one in [*told, caplog.text])] == []


async def test_the_command_says_what_it_understood_and_what_not(tmp_path: Path) -> None:
    path = tmp_path / "notice.csv"
    path.write_text(NOTICE)
    done = await measured(tmp_path, "import", str(path))
    assert done.code == 0, done.err
    assert f"aws access_key {KEY}, of svc-deploy, given to Moveworks (row 2)" in done.out
    path.write_text(f"{NOTICE}aws,k,,,=ada,\n")
    text, data, table = [await measured(tmp_path, "import", str(path), *option) for option in ((), ("--json",), ("--csv",))]
    assert [one.code for one in (text, data, table)] == [1, 1, 1]
    assert "row 5: it has neither an id nor a secret" in text.out
    assert data.data["left"] == [{"number": 5, "why": "it has neither an id nor a secret"}]
    assert len(list(csv.reader(io.StringIO(table.out)))) == 4
    assert "row 5" in table.err
    path.write_text("canary,x\n1,2\n")
    refused = await measured(tmp_path, "import", str(path))
    assert refused.code == 2
    assert not any("canary" in one.out + one.err for one in (done, text, data, table, refused))
