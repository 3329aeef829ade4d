"""What Firedoor promises about a house of doors: a ledger that is told of everything there, and says when a promise is broken.

Pure: it knows no engine, no journal and no vendor. The doors have keys that are open, ajar or shut. Runs shut them; undoing runs make them
again what they were. Other people do what they like. Processes die. The ledger sees all of it, in order, and is asked no questions: each
thing it is told of is either within what was promised, or `Broken`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SHUT = "shut"
GOOD = frozenset({"CHANGED", "ALREADY"})
Key = tuple[str, str]  # of a door


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process was shown of a door, as of when that was true, and under which turn at the door (0: none)."""

    at: int
    of: int
    shown: Mapping[str, str]
    turn: int


@dataclass(slots=True)
class Write:
    """One that was begun: its intent is durable. ``sent``: when it left. ``sure``: what the vendor said of it: done, not done, nothing."""

    who: int
    key: Key
    status: str
    before: str
    at: int
    sent: int = 0
    had_effect: bool = False
    sure: bool | None = None


@dataclass(slots=True)
class Run:
    """One run. ``most`` bounds the class of changes it is asked for besides those named; ``undoes`` is the run it takes back."""

    name: str
    doors: tuple[str, ...]
    most: int = 0
    undoes: str = ""
    asked: Mapping[str, frozenset[str]] | None = None
    answer: str = ""
    stopped: int = 0
    ever_stopped: bool = False
    undone: bool = False
    writes: list[Write] = field(default_factory=list)
    receipts: dict[Key, str] = field(default_factory=dict)  # what each key was before
    readings: dict[str, Reading] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    report: str = ""

    def begun(self, door: str) -> set[str]:
        """The keys of a door that it began to write to."""
        return {write.key[1] for write in self.writes if write.key[0] == door}


@dataclass(slots=True)
class Process:
    """One process, at work on one run. ``turns`` are the fences under which it may write, ``lapsed`` those that ran out while it slept.

    ``called`` and ``looked``: when each of its hands last asked the vendor something, and last began to look whether the run is stopped.
    """

    number: int
    run: str
    turns: dict[str, int] = field(default_factory=dict)
    lapsed: dict[str, int] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    dead: bool = False
    failed_reading: set[str] = field(default_factory=set)
    called: dict[str, int] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Ledger:
    """The whole house: ``doors`` as they truly are, who is at work, and everything that counts of what happened."""

    doors: dict[str, dict[str, str]]
    now: int = 0
    runs: dict[str, Run] = field(default_factory=dict)
    processes: dict[int, Process] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    touched: dict[Key, tuple[int, str]] = field(default_factory=dict)  # when, and by which run ("": somebody else)
    broken: list[str] = field(default_factory=list)  # told again, whoever caught the error

    # --- who is at work ---

    def begins(self, who: int, run: str, doors: Sequence[str] = (), *, most: int = 0, undoes: str = "") -> None:
        """A process takes up a run, a new one or one that another left."""
        if run not in self.runs:
            self.runs[run] = Run(run, tuple(doors), most, undoes)
        self.processes[who] = Process(who, run)

    def dies(self, who: int) -> None:
        """Whatever it held is nobody's."""
        process = self.processes[who]
        process.dead = True
        process.turns.clear()
        process.lapsed.clear()

    def has_turn(self, who: int, door: str, fence: int) -> None:
        """It was granted the door."""
        self._tick()
        for other in self.processes.values():
            self._promise(door not in other.turns or other.number == who, f"two at {door} at once: {other.number} and {who}")
        self._promise(fence > self.fences.get(door, 0), f"the fence at {door} did not grow")
        self.fences[door] = fence
        self.processes[who].turns[door] = fence

    def gives_turn_up(self, who: int, door: str) -> None:
        """By itself."""
        self.processes[who].turns.pop(door, None)
        self.processes[who].lapsed.pop(door, None)

    def loses_turns(self, who: int) -> None:
        """It slept too long: somebody else may come. Where nobody does, they are still its own."""
        process = self.processes[who]
        process.lapsed |= process.turns
        process.turns.clear()

    # --- what people do ---

    def asks(self, run: str, keys: Mapping[str, Sequence[str]], most: Mapping[str, int]) -> None:
        """A request is on record: these keys of each door, and up to so many of each in all. Nothing is asked for that was not seen."""
        one = self.runs[run]
        for door, named in keys.items():
            seen = one.readings.get(door)
            wanted = self._left_to_do(one, door, seen.shown if seen else {})
            self._promise(set(named) <= set(wanted), f"{run} asks for {sorted(set(named) - set(wanted))} of {door}, where nothing is to do")
        self._promise(all(bound == one.most for bound in most.values()), f"{run} asks for a wider class than it has")
        one.asked = {door: frozenset(named) for door, named in keys.items()}

    def decides(self, run: str, answer: str) -> None:
        """Somebody was told that their answer is on record. The first is the last: one approval is enough, and so is one denial."""
        self._promise(not self.runs[run].answer, f"{run} was decided twice")
        self.runs[run].answer = answer

    def stops(self, run: str) -> None:
        """Somebody was told that the run is stopped."""
        self.runs[run].stopped, self.runs[run].ever_stopped = self._tick(), True

    def resumes(self, run: str) -> None:
        """It is on record that it goes on."""
        self.runs[run].stopped = 0
        self.runs[run].report = ""

    def takes_back(self, run: str) -> None:
        """It is on record that another run undoes it: what it did no longer stands."""
        self.runs[run].undone = True

    def somebody_else(self, key: Key, status: str) -> None:
        """Changes a key."""
        self._set(key, status, by="")

    # --- what the processes do ---

    def reads(self, who: int, door: str, shown: Mapping[str, str], *, of: int) -> None:
        """It was shown the door as it truly was at ``of``."""
        process = self.processes[who]
        process.failed_reading.discard(door)
        turn = process.turns.get(door) or process.lapsed.get(door, 0)
        reading = Reading(self._tick(), of, dict(shown), turn)
        process.readings[door] = self.runs[process.run].readings[door] = reading

    def calls(self, who: int, hand: str) -> None:
        """It asked the vendor something, which may have taken long."""
        self.processes[who].called[hand] = self._tick()

    def moment(self) -> int:
        """Now."""
        return self._tick()

    def looks(self, who: int, hand: str, at: int) -> None:
        """It has seen whether its run is stopped, as of ``at`` or later."""
        self.processes[who].looked[hand] = at

    def cannot_read(self, who: int, door: str) -> None:
        """It tried."""
        self.processes[who].failed_reading.add(door)

    def intends(self, who: int, key: Key, status: str, before: str, *, fence: int, hand: str) -> None:
        """Its intent is durable: a write is begun. Everything that must be so before one is, is so now."""
        process = self.processes[who]
        run, door = self.runs[process.run], key[0]
        what = f"process {who}, run {run.name}: {key} to {status}"
        self._promise(process.looked.get(hand, 0) > process.called.get(hand, 0), f"{what}: nobody looked whether the run is stopped")
        self._promise(not run.stopped or run.stopped > process.looked[hand], f"{what}: begun although the run is stopped")
        self._promise(run.answer == "approve", f"{what}: nobody approved ({run.answer or 'no answer'})")
        self._within_approval(run, key, what)
        turn = process.turns.get(door) or process.lapsed.pop(door, 0)
        self._promise(turn == fence == self.fences[door], f"{what}: without a turn at the door")
        process.turns[door] = turn
        reading = process.readings.get(door)
        self._promise(reading and reading.turn == fence, f"{what}: without a look at the door in its turn")
        assert reading is not None
        self._promise(reading.shown.get(key[1]) == before != status, f"{what}: it was shown {reading.shown.get(key[1])}, not {before}")
        last = [write for write in run.writes if write.who == who and write.key == key][-1:]
        self._promise(not last or last[0].sent < reading.at, f"{what}: again, without a look in between")
        if run.undoes:
            was = self.runs[run.undoes].receipts.get(key)
            self._promise(was == status and before == SHUT, f"{what}: no receipt of {run.undoes} says so ({was})")
        else:
            self._promise(status == SHUT, f"{what}: a run that contains opens nothing")
            self._promise(not run.undone, f"{what}: it was undone")
        run.writes.append(Write(who, key, status, before, self._tick()))

    def writes(self, who: int, key: Key, status: str, *, effect: bool, sure: bool | None) -> None:
        """The write reaches the vendor, who does it or not, and says so or not."""
        process = self.processes[who]
        run = self.runs[process.run]
        what = f"process {who}, run {run.name}: {key} to {status}"
        self._promise(not process.dead, f"{what}: by the dead")
        due = [write for write in run.writes if write.who == who and write.key == key and write.status == status and not write.sent]
        self._promise(due, f"{what}: without an intent")
        write = due[-1]
        write.sent, write.had_effect, write.sure = self._tick(), effect, sure
        reading = process.readings[key[0]]
        if self.doors[key[0]][key[1]] == status:
            late = reading.of < reading.at - 1
            self._promise(late or self.touched.get(key, (0, ""))[0] > reading.at, f"{what}: it was so already, and could be seen to be")
        if effect:
            self._set(key, status, by=run.name)

    def keeps(self, who: int, key: Key, before: str, settled: str) -> None:
        """A receipt is durable."""
        run = self.runs[self.processes[who].run]
        mine = [write for write in run.writes if write.key == key]
        what = f"run {run.name}: a receipt for {key} by {settled}"
        self._promise(mine, f"{what}: it never began that")
        if settled == "refusal":
            self._promise(
                not any(write.had_effect and self.touched[key] == (write.sent + 1, run.name) for write in mine), f"{what}: it was ours"
            )
            return
        if settled == "reply":
            self._promise(mine[-1].who == who and mine[-1].sure, f"{what}: there was no reply")
        else:
            lost = any(write.sure is not False or write.who != who for write in mine)  # what the dead were told nobody knows
            self._promise(lost, f"{what}: the vendor refused each time")
        self._promise(before in {write.before for write in mine}, f"{what}: it was not {before} before")
        run.receipts[key] = before

    def ends(self, who: int, door: str, outcome: str, *, changed: Sequence[str], extras: Sequence[str]) -> None:
        """What is on record of a door at the end of its work."""
        process = self.processes[who]
        run = self.runs[process.run]
        what = f"process {who}, run {run.name}, {door}: {outcome}"
        reading = run.readings.get(door)
        shown = reading.shown if reading else {}
        left = self._left_to_do(run, door, shown)
        if outcome in GOOD:
            self._promise(reading is not None and self._as_wanted(run, door, shown), f"{what}, but it saw {dict(shown)}")
            assert reading is not None
            for key, status in self.doors[door].items():
                when, by = self.touched.get((door, key), (0, ""))
                excused = when > reading.of and by != run.name
                self._promise(status == SHUT or run.undoes or excused, f"{what}, but {key} is {status}")
            made = {key for at, key in run.receipts if at == door}
            self._promise((outcome == "CHANGED") == bool(made), f"{what}, but it has receipts for {sorted(made)}")
        if outcome in {"FAILED", "UNVERIFIED", "STALE"}:
            own = process.readings.get(door)
            in_turn = own is not None and own.turn and own.turn == process.turns.get(door, own.turn) == self.fences[door]
            looked = in_turn and door not in process.failed_reading and own is reading and not process.dead
            self._promise(
                not (looked and self._as_wanted(run, door, shown)), f"{what}, but a reading shows that all is done: {dict(shown)}"
            )
        if outcome == "STALE":
            named = (run.asked or {}).get(door, frozenset())
            self._promise(extras and set(extras) <= set(left) - named, f"{what}: {extras} are not all that nobody approved")
        if outcome == "STOPPED":
            self._promise(run.ever_stopped, f"{what}, but nobody stopped it")
        if outcome == "DENIED":
            self._promise(run.answer == "deny", f"{what}, but nobody denied it")
        receipts = {key for at, key in run.receipts if at == door}
        if run.answer == "approve" and outcome not in {"STOPPED"} | {"REFUSED"} | {"DENIED", "EXPIRED"}:
            self._promise(set(changed) == receipts, f"{what}: it tells of {sorted(changed)}, and has receipts for {sorted(receipts)}")
        run.ended[door] = outcome

    def reports(self, who: int, outcome: str, ended: Mapping[str, str]) -> None:
        """The run's report: it says of each door what is on record of it, and nothing that was done is left out."""
        run = self.runs[self.processes[who].run]
        self._promise(dict(ended) == run.ended, f"{run.name} reports {dict(ended)}, and on record is {run.ended}")
        good = all(one in GOOD for one in ended.values())
        self._promise((outcome == "contained") == good, f"{run.name} is {outcome} with {dict(ended)}")
        run.report = outcome
        for key, (_, by) in self.touched.items():
            if by == run.name and run.ended.get(key[0]) in GOOD:
                self._promise(key in run.receipts, f"{run.name} did {key}, and has no receipt of it")

    def refuses(self, who: int) -> None:
        """A process said that it cannot do what it was asked to: it has touched nothing."""
        self._promise(not any(write.who == who for run in self.runs.values() for write in run.writes), f"process {who} refused, and wrote")

    # --- how it is ---

    def _left_to_do(self, run: Run, door: str, shown: Mapping[str, str]) -> list[str]:
        if not run.undoes:
            return [key for key, status in shown.items() if status != SHUT]
        ours = {key for at, key in self.runs[run.undoes].receipts if at == door}
        return [key for key, status in shown.items() if key in ours and status == SHUT]

    def _as_wanted(self, run: Run, door: str, shown: Mapping[str, str]) -> bool:
        """Whether what was shown is what the run is for."""
        if not run.undoes:
            return all(status == SHUT for status in shown.values())
        ours = {key: was for (at, key), was in self.runs[run.undoes].receipts.items() if at == door}
        return all(shown.get(key) == was for key, was in ours.items())

    def _within_approval(self, run: Run, key: Key, what: str) -> None:
        door, name = key
        if name in (run.asked or {}).get(door, ()):
            return
        self._promise(run.most, f"{what}: that was not asked for")
        self._promise(len(run.begun(door) - {name}) < run.most, f"{what}: beyond the bound of {run.most}: {sorted(run.begun(door))}")

    def _promise(self, kept: object, words: str) -> None:
        if not kept:
            self.broken.append(words)
            raise Broken(words)

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def _set(self, key: Key, status: str, *, by: str) -> None:
        self.doors[key[0]][key[1]] = status
        self.touched[key] = (self._tick(), by)
