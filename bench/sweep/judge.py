"""Whether a sweep did what its reports say, judged by the vendors' own state: by what still works, and by how often they were asked."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any

from bench.sweep.estate import Estate

Told = Mapping[str, Any]


def judged(estate: Estate, found: Told) -> tuple[Mapping[str, Any], list[str]]:
    """The figures, and all that is wrong."""
    first, second, counts, working = found["first"], found["second"], found["counts"], found["working"]
    traps = _traps(estate, found)
    refused = counts["aws_refused"] + counts["okta_refused"]
    figures = {
        "credentials": first["in_scope"],
        "closed": second["outcome"] == "closed",
        "left_over": second["left_over"],
        "left_over_first": first["left_over"],
        "over_limit": counts["okta_over"] + counts["aws_refused"],
        "refused": refused,
        "fullest_window": round(counts["fullest"], 3),
        "traps": len(traps),
        "traps_found": sum(traps.values()),
        "seconds": sum(found["seconds"]),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "requests": sum(counts["aws"].values()) + sum(counts["okta"].values()),
        "seconds_of_each": found["seconds"],
    }
    wrong = [f"trap not found: {name}" for name, there in traps.items() if not there]
    wrong += [f"keys still work: {', '.join(working['aws'][:5])}"] if working["aws"] else []
    wrong += [f"tokens still work: {', '.join(left)}"] if (left := sorted(set(working["tokens"]) - set(estate.own_tokens))) else []
    old = sorted(set(working["client_secrets"]) & set(estate.client_secrets))
    wrong += [f"client secrets still work: {', '.join(old[:5])}"] if old else []
    wrong += [] if second["outcome"] == "closed" and not second["left_over"] else [f"the second run is not closed: {second['open'][:3]}"]
    wrong += [] if first["outcome"] == "partial" and first["left_over"] == estate.places_shut else [f"the first run: {first['open'][:5]}"]
    wrong += [f"over the limit {figures['over_limit']} times, refused {refused}"] if figures["over_limit"] or refused else []
    return figures, wrong


def _traps(estate: Estate, found: Told) -> dict[str, bool]:
    first, counts, working = found["first"], found["counts"], found["working"]
    said = " ".join(one["says"] for one in first["findings"])
    open_ = " ".join(one["id"] for one in first["open"])
    return {
        "a key that was never used": estate.never_used not in working["aws"],
        "a token whose owner was deactivated": estate.orphan not in working["tokens"],
        "a key made during the sweep": counts["planted"] in said and counts["planted"] not in working["aws"],
        "a key that is in logs and in no listing": estate.logged in said,
        "an account that cannot be entered": estate.shut in open_,
    }
