"""The facts about vendors and where they stand, for people and for programs. Pure; what does not hold stands first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.canonical import plain
from firedoor.doctor.sandbox import see
from firedoor.doctor.verifying import Ground, Stand, Standing, Verification
from firedoor.facts import Established

_SHOWS: Final = {True: "shows that it holds", False: "shows that it does not hold", None: "does not tell"}
_HEADS: Final = {Standing.FAILS: "What does not hold", Standing.OPEN: "What is to be established", Standing.HOLDS: "What holds"}
ORDER: Final = (Standing.FAILS, Standing.OPEN, Standing.HOLDS)


def told(found: Verification) -> dict[str, Any]:
    """As plain data."""
    count = Counter(one.standing for one in found.stands)
    return {
        "established": not found.untold and count[Standing.HOLDS] == len(found.stands),
        "counts": {standing.value: count[standing] for standing in ORDER},
        "untold": dict(found.untold),
        "not_set_up": list(found.absent),
        "against": [_ground(one) for one in found.against],
        "facts": [_stand(one) for standing in ORDER for one in found.stands if one.standing is standing],
    }


def _stand(one: Stand) -> dict[str, Any]:
    return {
        "vendor": one.fact.vendor,
        "tenants": list(one.tenants),
        "fact": one.fact.says,
        "digest": one.fact.digest,
        "standing": one.standing.value,
        "units": [_ground(ground) for ground in one.grounds],
        "see": see(one.fact),
        "pages": list(one.fact.pages),
        "said": _said(one.said),
        "elsewhere": _said(one.elsewhere),
        "uncounted": _said(one.uncounted),
        "shown": plain(one.shown),
    }


def _ground(one: Ground) -> dict[str, Any]:
    return {
        "unit": one.unit,
        "commands": list(one.commands),
        "by_hand": one.by_hand,
        "settle_within": one.settle_within,
        "changes": one.measured.changes,
        "held": len(one.measured.seconds),
        "median": one.measured.median,
        "most": one.measured.most,
        "unverified": list(one.measured.unverified),
    }


def _said(one: Established | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"holds": one.holds, "by": one.by, "at": plain(one.at), "tenants": list(one.tenants), "note": one.note}


def exit_code(data: Mapping[str, Any]) -> int:
    """0 where every fact is established and holds, 1 where one does not hold or is yet to be established."""
    return 0 if data["established"] else 1


def markdown(data: Mapping[str, Any]) -> str:
    """As Markdown that also reads well as plain text."""
    lines = [f"# {_headline(data['counts'])}", ""]
    lines += [
        f"- {vendor} does not tell which tenant it is, so its facts are not among these: {why}." for vendor, why in data["untold"].items()
    ]
    lines += [f"- {vendor} is not set up, so its facts are not among these." for vendor in data["not_set_up"]]
    lines += [""] if data["untold"] or data["not_set_up"] else []
    if data["against"]:
        lines += ["## What the journal says against the time that is given", "", *map(_evidence, data["against"]), ""]
    for standing in ORDER:
        chosen = [one for one in data["facts"] if one["standing"] == standing.value]
        if chosen:
            lines += [f"## {_HEADS[standing]}", ""]
            lines += [line for one in chosen for line in _fact(one)] + [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _headline(counts: Mapping[str, int]) -> str:
    fails, open_, _ = (counts[standing] for standing in ORDER)
    total = sum(counts.values())
    if not fails and not open_:
        return f"All {total} facts are established, and hold"
    says = [f"{fails} {'do' if fails > 1 else 'does'} not hold"] if fails else []
    says += [f"{open_} {'are' if open_ > 1 else 'is'} to be established"] if open_ else []
    return f"Of {total} facts, {' and '.join(says)}"


def _fact(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"- {one['vendor']}: {one['fact']}"
    yield from (f"  - {line}" for line in words_on(one))


def words_on(one: Mapping[str, Any]) -> Iterator[str]:
    """All that is known of a fact, a line each."""
    yield f"at {', '.join(one['tenants'])}; {', '.join(unit['unit'] for unit in one['units'])} rest{'s' * (len(one['units']) == 1)} on it"
    if one["said"]:
        yield f"it {_word(one['said'])}"
    if one["shown"]:
        yield f"a look at it {_SHOWS[one['shown']['holds']]}: {one['shown']['says']}"
    if one["uncounted"]:
        yield f"it {_word(one['uncounted'])}; but nobody on today's roster has signed that, so it does not count"
    if one["elsewhere"]:
        yield f"at another tenant ({', '.join(one['elsewhere']['tenants'])}) it {_word(one['elsewhere'])}"
    if one["standing"] != Standing.HOLDS:
        yield from ([one["see"]] if one["see"] else [])
        ways = [way for unit in one["units"] for way in ([f"`{command}`" for command in unit["commands"]] or [unit["by_hand"]])]
        yield from (f"its work is done by {way}" for way in dict.fromkeys(ways))
    yield from (_evidence(unit).removeprefix("- ") for unit in one["units"] if unit["settle_within"] is not None)
    yield from one["pages"] if one["standing"] != Standing.HOLDS else ()


def _word(said: Mapping[str, Any]) -> str:
    note = f": {said['note']}" if said["note"] else ""
    return f"{'holds' if said['holds'] else 'does not hold'}, says {said['by']} ({said['at'][:10]}){note}"


def _evidence(unit: Mapping[str, Any]) -> str:
    """What the journal has of an action, beside the time that it is given."""
    given = f"- {unit['unit']} is given {unit['settle_within']:g} s"
    if not unit["changes"] and not unit["unverified"]:
        return f"{given}; the journal has no change by it"
    says = f"{given}; {unit['changes']} changes are on record"
    if unit["held"]:
        says += f", in {unit['held']} steps, each seen to hold after {unit['most']:g} s at most, {unit['median']:g} s in the median"
    if unit["unverified"]:
        runs = ", ".join(dict.fromkeys(unit["unverified"]))
        says += f"; {len(unit['unverified'])} {'were' if len(unit['unverified']) > 1 else 'was'} not seen to hold in time ({runs})"
    return says
