from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.approval import Answer, Decision, Grant, Person, Request, Roster, Ruling, check, eligible, stops, subject, tally
from firedoor.canonical import plain
from firedoor.errors import ApprovalInvalid, DecisionRefused, Misconfigured
from firedoor.model import Cover, Mode, Tier
from firedoor.seal import Seal

FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["tests.test_approval"])

NOON = datetime(2023, 10, 18, 12, tzinfo=UTC)
EDGE = NOON + timedelta(minutes=30)
TICK = timedelta(microseconds=1)
ADA, BEN, CEM, DAN, EVE = (Person(name=name, slack=f"U0{name.upper()}") for name in ("Ada", "Ben", "Cem", "Dan", "Eve"))
DAN, EVE = replace(DAN, names=("okta:user:Dan@example.com",)), replace(EVE, may_approve=False)
STRANGER = Person(name="Fay", slack="U0FAY")
ROSTER = Roster(people=(ADA, BEN, CEM, DAN, EVE))
SEAL, OTHER = Seal(b"k" * 32), Seal(b"x" * 32)


def asked(**changed: object) -> Request:
    """Ada's request; Dan is in the plan."""
    request = Request(
        run="r1", mode=Mode.LIVE, playbook="fire", fingerprint="f", effects={"i": ("e1", "e2")}, covers={"i": (COVER,)},
        required=Tier.ONE, requester="Ada", roster=ROSTER.hash, barred=("Dan",), requested=NOON, expires=EDGE,
        lapses=EDGE + timedelta(hours=4), nonce="n",
    )  # fmt: skip
    return replace(request, **changed)  # type: ignore[arg-type]


COVER = Cover(name="keys", says="every key, at most 2", at_most=2)
ONE, TWO = asked(), asked(required=Tier.TWO)


def said(request: Request, by: Person | str, answer: Answer = Answer.APPROVE, *, at: datetime = NOON, seal: Seal = SEAL) -> Decision:
    name = by if isinstance(by, str) else by.name
    bare = Decision(request=request.digest, answer=answer, by=name, via="test", at=at)
    return replace(bare, proof=seal.sign(bare))


def ruled(request: Request, *decisions: Decision, now: datetime = NOON, roster: Roster = ROSTER) -> Ruling:
    return tally(request, roster, decisions, SEAL, now=now)


def test_one_and_two_people() -> None:
    assert ruled(ONE) is Ruling.WAITING
    assert ruled(ONE, said(ONE, BEN)) is Ruling.GRANTED
    assert ruled(TWO, said(TWO, BEN)) is Ruling.WAITING
    assert ruled(TWO, said(TWO, BEN), said(TWO, BEN, at=NOON + TICK)) is Ruling.WAITING  # twice is one person
    assert ruled(TWO, said(TWO, BEN), said(TWO, CEM)) is Ruling.GRANTED


@pytest.mark.parametrize("by", [ADA, DAN, EVE, STRANGER, "ben", "", "Ben "])
def test_who_may_not_decide_counts_for_nothing(by: Person | str) -> None:
    for answer in Answer:
        assert ruled(ONE, said(ONE, by, answer)) is Ruling.WAITING


def test_a_denial_is_final() -> None:
    no = said(ONE, BEN, Answer.DENY)
    assert ruled(ONE, no) is Ruling.DENIED
    assert ruled(ONE, said(ONE, CEM), no) is Ruling.DENIED
    assert ruled(ONE, no, said(ONE, BEN)) is Ruling.DENIED
    assert ruled(ONE, no, now=EDGE + timedelta(days=1)) is Ruling.DENIED


def test_the_edge_of_time() -> None:
    """A decision counts by when it was made, also where the ruling comes later; silence is no consent."""
    assert ruled(ONE, now=EDGE - TICK) is Ruling.WAITING
    assert ruled(ONE, now=EDGE) is Ruling.EXPIRED
    assert ruled(ONE, said(ONE, BEN, at=EDGE - TICK), now=EDGE + timedelta(hours=1)) is Ruling.GRANTED
    assert ruled(ONE, said(ONE, BEN, at=EDGE), now=EDGE) is Ruling.EXPIRED
    assert ruled(ONE, said(ONE, BEN, Answer.DENY, at=EDGE), now=EDGE) is Ruling.EXPIRED
    assert ruled(ONE, said(ONE, BEN, at=NOON)) is Ruling.GRANTED
    assert ruled(ONE, said(ONE, BEN, at=NOON - TICK)) is Ruling.WAITING
    assert ruled(TWO, said(TWO, BEN), now=EDGE) is Ruling.EXPIRED


OTHERS: list[Request] = [
    asked(run="r2"), asked(mode=Mode.DRILL), asked(playbook="flood"), asked(fingerprint="g"), asked(effects={}), asked(covers={}),
    asked(requester="Cem"), asked(barred=()), asked(requested=NOON - TICK), asked(expires=EDGE + TICK), asked(lapses=EDGE),
    asked(nonce="m"), asked(roster="sha256:0"), asked(required=Tier.TWO), asked(covers={"i": (replace(COVER, at_most=3),)}),
]  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_an_approval_of_another_request_counts_for_nothing(other: Request) -> None:
    """Whatever differs: the run, the mode, the changes, who is barred, until when."""
    assert other.digest != ONE.digest
    assert ruled(ONE, said(other, BEN)) is Ruling.WAITING
    relabelled = replace(said(other, BEN), request=ONE.digest)  # the row copied here, its proof with it
    assert ruled(ONE, relabelled) is Ruling.WAITING


@pytest.mark.parametrize(
    "forge",
    [
        lambda one: replace(one, by="Cem"),
        lambda one: replace(one, answer=Answer.DENY),
        lambda one: replace(one, via="elsewhere"),
        lambda one: replace(one, at=one.at + TICK),
        lambda one: replace(one, reason="because"),
        lambda one: replace(one, proof=""),
        lambda one: replace(one, proof="mac:" + "0" * 64),
        lambda one: replace(one, proof=one.proof.upper()),
        lambda one: replace(one, proof="mac:\u00e9"),
        lambda one: replace(one, proof="\ud800"),
        lambda one: replace(one, proof=OTHER.sign(one)),
    ],
)
def test_a_forged_proof_counts_for_nothing(forge: Callable[[Decision], Decision]) -> None:
    assert ruled(ONE, forge(said(ONE, BEN))) is Ruling.WAITING


def test_a_roster_that_was_changed_approves_nothing() -> None:
    wider = Roster(people=(*ROSTER.people, STRANGER))
    assert wider.hash != ROSTER.hash
    assert ruled(ONE, said(ONE, BEN), roster=wider) is Ruling.WAITING
    assert ruled(ONE, said(ONE, BEN), roster=Roster(people=())) is Ruling.WAITING
    for changed in (replace(BEN, may_approve=False), replace(BEN, slack="U0EVIL"), replace(BEN, names=("okta:user:x",))):
        assert Roster(people=(ADA, changed, CEM, DAN, EVE)).hash != ROSTER.hash


def test_the_roster_is_searched_by_what_never_changes() -> None:
    assert ROSTER.by_slack("U0BEN") == BEN
    assert ROSTER.by_slack("u0ben") is None
    apart = Roster(people=(replace(BEN, slack=""), CEM))
    assert apart.by_slack("") is None, "who is not in Slack is nobody there"
    assert apart.in_slack == (CEM,)
    assert ROSTER.by_name("Ben") == BEN
    assert ROSTER.by_name("ben") is None
    assert ROSTER.among(["aws:user:1/x", "OKTA:user:dan@EXAMPLE.com"]) == (DAN,)
    assert ROSTER.among([]) == ()


PEOPLE = st.sampled_from([ADA, BEN, CEM, DAN, EVE, STRANGER])
MOMENTS = st.sampled_from([NOON - TICK, NOON, NOON + TICK, EDGE - TICK, EDGE, EDGE + TICK])
DECISIONS = st.lists(st.tuples(PEOPLE, st.sampled_from(Answer), MOMENTS, st.sampled_from([SEAL, SEAL, OTHER]), st.booleans()), max_size=6)


@given(st.sampled_from(Tier), DECISIONS, MOMENTS)
def test_the_tally_is_what_the_rules_say(required: Tier, made: list[tuple[Person, Answer, datetime, Seal, bool]], now: datetime) -> None:
    request = asked(required=required)
    decisions = [
        said(request if right else asked(run="other"), person, answer, at=at, seal=seal) for person, answer, at, seal, right in made
    ]
    good = [(person, answer) for person, answer, at, seal, right in made if right and seal is SEAL and NOON <= at < EDGE]
    good = [(person, answer) for person, answer in good if person in (BEN, CEM)]
    if any(answer is Answer.DENY for _, answer in good):
        due = Ruling.DENIED
    elif len({person.name for person, answer in good if answer is Answer.APPROVE}) >= required:
        due = Ruling.GRANTED
    else:
        due = Ruling.EXPIRED if now >= EDGE else Ruling.WAITING
    assert ruled(request, *decisions, now=now) is due


@given(PEOPLE, MOMENTS, st.sampled_from(OTHERS), st.sampled_from([ROSTER, Roster(people=())]))
def test_whoever_is_let_in_counts(person: Person, at: datetime, request: Request, roster: Roster) -> None:
    """Nobody is told that their answer is recorded when it would count for nothing."""
    request = replace(request, required=Tier.ONE)
    try:
        check(request, roster, person, now=at)
    except DecisionRefused:
        assert ruled(request, said(request, person, at=at), roster=roster) in (Ruling.WAITING, Ruling.EXPIRED)
    else:
        assert person in eligible(request, roster)
        assert ruled(request, said(request, person, at=at), roster=roster) is Ruling.GRANTED


@pytest.mark.parametrize(
    ("person", "now", "words"),
    [
        (None, NOON, "not on Firedoor's roster"),
        (STRANGER, NOON, "not on Firedoor's roster"),
        (replace(EVE, may_approve=True), NOON, "not on Firedoor's roster"),
        (EVE, NOON, "not approve them"),
        (ADA, NOON, "asked for this run yourself"),
        (DAN, NOON, "an account of yours is in this plan"),
        (BEN, NOON - TICK, "clock"),
        (BEN, EDGE, "has expired"),
    ],
)
def test_who_is_refused_is_told_why(person: Person | None, now: datetime, words: str) -> None:
    with pytest.raises(DecisionRefused, match=words):
        check(ONE, ROSTER, person, now=now)
    assert check(ONE, ROSTER, BEN, now=NOON) == BEN


def test_a_stop_made_before_anything_was_asked_counts_where_its_kind_of_proof_does() -> None:
    bare = Decision(request=subject(ONE.run, None), answer=Answer.STOP, by=CEM.name, via="slack:U0CEM", at=NOON)
    early = replace(bare, proof=SEAL.sign(bare))
    assert stops(early, ONE.run, None, ROSTER, SEAL)
    assert stops(early, ONE.run, ONE, ROSTER, SEAL)
    assert not stops(early, "another", ONE, ROSTER, SEAL)
    assert not stops(early, ONE.run, ONE, ROSTER, OTHER)
    assert not stops(early, ONE.run, asked(barred=(CEM.name,)), ROSTER, SEAL)
    assert not stops(early, ONE.run, asked(out_of_band="somebody else may write in chat"), ROSTER, SEAL)


def granted(request: Request = ONE, *decisions: Decision) -> Grant:
    return Grant(request=request, decisions=decisions or (said(request, BEN),), roster=ROSTER, seal=SEAL)


def admits(grant: Grant, effect: str = "e1", *, item: str = "i", cover: str = "", used: int = 0, now: datetime = NOON) -> bool:
    return grant.admits(item=item, effect=effect, cover=cover, used=used, now=now)


def test_a_grant_admits_what_it_names_and_nothing_else() -> None:
    assert admits(granted(), "e1")
    assert admits(granted(), "e1", cover="keys", used=99)  # named: no bound applies
    assert not admits(granted(), "e3")
    assert not admits(granted(), "e1", item="j")


def test_a_class_is_covered_up_to_its_bound() -> None:
    assert [admits(granted(), "new", cover="keys", used=used) for used in range(4)] == [True, True, False, False]
    assert not admits(granted(), "new", cover="tokens")
    assert not admits(granted(), "new", cover="keys", item="j")


def test_a_change_of_no_class_is_covered_by_none() -> None:
    nameless = asked(covers={"i": (Cover(name="", says="anything", at_most=99),)})
    assert not admits(granted(nameless), "new")


def test_a_grant_lapses() -> None:
    assert admits(granted(), now=ONE.lapses - TICK)  # long after it has expired as a request
    with pytest.raises(ApprovalInvalid, match="not used in time"):
        admits(granted(), now=ONE.lapses)


@pytest.mark.parametrize("decision", [said(ONE, BEN, seal=OTHER), said(ONE, ADA), said(asked(run="r2"), BEN), said(ONE, BEN, Answer.DENY)])
def test_a_grant_without_valid_proof_admits_nothing(decision: Decision) -> None:
    with pytest.raises(ApprovalInvalid, match="proof does not hold"):
        admits(granted(ONE, decision))


def test_a_seal_tells_nobody_its_key() -> None:
    assert "kkkk" not in f"{SEAL!r} {granted()!r}"
    with pytest.raises(TypeError):
        plain(granted())


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    proof = Seal.kept_in(folder).sign(said(ONE, BEN))
    assert Seal.kept_in(folder).sign(said(ONE, BEN)) == proof
    assert [path.name for path in folder.iterdir()] == ["approval.key"]
    assert (folder / "approval.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "approval.key").stat().st_nlink == 1
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Seal.kept_in(tmp_path / "another").sign(said(ONE, BEN)) != proof


def shared(folder: Path) -> None:
    folder.chmod(0o777)


def readable(folder: Path) -> None:
    (folder / "approval.key").chmod(0o640)


def damaged(folder: Path) -> None:
    (folder / "approval.key").write_bytes(b"k" * 31)


def emptied(folder: Path) -> None:
    (folder / "approval.key").write_bytes(b"")


def a_folder(folder: Path) -> None:
    (folder / "approval.key").unlink()
    (folder / "approval.key").mkdir(mode=0o700)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (shared, "others may write to"),
        (readable, "can be read by others"),
        (damaged, "is damaged"),
        (emptied, "is damaged"),
        (a_folder, "cannot be used"),
    ],
)
def test_a_key_that_is_not_safe_is_refused(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    tmp_path.chmod(0o700)
    Seal.kept_in(tmp_path)
    spoil(tmp_path)
    with pytest.raises(Misconfigured, match=words) as refused:
        Seal.kept_in(tmp_path)
    assert refused.value.exit_code == 2


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="FIREDOOR_STATE_DIR"):
        Seal.kept_in(tmp_path / "file")


def make_key(folder: Path, out: Connection) -> None:
    out.send("ready")
    out.recv()
    for number in range(30):
        try:
            out.send(Seal.kept_in(folder / str(number)).sign(Decision(request="", answer=Answer.DENY, by="", via="", at=NOON)))
        except Misconfigured as error:
            out.send(str(error))


def test_processes_that_make_the_key_at_once_have_the_same(tmp_path: Path) -> None:
    """They meet over and over: one must never see half of what another is writing."""
    ends = [FRESH.Pipe() for _ in range(2)]
    workers = [FRESH.Process(target=make_key, args=(tmp_path, theirs)) for _, theirs in ends]
    for worker in workers:
        worker.start()
    for mine, _ in ends:
        assert mine.recv() == "ready"
    for mine, _ in ends:
        mine.send("go")
    for _ in range(30):
        one, other = (mine.recv() for mine, _ in ends)
        assert one == other
        assert one.startswith("mac:")
    for worker in workers:
        worker.join()


def test_a_key_half_written_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just before it is put in its place, another process makes its own: both go on with that one."""
    link, there = os.link, []

    def late(source: str, target: Path) -> None:
        assert not target.exists()
        monkeypatch.setattr(os, "link", link)
        there.append(Seal.kept_in(tmp_path).sign(said(ONE, BEN)))
        link(source, target)

    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "link", late)
    assert [Seal.kept_in(tmp_path).sign(said(ONE, BEN))] == there
