"""HAR files, on disk: every credential is found and given to its owner or left over, and none of them leaves in any way."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import traceback
from pathlib import Path

import pytest

from firedoor import har, inputs, scoping
from firedoor.errors import BadInput, NotFound
from firedoor.fingerprints import Fingerprints
from firedoor.leaks import Leak, finding
from firedoor.playbook import find
from firedoor.vendors.aws.values import IamUser, KeyOwner
from tests.hunts import hars
from tests.hunts.hars import KEY, SECRETS, SESSION_KEY, USER, entry, pairs, planted
from tests.hunts.measured import measured

MARKS = Fingerprints(b"k" * 32)


def scanned(folder: Path, text: str | bytes) -> har.Scanned:
    path = folder / "support.har"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return har.scan(path, MARKS)


def leaked(found: har.Scanned) -> set[tuple[str, str, str]]:
    return {(leak.system, leak.kind, leak.owner) for leak in found.leaks.values()}


def test_every_credential_is_found_and_given_to_its_owner_or_left_over(tmp_path: Path) -> None:
    found = scanned(tmp_path, hars.har(planted()))
    assert leaked(found) == {
        ("okta", "session_cookie", ""),  # sid and idx
        ("okta", "device_token", ""),
        ("okta", "jwt", f"okta:user:{USER}"),
        ("okta", "jwt", "okta:app:0oabot1"),
        ("okta", "api_token", ""),
        ("aws", "access_key", ""),  # two
        ("aws", "x_amz_security_token", ""),
        ("cloudflare", "jwt", "grace@acme.example"),
        ("unknown", "jwt", ""),
        ("slack", "token", ""),
        ("unknown", "password", ""),
    }
    assert len(found.leaks) == 13
    assert found.entries == 12
    assert found.redacted == 2
    assert found.other_cookies == {"theme", "other"}
    assert found.whole
    assert {leak.id for leak in found.leaks.values() if leak.id} == {KEY, SESSION_KEY}
    sid = next(leak for leak in found.leaks.values() if leak.kind == "session_cookie")
    assert (sid.row, sid.times, sid.fingerprint) == (1, 2, MARKS.of(hars.SID))
    assert sid.where.endswith("cookies sid of acme.okta.com")
    assert len(found.left_over) == 10


def test_findings_fill_in_playbooks_that_take_them(tmp_path: Path) -> None:
    found = [finding(leak, hars.moment()) for leak in scanned(tmp_path, hars.har(planted())).leaks.values()]
    filled = {one.playbook: one for one in found if one.playbook}
    assert filled.keys() == {"session-hijack", "service-account-compromised", "leaked-aws-key"}
    assert dict(filled["session-hijack"].inputs) == {"users": (USER,), "since": ("2023-11-14T09:30:00Z",)}
    assert dict(filled["leaked-aws-key"].inputs) == {"access_keys": (KEY,)}
    for one in filled.values():
        inputs.bind(find(one.playbook), one.inputs)
    assert "good until 2023-11-14T22:13:20Z" in filled["session-hijack"].says


def test_what_stands_behind_a_hash_alone_is_looked_at(tmp_path: Path) -> None:
    found = scanned(tmp_path, hars.har([entry("https://acme.example/callback#state=1&access_token=canary-opaque-token")]))
    assert leaked(found) == {("unknown", "access_token", "")}


def test_a_custom_domain_and_capitals_hide_no_cookie(tmp_path: Path) -> None:
    found = scanned(tmp_path, hars.har([entry("https://id.acme.example/", request={"cookies": pairs(SID="canary-sid-of-ours")})]))
    assert leaked(found) == {("unknown", "session_cookie", "")}


def test_one_secret_is_one_leak_wherever_it_stands(tmp_path: Path) -> None:
    (leak,) = scanned(tmp_path, hars.har([entry(request={"headers": pairs(Authorization=f"Bearer {hars.OF_USER}")})] * 7)).leaks.values()
    assert (leak.times, leak.row) == (7, 1)


def test_what_stands_around_the_entries_is_looked_at_too(tmp_path: Path) -> None:
    log = {
        "version": "1.2",
        "creator": {"name": "x", "comment": f"Authorization: SSWS {hars.API_TOKEN}"},
        "pages": [
            {
                "id": "p",
                "title": f"https://acme.example/cb#access_token={hars.OF_USER}&state=1",
                "_extra": pairs(x_api_key="canary-api-key"),
            },
            {"id": "q", "title": "https://acme.example/?client_secret=canary%20client-secret", "refresh_token": "canary-refresh-token"},
        ],
        "entries": [entry(request={"cookies": pairs(sid=hars.SID)})],
        "comment": f"the key is {KEY}",
    }
    found = scanned(tmp_path, json.dumps({"first": hars.SLACK, "log": log, "last": [{"deep": hars.OF_APP}]}))
    assert {(one.system, one.kind, one.row, one.where) for one in found.leaks.values()} == {
        ("slack", "token", 0, "around the entries, first"),
        ("okta", "api_token", 0, "around the entries, log creator comment"),
        ("okta", "jwt", 0, "around the entries, log pages title"),
        ("unknown", "x_api_key", 0, "around the entries, log pages _extra x-api-key"),
        ("unknown", "client_secret", 0, "around the entries, log pages title client_secret"),
        ("unknown", "refresh_token", 0, "around the entries, log pages refresh_token refresh_token"),
        ("okta", "session_cookie", 1, f"entry 1, request cookies sid of {hars.HOST}"),
        ("aws", "access_key", 0, "around the entries, log comment"),
        ("okta", "jwt", 0, "around the entries, last deep"),
    }
    assert (found.entries, found.whole) == (1, True)
    assert "canary" not in repr(found)


def test_a_recording_of_nothing_is_one_and_what_is_too_long_around_its_entries_is_told(tmp_path: Path) -> None:
    nothing = scanned(tmp_path, '{"log": {"entries": []}}')
    assert (nothing.entries, len(nothing.leaks), nothing.whole) == (0, 0, True)
    long = scanned(tmp_path, json.dumps({"log": {"comment": f"{'x ' * 700_000} {KEY} {'x ' * 700_000}", "entries": []}}))
    assert ([one.id for one in long.leaks.values()], long.unread, long.whole) == ([KEY], 1, False)


@pytest.mark.parametrize("cut", [0.02, 0.3, 0.7, 0.999])
def test_a_file_that_breaks_off_gives_what_stood_before_and_is_never_whole(tmp_path: Path, cut: float) -> None:
    text = hars.har(planted())
    found = scanned(tmp_path, text[: int(len(text) * cut)])
    assert not found.whole
    assert "ends in the middle" in found.incomplete
    assert (len(found.leaks) > 0) is (cut > 0.1)
    packed = gzip.compress(text.encode())
    assert "in the middle" in scanned(tmp_path, packed[:-9]).incomplete
    assert "no such JSON" in scanned(tmp_path, text[:-2] + "\x00" * 5000).incomplete
    assert "after its end" in scanned(tmp_path, text + text).incomplete


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "PK\x03\x04canary",
        "[]",
        "{}",
        '{"log": {}}',
        '{"log": {"entries": {}}}',
        '{"log": {"entries": "canary"}}',
        '{"log": {"entries": {"canary": {"request": {"url": "canary"}}}}}',
        '{"log": {"entries": null, "pages": []}}',
        '{"log": "canary"}',
        '{"entries": [{"canary": 1}]}',
        '["canary"]',
        '{"canary',
        "\x00" * 100_000,
        "\xff\xfe",
    ],
)
def test_what_is_no_har_file_is_bad_input_that_is_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput) as refused:
        scanned(tmp_path, text)
    assert refused.value.exit_code == 2
    assert "canary" not in str(refused.value)


def test_an_empty_recording_is_whole_and_holds_nothing(tmp_path: Path) -> None:
    found = scanned(tmp_path, '{"log": {"entries": []}}')
    assert (found.whole, found.entries, found.leaks) == (True, 0, {})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/json; charset=utf-8", '{"data": [{"refresh_token": "canary-opaque-7Hq2", "token_type": "Bearer", "n": 1}]}'),
        ("application/x-www-form-urlencoded", "grant_type=x&refresh_token=canary%2Dopaque-7Hq2"),
        ("text/html", ""),
    ],
)
@pytest.mark.parametrize("encoded", [False, True])
def test_what_a_body_names_as_a_secret_is_one(tmp_path: Path, kind: str, text: str, encoded: bool) -> None:  # noqa: FBT001
    body = {"mimeType": kind, "text": base64.b64encode(text.encode()).decode() if encoded else text}
    answer = {"content": {**body, **({"encoding": "base64"} if encoded else {})}}
    found = scanned(tmp_path, hars.har([entry(request={} if encoded else {"postData": body}, response=answer)]))
    assert [(one.kind, one.fingerprint) for one in found.leaks.values()] == (
        [("refresh_token", MARKS.of("canary-opaque-7Hq2"))] if text else []
    )
    assert found.whole


def test_a_body_of_names_that_is_too_long_for_them_is_told(tmp_path: Path) -> None:
    text = json.dumps({"pad": "x" * (1 << 20), "refresh_token": "canary-opaque", "id_token": hars.OF_USER})
    found = scanned(tmp_path, hars.har([entry(response={"content": {"mimeType": "application/json", "text": text}})]))
    assert [one.kind for one in found.leaks.values()] == ["jwt"]
    assert found.unread == 1


def test_what_cannot_be_looked_at_is_counted_and_then_it_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"mimeType": "text/plain", "encoding": "base64", "text": "not base64 at all"}
    assert scanned(tmp_path, hars.har([entry(response={"content": content})])).unread == 1
    image = {"mimeType": "image/png", "encoding": "base64", "text": "!"}
    assert scanned(tmp_path, hars.har([entry(response={"content": image})])).whole
    long = pairs(sid="x" * (1 << 21))
    assert scanned(tmp_path, hars.har([entry(request={"cookies": long})])).unread == 1
    monkeypatch.setattr(har, "MOST_FOUND", 2)
    few = scanned(tmp_path, hars.har(planted()))
    assert len(few.leaks) == 2
    assert few.left_out
    assert not few.whole


def test_no_secret_leaves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    text = hars.har(planted())
    found = scanned(tmp_path, text)
    told = [repr(found), str([finding(leak, hars.moment()) for leak in found.leaks.values()]), repr(MARKS), caplog.text]
    for broken in (text[:-40], text[:2000] + "\x00", text.replace('"log"', '"lag"', 1)):
        try:
            told.append(repr(scanned(tmp_path, broken)))
        except BadInput as error:
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            # Frames of this test hold the file by name; every other frame, with its variables, is shown.
            shown.stack = traceback.StackSummary.from_list([frame for frame in shown.stack if frame.filename != __file__])
            told += [str(error), repr(error), repr(vars(error)), repr(error.__context__), repr(error.__cause__), "".join(shown.format())]
    assert [secret for secret in SECRETS if any(secret in one for one in told)] == []


async def test_the_command_shows_none_either_and_exits_with_what_it_found(tmp_path: Path) -> None:
    path = tmp_path / "support.har"
    path.write_text(hars.har(planted()))
    as_json = await measured(tmp_path, "hunt", "har", str(path), "--json")
    as_text = await measured(tmp_path, "hunt", "har", str(path))
    assert (as_json.code, as_text.code) == (1, 1), as_json.err
    assert len(as_json.data["leaks"]) == 13
    assert len(as_json.data["left_over"]) == 10
    assert f"firedoor contain leaked-aws-key -i access_keys={KEY}" in as_text.out
    for one in (as_json, as_text):
        assert [secret for secret in SECRETS if secret in one.out + one.err] == []
    assert [
        name for name in SECRETS if any(name.encode() in one.read_bytes() for one in (tmp_path / "state").rglob("*") if one.is_file())
    ] == []
    path.write_text('{"log": {"entries": []}}')
    assert (await measured(tmp_path, "hunt", "har", str(path))).code == 0
    path.write_text("canary")
    refused = await measured(tmp_path, "hunt", "har", str(path), "--json")
    assert refused.code == 2
    assert "no such JSON" in refused.err
    assert "canary" not in refused.out + refused.err
    assert (await measured(tmp_path, "hunt", "har", str(tmp_path / "none.har"))).code == 2


@pytest.mark.timeout(300)
@pytest.mark.parametrize("large", [60_000_000, pytest.param(500_000_000, marks=pytest.mark.scale)])
async def test_memory_does_not_grow_with_the_file(tmp_path: Path, large: int) -> None:
    peaks = []
    for size in (1_000_000, large):
        path = tmp_path / f"{size}.har"
        with path.open("w") as file:
            file.writelines(hars.large(size))
        done = await measured(tmp_path, "hunt", "har", str(path), "--json")
        assert {(leak["kind"], leak["owner"]) for leak in done.data["leaks"]} == {
            ("session_cookie", ""),
            ("jwt", f"okta:user:{USER}"),
            ("api_token", ""),
        }
        assert done.data["whole"]
        peaks.append(done.peak)
    assert path.stat().st_size > large * 0.9
    assert peaks[1] < peaks[0] + 40


async def test_a_file_full_of_holes_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sparse.har"
    with path.open("wb") as file:
        file.truncate(500_000_000)
    done = await measured(tmp_path, "hunt", "har", str(path))
    assert done.code == 2
    assert done.peak < 200
    with path.open("r+b") as file:
        file.write(f'{{"log": {{"entries": [{json.dumps(planted()[0])},'.encode())
    done = await measured(tmp_path, "hunt", "har", str(path), "--json")
    assert done.code == 1
    assert not done.data["whole"]
    assert done.peak < 200


class Keys:
    """Knows one key."""

    async def key_owner(self, key_id: str) -> KeyOwner:
        if key_id != KEY:
            raise NotFound("no such key", vendor="aws", operation="iam:GetAccessKeyLastUsed")
        return KeyOwner(key=key_id, user=IamUser(account="111122223333", name="svc"), last_used=None, service="", region="")


async def test_access_keys_get_the_owner_that_aws_knows() -> None:
    leaks = [Leak(system="aws", kind="access_key", row=1, where="", id=key) for key in (KEY, SESSION_KEY, "AKIAOTHEROTHEROTHER2")]
    assert [leak.owner for leak in await scoping.with_owners(leaks, Keys())] == ["aws:user:111122223333/svc", "", ""]


def test_the_key_of_fingerprints_is_kept_to_its_owner(tmp_path: Path) -> None:
    first, again = Fingerprints.kept_in(tmp_path / "s"), Fingerprints.kept_in(tmp_path / "s")
    assert first.of("x") == again.of("x") != Fingerprints(b"0" * 32).of("x")
    assert len(first.of("x")) == len("fp:") + 16
    path = tmp_path / "s" / "fingerprint.key"
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(0o644)
    with pytest.raises(BadInput, match="read by others"):
        Fingerprints.kept_in(tmp_path / "s")
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(BadInput, match="damaged"):
        Fingerprints.kept_in(tmp_path / "s")


def test_a_token_that_lies_cannot_bend_the_words(tmp_path: Path) -> None:
    lying = hars.jwt(iss="https://acme.okta.com/x\u202e\n", sub="a\x1b[31m" + "x" * 9_000, uid=["x"], exp="never")
    (leak,) = scanned(tmp_path, json.dumps({"log": {"entries": [entry(f"https://x/?t={lying}")]}})).leaks.values()
    one = finding(leak, hars.moment())
    assert one.says.isprintable()
    assert one.playbook == ""
