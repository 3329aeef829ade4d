"""Who is asked, how many, and whether chat may carry the answer: for every kind of plan, and for the two ways to act alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor import planning, requesting
from firedoor.approval import Answer, Decision, Person, Request, Roster, Ruling, Way, check, document, eligible, read_document, tally
from firedoor.errors import BadInput, DecisionRefused
from firedoor.exercise.keys import SecurityKey
from firedoor.model import Change, Mode, Plan, Reversal, Tier
from firedoor.planning import Planned
from firedoor.playbook import Approval
from firedoor.run import Item, Order
from firedoor.seal import Seal
from firedoor.signing import PROOF
from firedoor.standing import Standing, draw_up
from tests.fakes import ASKER, DAN, KEYS, NO, YES

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SEAL = Seal(b"k" * 32)
ROSTER = Roster(people=(ASKER, YES, NO, DAN))
SOFT = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFSo5vQ0wW0Vqg7b5iQ6oV8sX2k1Yw9dD0sJr3mK4hTa"


def order(**changed: Any) -> Order:
    made = Order(
        run="r1", incident="i", playbook="fire", mode=Mode.LIVE, requester="Ada", asked=NOON, inputs={}, title="Shut the doors"
    )  # fmt: skip
    return replace(made, **changed)


def item(number: int = 0, action: str = "okta.suspend_user", reversal: Reversal = Reversal.EXACT) -> Item:
    change = Change(key="k", subject=f"x:{number}", says=f"shut {number}", after={"status": "shut"})
    return Item(
        id=f"s/{number}", step="s", action=action, label=f"x{number}", target={"n": number}, plan=Plan(changes=(change,)), reversal=reversal
    )


def planned(*items: Item, names: tuple[str, ...] = (), powers: tuple[str, ...] = (), tier: Tier = Tier.ONE) -> Planned:
    items = items or (item(),)
    return Planned(
        items=items, names=names, tier=tier, powers=powers, fingerprint=planning.fingerprint(items, mode=Mode.LIVE, playbook="fire")
    )


def asked(plan: Planned | None = None, *, roster: Roster = ROSTER, now: datetime = NOON, **changed: Any) -> Request:
    made = requesting.request(order(**changed), plan or planned(), approval=Approval(), roster=roster, now=now)
    assert made is not None
    return made


def standing(*signers: Person, now: datetime = NOON, roster: Roster = ROSTER) -> Standing:
    made = draw_up(roster=roster.hash, now=now - timedelta(days=1), days=90)
    for person in signers:
        made = made.signed_by(person.name, KEYS[person.name].sign(made.document).proof)
    return made


def decision(request: Request, person: Person, answer: Answer = Answer.APPROVE, *, key: SecurityKey | None = None, **more: Any) -> Decision:
    bare = Decision(request=request.digest, answer=answer, by=person.name, via="test", at=NOON)
    text = document(replace(bare, **more.pop("said", {})), more.get("run", request.run), more.get("of", request))
    return replace(bare, proof=(key or KEYS[person.name]).sign(text, flags=more.get("flags", 1)).proof)


def ruled(request: Request, *decisions: Decision, roster: Roster = ROSTER) -> Ruling:
    return tally(request, roster, decisions, SEAL, now=NOON)


def test_an_ordinary_plan_is_decided_in_chat() -> None:
    request = asked()
    assert (request.out_of_band, request.required, request.way) == ("", Tier.ONE, Way.ORDINARY)
    bare = Decision(request=request.digest, answer=Answer.APPROVE, by="Ben", via="chat", at=NOON)
    assert ruled(request, replace(bare, proof=SEAL.sign(bare))) is Ruling.GRANTED
    assert ruled(request, decision(request, YES)) is Ruling.GRANTED, "a signature counts everywhere"


@pytest.mark.parametrize(
    ("plan", "changed", "why"),
    [
        (planned(powers=("an administrator of Okta is in the plan",)), {}, "an administrator of Okta"),
        (planned(names=("okta:user:dan",)), {}, "Dan of the roster is in the plan"),
        (planned(names=("okta:user:ada",)), {}, "Ada, who asks, is in the plan"),
        (planned(), {"protected": True}, "protected"),
    ],
)
def test_where_chat_is_downstream_of_the_attacker_only_signatures_count(plan: Planned, changed: dict[str, Any], why: str) -> None:
    people = (replace(ASKER, names=("okta:user:ada",)), YES, NO, replace(DAN, names=("okta:user:dan",)))
    roster = Roster(people=people)
    request = asked(plan, roster=roster, **changed)
    assert why in request.out_of_band
    bare = Decision(request=request.digest, answer=Answer.APPROVE, by="Ben", via="chat", at=NOON)
    assert ruled(request, replace(bare, proof=SEAL.sign(bare)), roster=roster) is Ruling.WAITING
    both = [decision(request, YES), decision(request, NO)][: int(request.required)]
    assert ruled(request, *both, roster=roster) is Ruling.GRANTED
    assert ruled(request, *both[1:], roster=roster) is Ruling.WAITING


def test_two_people_sign_with_hardware_and_touch_it() -> None:
    request = asked(planned(tier=Tier.TWO, powers=("x",)))
    assert request.hardware
    assert ruled(request, decision(request, YES), decision(request, NO)) is Ruling.GRANTED
    assert ruled(request, decision(request, YES), decision(request, NO, flags=0)) is Ruling.WAITING
    assert ruled(request, decision(request, YES), decision(request, YES)) is Ruling.WAITING
    assert ruled(request, decision(request, YES), decision(request, NO, key=KEYS["Ben"])) is Ruling.WAITING, "Ben's key is not Cem's"
    soft = Roster(people=(ASKER, YES, replace(NO, keys=(SOFT,))))
    with pytest.raises(BadInput, match="1 of those who may decide have a hardware-backed"):
        asked(planned(tier=Tier.TWO, powers=("x",)), roster=soft)


def test_a_signature_is_good_for_what_it_names_alone() -> None:
    request = asked(planned(powers=("x",)))
    other = asked(planned(powers=("x",)), run="r2")
    for wrong in (
        decision(other, YES),
        decision(request, YES, of=other),
        decision(request, YES, of=replace(request, mode=Mode.DRILL)),
        decision(request, YES, of=replace(request, lines=("nothing at all",))),
        decision(request, YES, of=replace(request, nonce="another")),
        decision(request, YES, said={"answer": Answer.DENY}),
        decision(request, YES, said={"by": "Cem"}),
        decision(request, YES, said={"reason": "because"}),
        decision(request, YES, key=SecurityKey()),
        replace(decision(request, YES), proof=PROOF),
    ):
        assert ruled(request, wrong) is Ruling.WAITING
    assert ruled(request, decision(request, YES, Answer.DENY)) is Ruling.DENIED


def test_no_value_spans_two_lines_of_what_is_signed() -> None:
    request = asked(planned(item()))
    request = replace(request, lines=("suspend x\ndecision: deny",), requester="Ada\u202e\nby: Eve")
    bare = Decision(request=request.digest, answer=Answer.APPROVE, by="Ben", via="t", at=NOON, reason="ok\nby: Eve")
    text = document(bare, "r1", request)
    assert "\u202e" not in text
    assert [line for line in text.splitlines() if line.startswith(("by: ", "decision: "))] == ["decision: approve", "by: Ben"]
    tame = replace(bare, reason="it is fine")
    assert read_document(document(tame, "r1", request)) == ("r1", tame)
    for nonsense in ("", "x", text.replace("decision: approve", "decision: maybe"), text.replace("at: ", "at: never ")):
        with pytest.raises(BadInput, match="no document of a decision"):
            read_document(nonsense)


def test_one_alone_breaks_the_glass_for_little_and_for_nothing_final() -> None:
    final = item(1, "okta.deactivate_service_app", Reversal.PARTIAL)
    plan = requesting.alone(order(way=Way.BREAK_GLASS), planned(item(), final))
    assert [one.refused != "" for one in plan.items] == [False, True]
    assert plan.items[1].plan is None
    request = asked(plan, way=Way.BREAK_GLASS)
    assert (request.required, "break-glass" in request.out_of_band) == (Tier.ONE, True)
    assert request.fingerprint == planning.fingerprint(plan.items, mode=Mode.LIVE, playbook="fire")
    assert ruled(request, decision(request, ASKER)) is Ruling.GRANTED
    assert ruled(request, decision(request, YES)) is Ruling.WAITING, "whoever begins it signs it"
    with pytest.raises(BadInput, match="5 targets, and this plan has 6"):
        asked(planned(*map(item, range(6))), way=Way.BREAK_GLASS)
    with pytest.raises(BadInput, match="needs two people"):
        asked(planned(tier=Tier.TWO), way=Way.BREAK_GLASS)
    with pytest.raises(BadInput, match="0 of those who may decide have an SSH key"):
        asked(way=Way.BREAK_GLASS, roster=Roster(people=(replace(ASKER, keys=()), YES)))


def test_a_freeze_rests_on_what_two_have_signed_by_daylight() -> None:
    good = standing(YES, NO)
    request = asked(way=Way.FREEZE, standing=good)
    assert ruled(request, decision(request, ASKER)) is Ruling.GRANTED
    assert ruled(replace(request, standing=None), decision(replace(request, standing=None), ASKER)) is Ruling.WAITING
    forged = replace(good, most=50)
    assert ruled(replace(request, standing=forged), decision(replace(request, standing=forged), ASKER)) is Ruling.WAITING
    for lacking, why in (
        (None, "there is none"),
        (standing(YES), "1 valid signature"),
        (standing(YES, NO, now=NOON - timedelta(days=100)), "expired"),
        (standing(YES, NO, roster=Roster(people=(YES, NO))), "roster has changed"),
        (standing(YES).signed_by("Cem", KEYS["Ben"].sign(standing(YES).document).proof), "1 valid signature"),
        (replace(standing(YES, NO), expires=NOON + timedelta(days=900)), "0 valid signature"),
    ):
        with pytest.raises(BadInput, match=why):
            asked(way=Way.FREEZE, standing=lacking)
    with pytest.raises(BadInput, match=r"does not cover okta\.reset_password"):
        asked(planned(item(action="okta.reset_password")), way=Way.FREEZE, standing=good)
    with pytest.raises(BadInput, match="3 targets at once, not 4"):
        asked(planned(*map(item, range(4))), way=Way.FREEZE, standing=good)


def test_a_freeze_is_signed_by_anybody_who_might_begin_it_and_is_not_in_it() -> None:
    roster = Roster(people=(ASKER, replace(YES, may_approve=True, may_request=False), replace(NO, may_approve=False), DAN))
    request = replace(asked(way=Way.FREEZE, standing=standing(YES, NO)), barred=("Dan",))
    assert [person.name for person in eligible(request, roster)] == ["Ada", "Cem"]


@pytest.mark.parametrize("way", [Way.BREAK_GLASS, Way.FREEZE])
def test_nobody_alone_acts_on_what_is_protected(way: Way) -> None:
    with pytest.raises(BadInput, match="what is protected takes two people"):
        asked(way=way, standing=standing(YES, NO) if way is Way.FREEZE else None, protected=True)
    assert asked(protected=True).required is Tier.TWO


def test_who_has_no_fit_key_is_told_so() -> None:
    roster = Roster(people=(ASKER, YES, replace(NO, keys=())))
    request = asked(planned(powers=("x",)), roster=roster)
    with pytest.raises(DecisionRefused, match="no public SSH key of yours"):
        check(request, roster, roster.people[2], now=NOON)
    alone = asked(way=Way.BREAK_GLASS)
    with pytest.raises(DecisionRefused, match="not yours to decide"):
        check(alone, ROSTER, YES, now=NOON)
