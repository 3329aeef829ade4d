"""Whether what people signed is in force, in plain Python: the part of an evidence pack's verifier that knows how long, and after what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from firedoor.evidence.hashing import Row

# Between the look at an approval and the intent on record: a vendor's clock is asked, the database waited for
GRACE = timedelta(minutes=5)
SIGNERS = 2  # of a standing approval


def lapsed(row: Row, until: str) -> bool:
    """Whether an event was recorded when what it rests on was in force no more."""
    return datetime.fromisoformat(row["at"]) >= datetime.fromisoformat(until) + GRACE


def may(asked: Row, who: str, answer: str, at: str) -> bool:
    """Whether that person might answer that request then, as far as the request tells."""
    if who in asked["barred"]:
        return False
    if answer == "stop":
        return True
    in_time = datetime.fromisoformat(asked["requested"]) <= datetime.fromisoformat(at) < datetime.fromisoformat(asked["expires"])
    alone = {"ordinary": who != asked["requester"], "break-glass": who == asked["requester"]}
    return in_time and alone.get(asked["way"], True)


def stands(asked: Row, order: Row) -> bool:
    """Whether the standing approval that a freeze rests on is its order's, and was in force when it was asked, its signatures apart."""
    given = asked["standing"]
    if given is None or given != order.get("standing") or given["roster"] != asked["roster"]:
        return False
    made, now, until = (datetime.fromisoformat(one) for one in (given["made"], asked["requested"], given["expires"]))
    return made <= now < until


class Stops:
    """Who has stopped a run ``since`` it was last resumed: each stop that holds, with its event."""

    def __init__(self) -> None:
        self.since: list[tuple[Row, Row]] = []
        self.last = ""

    def ended(self, row: Row, by: Row, asked: Row | None, *, drill: bool) -> Iterator[str]:
        """What is wrong with a resumption, which ends them."""
        via, since, last = by.get("via", ""), self.since, self.last
        self.since, self.last = [], row["at"]
        at = datetime.fromisoformat(by["at"]) if via == "terminal" else None
        if at is not None and last and at <= datetime.fromisoformat(last):
            yield f"is {by['by']}'s order to resume, signed before the run was last resumed"
        if at is not None and by.get("expires") is not None and lapsed(row, by["expires"]):
            yield f"is {by['by']}'s order to resume, which had expired"
        for stopped, stop in since:
            if (via == "drill" and drill) or not counts(stop, asked):
                continue
            if at is None:
                yield f"goes on with a run that {stop['by']} had stopped, and nobody signed for that"
            elif at < datetime.fromisoformat(stopped["at"]):
                yield f"goes on with a run on an order signed before {stop['by']} stopped it"


def counts(stop: Row, asked: Row | None) -> bool:
    """Whether a stop still counts, now that this is asked: it may have been made before anything was."""
    return asked is None or (stop["by"] not in asked["barred"] and (not asked["out_of_band"] or stop["proof"].startswith("ssh:")))
