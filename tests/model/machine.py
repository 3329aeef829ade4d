"""Random worlds, interleavings, troubles and deaths, on the real engine; the ledger says whether each thing that happens was promised."""

from __future__ import annotations

from contextlib import ExitStack

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firedoor.approval import Answer
from firedoor.chain import Chain
from firedoor.journal import Journal
from tests.fakes import NO, YES
from tests.model.house import TROUBLES, UNREADABLE, House, Process, house
from tests.model.pure import SHUT, Ledger

RUNS, UNDOS, AT_ONCE = 3, 2, 3
DOORS = {"a": ("k1", "k2", "k3"), "b": ("k1",)}
PEOPLE = {person.name: person for person in (YES, NO)}
STATUSES = st.sampled_from(["open", "ajar", SHUT])
KEYS = st.sampled_from([(door, key) for door, keys in DOORS.items() for key in keys])
PICKS = st.lists(st.integers(0, 7), min_size=1, max_size=14)
ANSWERS = st.sampled_from([Answer.APPROVE, Answer.APPROVE, Answer.APPROVE, Answer.APPROVE, Answer.DENY, None])
PATIENCE = 6000


class Machine(RuleBasedStateMachine):
    """One world, from its first process to the end of its last."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.house: House

    @initialize(
        doors=st.fixed_dictionaries({door: st.fixed_dictionaries(dict.fromkeys(keys, STATUSES)) for door, keys in DOORS.items()}),
        most=st.integers(0, 2),
    )
    def world(self, doors: dict[str, dict[str, str]], most: int) -> None:
        self.house = self.stack.enter_context(house(doors, most=most))

    @property
    def ledger(self) -> Ledger:
        return self.house.ledger

    def alive(self, pick: int) -> Process:
        return self.house.alive[pick % len(self.house.alive)]

    # --- what happens by itself ---

    @precondition(lambda self: self.house.alive)
    @rule(steps=st.integers(10, 60))
    def go_on(self, steps: int) -> None:
        """So many things happen, each as soon as it can."""
        self.go([0] * steps)

    @precondition(lambda self: self.house.alive)
    @rule(picks=PICKS)
    def go(self, picks: list[int]) -> None:
        """So many things happen, in this order."""
        for pick in picks:
            self.house.loop.go(pick)
            self._answer()

    def _answer(self) -> None:
        """Those who have made up their minds say so as soon as they are asked."""
        for run, answer in list(self.house.answers.items()):
            if answer is not None and self.ledger.runs[run].asked is not None:
                self.house.answers[run] = None
                self.house.decide(run, YES, answer)

    # --- what people do ---

    @precondition(lambda self: len(self.house.alive) < AT_ONCE and len(self.ledger.runs) < RUNS + UNDOS)
    @rule(doors=st.sampled_from([("a",), ("a", "b"), ("b",)]), answer=ANSWERS)
    def contain(self, doors: tuple[str, ...], answer: Answer | None) -> None:
        """A new run."""
        run = f"r{len(self.ledger.runs) + 1}"
        self.house.answers[run] = answer
        self.house.contain(run, doors)

    @precondition(lambda self: self._left() and len(self.house.alive) < AT_ONCE)
    @rule(pick=st.integers(0, RUNS + UNDOS - 1))
    def resume(self, pick: int) -> None:
        """A run that some process left, or one that is over, or that somebody is at."""
        self.house.resume(self._left()[pick % len(self._left())])

    @precondition(lambda self: self._over() and len(self.house.alive) < AT_ONCE and len(self.ledger.runs) < RUNS + UNDOS)
    @rule(pick=st.integers(0, RUNS - 1), answer=ANSWERS)
    def undo(self, pick: int, answer: Answer | None) -> None:
        """A new run that takes one back."""
        undoing = f"u{len(self.ledger.runs) + 1}"
        self.house.answers[undoing] = answer
        self.house.undo(self._over()[pick % len(self._over())], undoing)

    @precondition(lambda self: self.ledger.runs)
    @rule(pick=st.integers(0, RUNS + UNDOS - 1), name=st.sampled_from(sorted(PEOPLE)), answer=st.sampled_from(list(Answer)))
    def decide(self, pick: int, name: str, answer: Answer) -> None:
        """Somebody decides, or stops a run."""
        runs = sorted(self.ledger.runs)
        self.house.decide(runs[pick % len(runs)], PEOPLE[name], answer)

    @rule(keys=st.dictionaries(KEYS, STATUSES, min_size=1))
    def somebody_else(self, keys: dict[tuple[str, str], str]) -> None:
        """Does something to some keys."""
        for key, status in keys.items():
            self.ledger.somebody_else(key, status)

    def _left(self) -> list[str]:
        at_work = [process.run for process in self.house.alive]
        return sorted(self.ledger.runs, key=lambda run: (run in at_work, bool(self.ledger.runs[run].report), run))

    def _over(self) -> list[str]:
        return sorted(name for name, run in self.ledger.runs.items() if run.report)

    # --- what goes wrong ---

    @precondition(lambda self: self.house.alive)
    @rule(pick=st.integers(0, AT_ONCE - 1), how=st.sampled_from(["crash", "crash, long ago", "sleep", "disk full", "database gone"]))
    def process_fails(self, pick: int, how: str) -> None:
        """It dies; or stands still until its turns have run out, and goes on as if nothing had been; or cannot record its next event."""
        process = self.alive(pick)
        if how.startswith("crash"):
            self.house.crash(process)
        if how in {"sleep", "crash, long ago"}:
            self.house.lapse(process)
        process.journal_fails = {"disk full": "before", "database gone": "after"}.get(how, "")

    @rule(
        writes=st.lists(st.sampled_from(sorted(TROUBLES)), max_size=3),
        reads=st.lists(st.sampled_from(sorted(UNREADABLE)), max_size=1),
        clock=st.integers(0, 1),
        lag=st.integers(0, 4),
    )
    def vendor_fails(self, writes: list[str], reads: list[str], clock: int, lag: int) -> None:
        """Its next calls."""
        self.house.troubles.extend(writes)
        self.house.unreadable.extend(UNREADABLE[name] for name in reads)
        self.house.clocks_broken, self.house.lag = clock, lag

    @precondition(lambda self: self.house.alive)
    @rule(seconds=st.sampled_from([1.0, 5.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        """While whoever stands at a gate still stands there."""
        self.house.loop.wait(seconds)

    # --- what must be so ---

    @invariant()
    def kept(self) -> None:
        """Nothing happened that was not promised, and no process came to an end of another kind than it may."""
        assert not self.ledger.broken, self.ledger.broken
        for process in self.house.processes:
            if process.over and not process.dead and process.task is not None:
                process.task.result()

    def teardown(self) -> None:
        """The world becomes quiet, whoever died is replaced, and everything that was approved is done."""
        try:
            if hasattr(self, "house"):
                self._end()
        finally:
            self.stack.close()

    def _end(self) -> None:
        it = self.house
        it.troubles.clear()
        it.unreadable.clear()
        it.stale.clear()
        it.clocks_broken = it.lag = 0
        for process in it.processes:
            process.journal_fails = ""
            if process.dead:
                it.lapse(process)
        self._finish()
        for name in sorted(self.ledger.runs):
            run = self.ledger.runs[name]
            for _ in range(2):  # what the vendor said it did and did not is waited for once, and then written again
                it.resume(name)
                self._finish()
            if run.answer == "approve" and not run.undone and not run.undoes and run.report:
                open_still = {
                    door: outcome for door, outcome in run.ended.items() if outcome not in {"CHANGED", "ALREADY", "STALE", "STOPPED"}
                }
                assert not open_still, f"{name} was approved, nothing is in its way, and {open_still} (its report: {run.report})"
        assert not it.loop.complete(_audit(it)).faults

    def _finish(self) -> None:
        """Everybody in turn, until all have ended."""
        for _ in range(PATIENCE):
            if not self.house.alive:
                break
            self.house.loop.go(0)
            self._answer()
        assert not self.house.alive, "it never ends"
        self.kept()


async def _audit(it: House) -> Chain:
    return await Journal(it.store).audit()
