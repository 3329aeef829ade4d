"""Hunting over the System Log, over the wire: all that was planted is found, what it cannot tell apart is little, and nothing leaks."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from firedoor import inputs, scoping
from firedoor.canonical import plain
from firedoor.errors import BadInput, RateLimited, Unavailable
from firedoor.finding import Finding
from firedoor.hunting import Judge, Known
from firedoor.journal import Journal, Kind
from firedoor.model import Change
from firedoor.playbook import find
from firedoor.store import Store
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta import watchlist
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.meter import OktaLimits
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.values import LogEntry, LogParty
from firedoor.vouching import vouched
from tests.hunts.logbook import ROBOT, SESSION_SECRET, SUPPLIER, TOKEN, Logbook, written

KNOWN = Known(expected={ROBOT.id: "it provisions"}, suppliers=(SUPPLIER,))
NOON = datetime(2023, 10, 18, 12, tzinfo=UTC)
JANE = LogParty(id="00ujane1", type="User", name="jane@acme.example")


@pytest.fixture(scope="module")
def book() -> Logbook:
    return written(5_000)


async def hunted(
    book: Logbook, *faults: Fault, limits: OktaLimits | None = None, known: Known = KNOWN
) -> tuple[scoping.Hunt, OktaSimulator]:
    lag, limits = OktaLag(system_log=0.0), limits or OktaLimits(logs=10_000)
    async with (
        OktaSimulator(book.world, lag=lag, limits=limits) as okta,
        OktaClient(org_url=okta.url, token=TOKEN, access=Access.READ) as client,
    ):
        await client.whoami()
        for fault in faults:
            okta.faults.plan(fault)
        return await scoping.hunt_since(client, book.since, known=known), okta


async def test_all_that_was_planted_is_found_and_no_more_than_honest_work_besides(book: Logbook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hunt, okta = await hunted(book)
    found = {one.evidence: one.rule for one in hunt.findings}
    assert book.uuids(book.planted).items() <= found.items()
    assert found.keys() - book.uuids(book.planted).keys() == book.uuids(book.honest).keys()
    assert len(hunt.expected) == book.robotic > 0
    assert set(book.planted.values()) == {watch.rule for watch in watchlist.WATCHED} | watchlist.JUDGED.keys()
    assert hunt.incomplete == ""
    asked = [dict(parse_qsl(seen.query)) for seen in okta.requests if seen.operation == "listLogEvents"]
    assert {query["limit"] for query in asked} == {"1000"}
    assert all("filter" in query for query in asked)
    assert hunt.narrowed
    assert hunt.entries < 5_000
    told = str(scoping.report(hunt)) + repr(hunt) + caplog.text
    assert SESSION_SECRET not in told
    assert TOKEN not in told


async def test_every_type_and_family_of_the_watch_list_is_found_once_it_is_planted() -> None:
    rules = len(watchlist.WATCHED) + len(watchlist.JUDGED)
    book = written(3_000, planted=rules * max(len(watch.types) for watch in watchlist.WATCHED), honest=0)
    kinds = {str(book.world.log.entries[number].shown()["eventType"]) for number in book.planted}
    assert [
        type_ for type_ in watchlist.types() if type_ not in watchlist.SIGN_INS and not any(one.startswith(type_) for one in kinds)
    ] == []
    hunt, _ = await hunted(book)
    assert book.uuids(book.planted).items() <= {one.evidence: one.rule for one in hunt.findings}.items()


async def test_every_finding_fills_in_a_playbook_that_takes_it(book: Logbook) -> None:
    hunt, _ = await hunted(book)
    assert all(one.playbook for one in hunt.findings)
    for one in hunt.findings:
        inputs.bind(find(one.playbook), one.inputs)
    assert {one.playbook for one in hunt.findings} == {"session-hijack", "service-account-compromised"}
    assert all(one.subject.startswith(("okta:user:", "okta:app:")) for one in hunt.findings)


async def test_where_okta_takes_no_filter_all_is_read_and_the_same_is_found(book: Logbook) -> None:
    wanted, _ = await hunted(book)
    refused = '{"errorCode": "E0000031", "errorSummary": "Invalid search criteria"}'
    hunt, okta = await hunted(book, Fault(operation="listLogEvents", status=400, body=refused))
    assert not hunt.narrowed
    assert hunt.findings == wanted.findings
    assert hunt.entries >= 5_000
    asked = [dict(parse_qsl(seen.query)) for seen in okta.requests if seen.operation == "listLogEvents"]
    assert ["filter" in query for query in asked] == [True] + [False] * (len(asked) - 1)


async def test_an_error_half_way_keeps_what_was_found_and_says_so(book: Logbook) -> None:
    refused = Fault(operation="listLogEvents", status=503)
    async with (
        OktaSimulator(book.world, lag=OktaLag(system_log=0.0)) as okta,
        OktaClient(org_url=okta.url, token=TOKEN, access=Access.READ) as client,
    ):
        pages = 0
        plain_next = client._next

        def counted(*given: object, **named: object) -> str | None:
            nonlocal pages
            pages += 1
            if pages == 2:
                okta.faults.plan(refused, times=10)
            return plain_next(*given, **named)  # type: ignore[arg-type]

        client._next = counted  # type: ignore[method-assign]
        hunt = await scoping.hunt_since(client, book.since, known=KNOWN)
        assert "could not be read to its end" in hunt.incomplete
        assert hunt.findings or hunt.expected
        with pytest.raises(Unavailable):
            await scoping.hunt_since(client, book.since, known=KNOWN)


async def test_a_used_up_limit_is_waited_for(book: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)
    monkeypatch.setattr("firedoor.vendors.okta.client.PAUSE_SECONDS", 0.01)
    hunt, okta = await hunted(book, *[Fault(operation="listLogEvents", status=429)] * 9)
    assert not hunt.incomplete
    assert len(hunt.findings) == len(book.planted) + len(book.honest)
    assert sum(seen.status == 429 for seen in okta.requests) == 9
    with pytest.raises(RateLimited):
        await hunted(book, *[Fault(operation="listLogEvents", status=429)] * 30)


async def test_more_than_ninety_days_back_is_never_whole(book: Logbook) -> None:
    async with OktaSimulator(book.world) as okta, OktaClient(org_url=okta.url, token=TOKEN, access=Access.READ) as client:
        hunt = await scoping.hunt_since(client, datetime.now(UTC) - timedelta(days=91), known=KNOWN)
        assert "90 days" in hunt.incomplete
        with pytest.raises(BadInput, match="begins after its end"):
            await scoping.hunt_since(client, datetime.now(UTC) + timedelta(hours=1), known=KNOWN)


def entry(kind: str, *, at: datetime = NOON, actor: LogParty = JANE, outcome: str = "SUCCESS", session: str = "", n: int = 0) -> LogEntry:
    return LogEntry(
        uuid=f"u{n}", event_type=kind, published=at, actor=actor, targets=(), outcome=outcome, ip="203.0.113.66", session=session, step=0
    )


def judged(*entries: LogEntry, since: datetime = NOON - timedelta(hours=1), known: Known | None = None) -> list[Finding]:
    judge = Judge(since=since, known=known)
    return [hit.finding for one in entries for hit in judge.judge(one)] + [hit.finding for hit in judge.finish()]


@pytest.mark.parametrize("before", [timedelta(minutes=9), timedelta(0), -timedelta(seconds=30)])
def test_a_sign_in_is_whole_in_whatever_order_it_was_written(before: timedelta) -> None:
    around = [entry(watchlist.EVALUATED, at=NOON - before, outcome="ALLOW"), entry(watchlist.FACTOR_USED, at=NOON - before)]
    assert judged(*sorted([*around, entry(watchlist.SESSION_BEGUN)], key=lambda one: one.published)) == []


@pytest.mark.parametrize(
    "around",
    [
        [],
        [entry(watchlist.EVALUATED, outcome="DENY")],
        [entry(watchlist.EVALUATED, at=NOON - timedelta(minutes=11), outcome="ALLOW")],
        [entry(watchlist.EVALUATED, actor=LogParty(id="00uother", type="User", name="other"), outcome="ALLOW")],
    ],
)
def test_a_session_that_no_policy_let_in_is_found(around: list[LogEntry]) -> None:
    (found,) = judged(*around, entry(watchlist.SESSION_BEGUN))
    assert (found.rule, found.playbook, found.inputs["users"]) == ("session_without_sign_on", "session-hijack", ("00ujane1",))


def test_a_person_with_one_factor_is_named_once_and_counted_after() -> None:
    judge = Judge(since=NOON)
    hits = []
    for n in range(5):
        at = NOON + timedelta(hours=n)
        for one in (entry(watchlist.EVALUATED, at=at, outcome="ALLOW"), entry(watchlist.SESSION_BEGUN, at=at, n=n)):
            hits += [hit.finding.rule for hit in judge.judge(one)]
    hits += [hit.finding.rule for hit in judge.finish()]
    assert hits == ["single_factor_session"]
    assert judge.repeated == {"single_factor_session": 4}


def test_what_was_tried_and_refused_is_counted() -> None:
    judge = Judge(since=NOON)
    assert list(judge.judge(entry("system.api_token.create", outcome="FAILURE"))) == []
    assert judge.refused == {"api_token_made": 1}


def test_what_came_before_t_is_no_hit() -> None:
    assert judged(entry("system.api_token.create", at=NOON - timedelta(minutes=1)), since=NOON) == []


def test_a_known_hand_is_told_apart_by_id_or_login_whatever_its_capitals() -> None:
    for name in ("00ujane1", "Jane@ACME.example"):
        judge = Judge(since=NOON, known=Known(expected={name: "she is on call"}))
        (hit,) = judge.judge(entry("system.api_token.create"))
        assert hit.expected == "she is on call"


def test_firedoors_own_name_is_no_known_hand_unless_it_is_named() -> None:
    reset = replace(entry("user.mfa.factor.reset_all"), targets=(LogParty(id="00uada1", type="User", name="ada@acme.example"),))
    for name in ("00ujane1", "Jane@ACME.example"):
        (hit,) = Judge(since=NOON, known=Known(own=frozenset({name}))).judge(reset)
        assert (hit.own, hit.expected, hit.targets, hit.at) == (True, "", frozenset({"00uada1"}), NOON)
        (hit,) = Judge(since=NOON, known=Known(own=frozenset({name}), expected={"00ujane1": "it was named"})).judge(reset)
        assert (hit.own, hit.expected) == (False, "it was named")
    (hit,) = Judge(since=NOON, known=Known(own=frozenset({"00uother"}))).judge(reset)
    assert not hit.own


def intent(subject: str, **at: str) -> dict[str, object]:
    change = Change(key="k", subject=subject, says="", after={}, at=at)
    return {"item": "i", "change": plain(change), "at": "2026-11-26T00:00:00.000000Z"}


@pytest.mark.parametrize(
    ("kind", "body", "minutes", "run"),
    [
        (Kind.INTENT, intent("okta:user:00uada1"), 0, "251126-aaaaaa"),
        (Kind.INTENT, intent("okta:app:0oa1", user="00uada1"), 9, "251126-aaaaaa"),
        (Kind.INTENTS, {"writes": [intent("okta:api_token:x/1"), intent("okta:grant:x/00uada1")]}, 0, "251126-aaaaaa"),
        (Kind.INTENT, intent("okta:user:00uada1"), 11, ""),
        (Kind.INTENT, intent("okta:user:00uada1"), -2, ""),
        (Kind.INTENT, intent("okta:user:00uada12"), 0, ""),
        (Kind.NOTED, intent("okta:user:00uada1"), 0, ""),
        (Kind.INTENTS, {"writes": "00uada1"}, 0, ""),
    ],
)
async def test_an_act_in_firedoors_name_is_known_where_a_run_wrote_to_that_target_then(
    tmp_path: Path, kind: Kind, body: dict[str, object], minutes: int, run: str
) -> None:
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        journal = Journal(store)
        wrote = await journal.append("251126-aaaaaa", kind, body)
        ada = LogParty(id="00uada1", type="User", name="ada@acme.example")
        act = replace(entry("user.mfa.factor.reset_all", at=wrote.at + timedelta(minutes=minutes)), targets=(ada,))
        hits = list(Judge(since=act.published, known=Known(own=frozenset({JANE.id}))).judge(act))
        (hit,) = await vouched(journal, hits)
        assert await vouched(journal, []) == []
    assert hit.expected == (f"run {run} wrote to it then" if run else "")
    assert ("in Firedoor's own name, and no run in the journal at hand wrote that" in hit.finding.says) is not bool(run)


@pytest.mark.parametrize("name", ["x\u202egnp.exe", "a\nb", "\x1b[31mred", "y" * 5_000])
def test_an_actors_name_cannot_bend_the_words(name: str) -> None:
    (found,) = judged(entry("system.api_token.create", actor=LogParty(id="", type="User", name=name)))
    assert found.says.isprintable()
    assert len(found.says) < 400
    assert found.playbook == ""


def test_memory_of_sign_ins_does_not_grow_with_the_log() -> None:
    judge = Judge(since=NOON)
    for n in range(20_000):
        person = LogParty(id=f"00u{n}", type="User", name=f"p{n}@acme.example")
        at = NOON + timedelta(seconds=n)
        for kind in (watchlist.EVALUATED, watchlist.FACTOR_USED, watchlist.SESSION_BEGUN):
            assert list(judge.judge(entry(kind, at=at, actor=person, session=f"s{n}"))) == []
    assert len(judge._evaluated._last) < 2_000
    assert len(judge._begun) < 100


def test_a_rule_for_every_type_and_the_filter_stays_short_or_is_left_out() -> None:
    for watch in watchlist.WATCHED:
        for kind in watch.types:
            assert watchlist.watch_of(f"{kind}x" if kind.endswith(".") else kind) is watch
    assert watchlist.watch_of("user.session.end") is None
    assert 0 < len(watchlist.filter_for(watchlist.types())) < watchlist.MOST_FILTER
    assert watchlist.filter_for(f"some.very.long.type.number.{n}" for n in range(200)) == ""


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("user.lifecycle.reactivate", "user_made"),
        ("user.account.reset_password", "password_changed"),
        ("user.mfa.factor.activate", "mfa_enrolled"),
        ("user.mfa.factor.reset_all", "mfa_changed"),
        ("user.account.privilege.grant", "privilege_granted"),
        ("user.account.privilege.revoke", "privilege_revoked"),
        ("group.privilege.revoke", "privilege_revoked"),
        ("app.oauth2.client.privilege.revoke", "privilege_revoked"),
        ("iam.resourceset.bindings.add", "privilege_granted"),
        ("iam.resourceset.bindings.delete", "privilege_revoked"),
        ("app.oauth2.admin.consent.grant", "consent_granted"),
        ("app.oauth2.admin.consent.revoke", "consent_revoked"),
        ("iam.role.permissions.add", "permissions_changed"),
        ("iam.role.permissions.delete", "permissions_changed"),
        ("iam.resourceset.delete", "permissions_changed"),
        ("iam.resourceset.resources.delete", "permissions_changed"),
        ("policy.lifecycle.overwrite", "policy_overridden"),
        ("policy.rule.update", "policy_changed"),
        ("user.session.impersonation.initiate", "support_entered"),
        ("support.org.view", "support_entered"),
        ("system.api_token.create", "api_token_made"),
        ("system.idp.lifecycle.create", "idp_changed"),
        ("application.lifecycle.create", "app_made"),
        ("app.oauth2.credentials.lifecycle.create", "app_secret_made"),
        ("group.user_membership.rule.trigger", "group_rule_changed"),
        ("system.log_stream.lifecycle.deactivate", "log_silenced"),
        ("zone.update", "zone_changed"),
    ],
)
def test_what_the_advice_of_2023_names_is_a_hit(kind: str, rule: str) -> None:
    (found,) = judged(entry(kind))
    assert found.rule == rule
    assert "jane@acme.example" in found.says
    assert "203.0.113.66" in found.says


@pytest.mark.parametrize("type_", ["User", "UserGroup"])
def test_who_takes_rights_away_is_to_be_contained_and_whom_they_were_taken_from_is_named(type_: str) -> None:
    ada = LogParty(id="00uada1", type=type_, name="ada@acme.example")
    role = LogParty(id="r1", type="ROLE", name="Super Administrator")
    (found,) = judged(replace(entry("user.account.privilege.revoke"), targets=(role, ada)))
    assert found.says.startswith("administrator rights were taken away (ada@acme.example), by jane@acme.example, from 203.0.113.66: ")
    assert (found.subject, found.playbook, found.inputs["users"]) == ("okta:user:00ujane1", "session-hijack", ("00ujane1",))


def test_access_counts_where_it_goes_to_an_administrator_or_a_sensitive_app() -> None:
    def given(user: str, app: str) -> LogEntry:
        parties = (LogParty(id="0ua1", type="AppUser", name=user), LogParty(id=app, type="AppInstance", name="AWS"))
        return replace(
            entry("application.user_membership.add"), targets=(*parties, LogParty(id=user, type="User", name=f"{user}@acme.example"))
        )

    known = Known(admins=frozenset({"00uops1"}), apps=frozenset({"aws"}))
    assert judged(given("00uany", "0oaother"), known=Known(admins=known.admins, apps=frozenset({"0oaSensitive"}))) == []
    (found,) = judged(given("00uops1", "0oaother"), known=Known(admins=known.admins))
    assert (found.rule, found.inputs["users"]) == ("app_delegated", ("00uops1",))
    assert [one.rule for one in judged(given("00uany", "0oax"), known=known)] == ["app_delegated"]


def test_the_page_on_the_watch_list_names_every_rule_and_type() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "okta-watchlist.md").read_text()
    for watch in watchlist.WATCHED:
        assert f"`{watch.rule}`" in page
        assert all(f"`{kind}" in page for kind in watch.types)
        assert watch.unestablished in page
    assert all(f"`{rule}`" in page for rule in watchlist.JUDGED)
