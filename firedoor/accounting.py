"""Account for every credential of a sweep, place by place, and compare what the logs tell with what was listed."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.closing import Closure
from firedoor.defect import in_words
from firedoor.errors import FiredoorError
from firedoor.journal import Journal
from firedoor.named import Named, parted
from firedoor.seenbefore import known, rows_of
from firedoor.source import Sighting, Sightings
from firedoor.sweep import Progress, Unlisted


async def account(journal: Journal, run: str, progress: Progress, closure: Closure, logs: Sequence[Sightings]) -> None:
    """Take in all that the rounds saw. One place is in memory at a time, and of its rows those of one batch."""
    last = max(progress.rounds, default=0)
    closure.unlisted = [one for one in progress.unlisted if one.round == last]
    listed = [one for one in progress.batches.values() if one.round in progress.rounds]
    used = await _used(closure, logs) if listed else {}
    named = Named.of(progress.due if listed else ())
    settled, elsewhere = set[Sighting](), dict[Sighting, str]()
    for one in progress.of_round(last):
        closure.unknown.update(one.unknown)
    for source, place in dict.fromkeys((one.source, one.place) for one in listed):
        batches = [one for one in listed if (one.source, one.place) == (source, place)]
        whole = not any((one.source, one.place) == (source, place) for one in closure.unlisted)
        seen = await known(journal, run, batches)
        for batch in batches:
            for row in await rows_of(journal, run, batch):
                if seen.rows[row.credential].batch == batch.number:
                    meant = named.meant(row.type, row.credential)
                    closure.take(row, seen, listed=batch.round == last, whole=whole, named=meant)
                    settled.update(meant)
                    elsewhere |= dict.fromkeys(named.alike(row.type, row.credential), place)
                    used.pop((row.type, parted(row.credential)[1]), None)
        for name in [name for name in used if name[1] in seen.made]:
            del used[name]
    for due in named.all():
        used.pop((due.type, due.id), None)
        if due not in settled:
            closure.sighted(due, await _exists(logs, due, due=True, elsewhere=elsewhere.get(due, "")), due=True)
    for sighting in used.values():
        closure.sighted(sighting, await _exists(logs, sighting, due=False), due=False)


async def _used(closure: Closure, logs: Sequence[Sightings]) -> dict[tuple[str, str], Sighting]:
    """What the logs tell of credentials of the scope's types, by type and id. A log that cannot be read is left over.

    A log only where everything is in scope: elsewhere, what is not listed may be outside of it.
    """
    found: dict[tuple[str, str], Sighting] = {}
    for log in logs if closure.book.scope.everything else ():
        try:
            found |= {(one.type, one.id): one for one in await log.seen() if one.type in closure.book.treat}
        except Exception as error:  # noqa: BLE001 - a log's failure, a defect too, must not keep the sweep from its report
            closure.unlisted.append(Unlisted(round=0, source="a list of what is used", place=", ".join(log.types), why=_why(error)))
    return found


async def _exists(logs: Sequence[Sightings], one: Sighting, *, due: bool, elsewhere: str = "") -> str:
    """What the vendor says of a credential that no listing shows; what must be accounted for is there until somebody says otherwise.

    ``elsewhere`` is where one of the same id was listed, that is not meant by it.
    """
    if elsewhere:
        return f"one of that id is listed in {elsewhere}, and which of them leaked is to be found out (see {one.by})"
    for log in logs:
        if one.type in log.types:
            try:
                return await log.exists(one)
            except Exception as error:  # noqa: BLE001 - as above
                return f"nobody can tell what it is ({_why(error)})"
    return f"nothing that is swept lists it (see {one.by})" if due else "nobody can tell what it is"


def _why(error: Exception) -> str:
    return error.what if isinstance(error, FiredoorError) else in_words(error)
