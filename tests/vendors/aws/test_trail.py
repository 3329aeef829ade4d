"""CloudTrail's files on disk, as it delivers them: what a key did and what came of it, which keys were seen, what is not covered."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import inputs
from firedoor.errors import BadInput
from firedoor.playbook import find
from firedoor.vendors.aws import trail
from firedoor.vendors.aws.trail import activity_of, used_keys

KEY, CHILD, SESSION, SECOND, OTHER = (
    "AKIAIOSFODNN7EXAMPLE",
    "AKIACHILDCHILDCHILD2",
    "ASIASESSIONSESSION22",
    "ASIASECONDSECOND2222",
    "AKIAOTHEROTHEROTHER2",
)
ACCOUNT, SECRET = "111122223333", "canary/SessionToken+7Hq2vNz"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
T = datetime(2023, 11, 16, 16, 0, tzinfo=UTC)


def record(event: str = "ListBuckets", *, key: str = KEY, minutes: int = 0, ip: str = "203.0.113.66", **more: Any) -> dict[str, Any]:
    session = {"sessionContext": {"sessionIssuer": {"arn": ROLE, "type": "Role"}}} if key.startswith("ASIA") else {}
    return {
        "eventTime": f"{T + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}",
        "eventName": event,
        "awsRegion": more.pop("region", "us-east-1"),
        "sourceIPAddress": ip,
        "recipientAccountId": ACCOUNT,
        "userAgent": SECRET,
        "additionalEventData": {"x-amz-id-2": SECRET},
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/svc", "accountId": ACCOUNT, "accessKeyId": key, **session},
        **more,
    }


def minted(key: str) -> dict[str, Any]:
    return {
        "requestParameters": {"roleArn": ROLE, "roleSessionName": "x"},
        "responseElements": {"credentials": {"accessKeyId": key, "sessionToken": SECRET, "secretAccessKey": SECRET}},
    }


def file_name(minutes: int, region: str = "us-east-1") -> str:
    return f"{ACCOUNT}_CloudTrail_{region}_{T + timedelta(minutes=minutes + 5):%Y%m%dT%H%MZ}_Ab3dEf.json.gz"


def deliver(folder: Path, name: str, *records: Mapping[str, Any]) -> Path:
    path = folder / "AWSLogs" / ACCOUNT / "CloudTrail" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"Records": records}).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # The session's own use is delivered before the file that tells where it came from.
    deliver(
        tmp_path,
        "0first.json",
        record("GetSecretValue", key=SESSION, minutes=20),
        record("AssumeRole", key=SESSION, minutes=21, **minted(SECOND)),
    )
    deliver(
        tmp_path,
        file_name(10),
        record("AssumeRole", minutes=10, **minted(SESSION)),
        record(
            "CreateAccessKey", minutes=11, requestParameters={"userName": "svc"}, responseElements={"accessKey": {"accessKeyId": CHILD}}
        ),
        record("CreateUser", minutes=12, requestParameters={"userName": "quiet"}),
        record("CreateUser", minutes=13, requestParameters={"userName": "failed"}, errorCode="AccessDenied"),
    )
    deliver(tmp_path, file_name(40), record("GetObject", key=SECOND, minutes=40), record(key=CHILD, minutes=41, ip="198.51.100.9"))
    deliver(tmp_path, file_name(41, "eu-west-1"), record(key=OTHER, minutes=41, region="eu-west-1"))
    deliver(tmp_path, "../CloudTrail-Digest/111122223333_CloudTrail-Digest_x.json.gz", {"digest": 1})
    return tmp_path


def test_what_was_done_with_a_key_and_all_that_came_of_it(folder: Path) -> None:
    found = activity_of(KEY, [folder], T, T + timedelta(hours=1))
    assert {use.key for use in found.uses} == {KEY, SESSION, SECOND, CHILD}
    assert found.events["AssumeRole"] == 2
    assert found.coverage.aside == 1
    told = {(one.rule, one.subject) for one in found.findings}
    assert told == {
        ("key_used", f"aws:access_key:{KEY}"),
        ("key_used", f"aws:access_key:{SESSION}"),
        ("key_used", f"aws:access_key:{SECOND}"),
        ("key_used", f"aws:access_key:{CHILD}"),
        ("key_made", f"aws:access_key:{CHILD}"),
        ("role_taken", f"aws:role:{ROLE}"),
        ("user_made", f"aws:user:{ACCOUNT}/quiet"),
    }
    for one in found.findings:
        inputs.bind(find(one.playbook), one.inputs)
    taken = next(one for one in found.findings if one.rule == "role_taken")
    assert (taken.playbook, dict(taken.inputs)) == ("leaked-aws-key", {"access_keys": (KEY,), "roles": (ROLE,)})
    assert [one.at for one in found.findings] == sorted(one.at for one in found.findings if one.at)


def test_every_key_that_was_used_is_told_with_its_sessions(folder: Path) -> None:
    found = used_keys([folder], T, T + timedelta(hours=1))
    assert found.keys.keys() == {KEY, SESSION, SECOND, CHILD, OTHER}
    use = found.keys[KEY]
    assert (use.count, use.refused, use.account, use.principal) == (4, 1, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/svc")
    assert (use.first, use.last) == (T + timedelta(minutes=10), T + timedelta(minutes=13))
    assert {one.key: (one.issuer, one.minted_by) for one in found.sessions} == {SESSION: (ROLE, KEY), SECOND: (ROLE, SESSION)}
    assert found.coverage.whole


def test_the_window_is_from_since_until_before_until(folder: Path) -> None:
    assert used_keys([folder], T + timedelta(minutes=41), T + timedelta(hours=1)).keys.keys() == {CHILD, OTHER}
    assert used_keys([folder], T, T + timedelta(minutes=41)).keys.keys() == {KEY, SESSION, SECOND}
    assert used_keys([folder]).keys.keys() == {KEY, SESSION, SECOND, CHILD, OTHER}


def test_what_the_files_do_not_cover_is_said(folder: Path) -> None:
    said = " ".join(used_keys([folder], T, T + timedelta(hours=3)).limits)
    assert f"account {ACCOUNT}, us-east-1: 2 hours without a record, first from 2023-11-16T17:00Z until 2023-11-16T19:00Z" in said
    assert "only these regions are covered: eu-west-1, us-east-1" in said
    assert "minutes late" not in said
    assert "minutes late" in " ".join(used_keys([folder], T, T + timedelta(minutes=50)).limits)
    alone = deliver(folder / "eu", file_name(0, "eu-west-1"), record(region="eu-west-1"))
    assert any("no file of us-east-1" in one for one in used_keys([alone], T, T + timedelta(hours=1)).limits)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(json.dumps({"Records": [record()] * 500}).encode())[:-30], "in the middle"),
        (json.dumps({"Records": [record()]}).encode()[:-3], "ends in the middle"),
        (b'{"Records": [{"canary', "ends in the middle"),
        (b"canary", "begin as it should"),
        (b'{"canary": 1}', "no Records"),
        (b"\x1f\x8bcanary", "damaged"),
        (b"\x00" * 5000, "begin as it should"),
        (b"", "begin as it should"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_is_named_and_the_others_count(folder: Path, content: bytes, why: str) -> None:
    deliver(folder, "1broken.json").write_bytes(content)
    found = used_keys([folder], T, T + timedelta(hours=1))
    assert OTHER in found.keys
    assert not found.coverage.whole
    assert [why in said for path, said in found.coverage.broken if path.endswith("1broken.json'")] == [True]
    assert "canary" not in str(found.coverage.broken)


def test_records_of_no_known_shape_are_counted(folder: Path) -> None:
    deliver(folder, "1odd.json", {}, {"eventName": "x"}, {"eventTime": "now", "eventName": "x"}, record(userIdentity=None))
    deliver(folder, "3odd.json", *({"eventTime": at, "eventName": "x"} for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z")))
    deliver(folder, "2odd.json").write_text('{"Records": [1, "x", null, []]}')
    found = used_keys([folder], T, T + timedelta(hours=1))
    assert found.coverage.unread == 9
    assert not found.coverage.whole
    assert any("9 records" in one for one in found.limits)


def test_no_secret_of_a_record_comes_out(folder: Path) -> None:
    found = activity_of(KEY, [folder], T, T + timedelta(hours=1))
    used = used_keys([folder], T, T + timedelta(hours=1))
    assert SECRET not in repr(found) + repr(used) + str(used.limits)


@pytest.mark.parametrize("key", ["", "canary", "AKIA", KEY.lower(), f"{KEY} "])
def test_what_is_no_key_id_is_refused_and_not_repeated(folder: Path, key: str) -> None:
    with pytest.raises(BadInput) as refused:
        activity_of(key, [folder], T, T + timedelta(hours=1))
    assert "canary" not in str(refused.value)


def test_folders_without_files_and_windows_without_time(tmp_path: Path) -> None:
    for paths in ([tmp_path], [tmp_path / "none"], []):
        with pytest.raises(BadInput, match=r"no CloudTrail log file|no such file"):
            used_keys(paths, T, T + timedelta(hours=1))
    with pytest.raises(BadInput, match="before it begins"):
        used_keys([tmp_path], T, T)


def test_a_file_is_read_once_however_it_is_named_and_links_are_not_followed(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "AWSLogs" / "again").symlink_to(folder / "AWSLogs")
    once = used_keys([folder], T, T + timedelta(hours=1))
    twice = used_keys([folder, folder / "AWSLogs", folder / "." / "AWSLogs"], T, T + timedelta(hours=1))
    assert once.keys[KEY].count == twice.keys[KEY].count == 4


def test_words_of_a_record_cannot_bend_ours(folder: Path) -> None:
    odd = record(ip="1\u202e2\n\x1b[31m", minutes=30)
    odd["userIdentity"]["arn"] = "arn\n" + "x" * 9_000
    deliver(folder, "1odd.json", odd)
    found = activity_of(KEY, [folder], T, T + timedelta(hours=1))
    assert all(one.says.isprintable() and len(one.says) < 600 for one in found.findings)


def test_addresses_are_bounded_and_the_rest_counted(folder: Path) -> None:
    deliver(folder, "1many.json", *(record(ip=f"198.51.{n // 250}.{n % 250}", minutes=30) for n in range(300)))
    use = used_keys([folder], T, T + timedelta(hours=1)).keys[KEY]
    assert (len(use.addresses), use.more_addresses) == (trail.MOST_ADDRESSES, 251)


def test_more_keys_than_can_be_told_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MOST_KEYS", 2)
    found = used_keys([folder], T, T + timedelta(hours=1))
    assert len(found.keys) == 2
    assert found.left_out > 0
    assert any("take a shorter window" in one for one in found.limits)


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    pad = {"x": "y" * 2000}
    path = deliver(tmp_path, file_name(0))
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write('{"Records": [')
        file.writelines(json.dumps(record(minutes=1, requestParameters=pad)) + "," for _ in range(15_000))
        file.write(json.dumps(record()) + "]}")
    tracemalloc.start()
    assert used_keys([tmp_path], T, T + timedelta(hours=1)).keys[KEY].count == 15_001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
