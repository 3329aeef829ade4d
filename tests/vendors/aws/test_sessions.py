"""The sessions that CloudTrail's files show: whose they are, since when and until when, how stale that is, and what is not told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import sweepbook, wiring
from firedoor.canonical import plain
from firedoor.errors import BadInput
from firedoor.inventory import Credential, State, Use
from firedoor.stocktaking import told
from firedoor.treatment import Treatment
from firedoor.vendors.aws import sessions, trail
from firedoor.vendors.aws.sessions import Logged, Owners, look
from firedoor.vendors.aws.sightings import TrailSightings
from firedoor.vendors.aws.trailfiles import LAG
from tests.vendors.aws.test_trail import ACCOUNT, KEY, ROLE, SECOND, SECRET, SESSION, T, deliver, file_name, minted, record

SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/x"
QUIET = "ASIAQUIETQUIETQUIET2"
NOW = T + timedelta(hours=3)


def used(key: str, minutes: int, *, began: str = "2023-11-16T16:10:00Z", arn: str = SESSION_ARN, **more: Any) -> dict[str, Any]:
    context = {"sessionIssuer": {"arn": ROLE, "type": "Role"}, "attributes": {"creationDate": began}}
    who = {"type": "AssumedRole", "arn": arn, "accountId": ACCOUNT, "accessKeyId": key, "sessionContext": context}
    return record(key=key, minutes=minutes, userIdentity=who, **more)


def gave(key: str, minutes: int, *, by: str = KEY, expiration: Any = None, **asked: Any) -> dict[str, Any]:
    parts = minted(key)
    credentials = {**parts["responseElements"]["credentials"], **({} if expiration is None else {"expiration": expiration})}
    reply = {"credentials": credentials, "assumedRoleUser": {"arn": SESSION_ARN}}
    return record("AssumeRole", key=by, minutes=minutes, requestParameters={**parts["requestParameters"], **asked}, responseElements=reply)


def owned(key: str = KEY, holder: str = "svc") -> Owners:
    owners = Owners()
    owners.take(
        Credential(system="aws", kind="access_key", place=ACCOUNT, holder=holder, id=key, names=(), owner="ada", given_to="moveworks")
    )
    return owners


def seen(folder: Path, owners: Owners | None = None) -> Logged:
    return look([folder], owners or Owners(), NOW)


def by_id(found: Logged) -> dict[str, Credential]:
    return {one.id: one for one in found.sessions}


def test_a_session_is_told_with_who_it_belongs_to_and_who_asked_for_it(tmp_path: Path) -> None:
    deliver(tmp_path, file_name(10), gave(SESSION, 10, expiration="Nov 16, 2023, 5:10:00 PM"), used(SESSION, 20), record())
    one = by_id(seen(tmp_path, owned()))[SESSION]
    assert (one.type, one.place, one.holder) == (sessions.TYPE, ACCOUNT, "assumed-role/deploy/x")
    assert (one.owner, one.given_to, one.state) == ("ada", "moveworks", State.EXPIRED)
    assert one.created == T + timedelta(minutes=10)
    assert (one.last_use.use, one.last_use.at) == (Use.USED, T + timedelta(minutes=20))
    assert one.last_use.behind == timedelta(hours=3) + LAG
    assert one.facts == {
        "principal": SESSION_ARN,
        "issued_by": ROLE,
        "asked_for_by": f"arn:aws:iam::{ACCOUNT}:user/svc",
        "asked_for_with": KEY,
        "lives_until": "2023-11-16T17:10:00.000000Z",
    }
    assert [one.id for one in seen(tmp_path).sessions] == [SESSION], "a key that is none of a session's is listed by AWS itself"


def test_the_owner_is_that_of_the_key_it_came_of_whatever_lies_between(tmp_path: Path) -> None:
    deliver(tmp_path, file_name(10), used(SECOND, 40), gave(SECOND, 21, by=SESSION), gave(SESSION, 10), used(SESSION, 20))
    assert {one.owner for one in seen(tmp_path, owned()).sessions} == {"ada"}
    assert {one.owner for one in seen(tmp_path, owned(holder="svc", key="AKIAOTHEROTHEROTHER2")).sessions} == {"ada"}, "by the user's name"
    assert {one.owner for one in seen(tmp_path, owned(holder="ben", key="AKIAOTHEROTHEROTHER2")).sessions} == {""}
    deliver(tmp_path, file_name(50), gave(SESSION, 50, by=SECOND))
    assert {one.owner for one in seen(tmp_path, owned(holder="ben")).sessions} == {""}, "files that go in a circle end too"


@pytest.mark.parametrize(
    ("expiration", "asked", "until"),
    [
        ("2023-11-16T18:30:00Z", {}, "2023-11-16T18:30:00.000000Z"),
        ("Nov 16, 2023 6:30:00 PM", {}, "2023-11-16T18:30:00.000000Z"),
        ("Nov 16, 2023, 6:30:00\u202fPM", {}, "2023-11-16T18:30:00.000000Z"),
        (None, {"durationSeconds": 900}, "2023-11-16T16:25:00.000000Z"),
        ("soon", {}, None),
        (None, {}, None),
        (7, {"durationSeconds": "900"}, None),
        (None, {"durationSeconds": 10**30}, None),
        (None, {"durationSeconds": True}, None),
    ],
)
def test_until_when_it_can_live_is_what_the_reply_says_or_unknown(
    tmp_path: Path, expiration: Any, asked: dict[str, Any], until: str | None
) -> None:
    deliver(tmp_path, file_name(10), gave(SESSION, 10, expiration=expiration, **asked), used(SESSION, 20))
    one = by_id(seen(tmp_path))[SESSION]
    assert one.facts["lives_until"] == until
    assert one.state is (State.EXPIRED if until and until < str(plain(NOW)) else State.UNKNOWN)


def test_one_that_was_given_out_and_not_seen_in_use_is_there_and_its_use_unknown(tmp_path: Path) -> None:
    deliver(tmp_path, file_name(10), gave(QUIET, 10))
    one = by_id(seen(tmp_path))[QUIET]
    assert (one.last_use.use, one.created, one.holder) == (Use.UNKNOWN, T + timedelta(minutes=10), "assumed-role/deploy/x")


def test_what_a_record_does_not_say_is_unknown(tmp_path: Path) -> None:
    deliver(tmp_path, file_name(10), record(key=SESSION, userIdentity={"accessKeyId": SESSION}))
    [one] = seen(tmp_path, owned()).sessions
    assert (one.holder, one.created, one.owner, one.place) == ("unknown", None, "", ACCOUNT)
    assert set(one.facts.values()) == {None}


def test_a_service_that_asked_for_it_and_a_user_s_own_session_are_named(tmp_path: Path) -> None:
    lambda_ = {**gave(QUIET, 10), "userIdentity": {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}}
    own = record("GetSessionToken", minutes=11, responseElements={"credentials": {"accessKeyId": SESSION}})
    deliver(tmp_path, file_name(10), lambda_, own)
    found = by_id(seen(tmp_path, owned()))
    assert (found[QUIET].facts["asked_for_by"], found[QUIET].facts["asked_for_with"]) == ("lambda.amazonaws.com", None)
    assert (found[SESSION].holder, found[SESSION].owner) == ("user/svc", "ada")


def test_what_the_files_cover_is_told_and_how_stale_a_use_can_be(tmp_path: Path) -> None:
    deliver(tmp_path, file_name(10), used(SESSION, 10), used(SESSION, 130, region="eu-west-1"))
    found = seen(tmp_path)
    assert by_id(found)[SESSION].last_use.behind == timedelta(hours=1) + LAG, "from the hour that the files know of last"
    coverage: Any = found.coverage
    assert (coverage["looked_at"], coverage["files"], coverage["records"], coverage["whole"]) == (True, 1, 2, True)
    assert (coverage["first"], coverage["last"]) == (plain(T + timedelta(minutes=10)), plain(T + timedelta(minutes=130)))
    assert f"account {ACCOUNT}, us-east-1: 2 hours without a record" in " ".join(coverage["limits"])
    assert (found.listed, found.why) == ((ACCOUNT,), "")


def test_files_that_were_not_read_whole_list_no_account_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(tmp_path, file_name(10), used(SESSION, 10), {"eventName": "x"})
    deliver(tmp_path, "1broken.json").write_text('{"Records": [')
    found = seen(tmp_path)
    assert [one.id for one in found.sessions] == [SESSION]
    assert (found.listed, found.why) == ((), "1 files could not be read to their end; 1 records are of no known shape")
    assert "1broken.json" in str(found.coverage["limits"])
    monkeypatch.setattr(trail, "MOST_KEYS", 1)
    deliver(tmp_path, file_name(20), gave(QUIET, 20), gave(SECOND, 21))
    assert "there are more keys than are kept apart" in seen(tmp_path).why


def test_where_no_trail_is_set_or_there_it_is_said(tmp_path: Path) -> None:
    none = look([], Owners(), NOW)
    assert (none.sessions, none.why, none.coverage["looked_at"]) == ((), "", False)
    assert "aws_trail" in str(none.coverage["why_not"])
    gone = look([tmp_path / "none"], Owners(), NOW)
    assert "there is no such file or folder" in gone.why
    assert gone.coverage["looked_at"] is False


def test_neither_token_nor_secret_of_a_session_comes_out(tmp_path: Path) -> None:
    deliver(tmp_path, file_name(10), gave(SESSION, 10), used(SESSION, 20))
    found = seen(tmp_path)
    assert SECRET not in repr(found) + str([told(one) for one in found.sessions])


async def test_no_sweep_treats_sessions_and_none_is_left_over_for_them(tmp_path: Path) -> None:
    known = wiring.load_catalogue()
    assert sessions.TYPE not in {kind for source in known.sources.values() for kind in source.spec.types}
    assert sessions.TYPE not in {kind for unit in known.actions.values() if issubclass(unit, Treatment) for kind in unit.treats}
    book = tmp_path / "mine.yaml"
    text = "sweep: mine\ntitle: Mine\nabout: A test\naim: containment\nat_most: 10\n"
    book.write_text(
        f"{text}scope: {{types: [aws.session], everything: true}}\ntreat: {{aws.session: aws.deactivate_access_key}}\n", encoding="utf-8"
    )
    with pytest.raises(BadInput, match=r"aws\.session"):
        sweepbook.find(str(book), known)
    deliver(tmp_path, file_name(10), gave(SESSION, 10, by=SECOND), used(SESSION, 20), used(SECOND, 21))
    assert await TrailSightings(None, [tmp_path]).seen() == []  # type: ignore[arg-type] # AWS is not asked
