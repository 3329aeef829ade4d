"""What makes an `Action` fit for sweeps: it acts on one credential, so a sweep can hand it a credential as a source listed it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from firedoor.inventory import Credential, Disposition
from firedoor.model import Snapshot, Target

T = TypeVar("T", bound=Target)
S = TypeVar("S", bound=Snapshot)


class Treatment(ABC, Generic[T, S]):
    """Mixed into an action that treats credentials of one type (``aws.access_key``).

    ``ends_as`` is what a credential is once the action's plan for it is empty. ``by_tags``: what to do is written in the holder's tags. An
    action that takes its time plans the changes of the present phase only, and says by `Plan.until` when the next one is due.
    """

    treats: ClassVar[str]
    ends_as: ClassVar[Disposition]
    by_tags: ClassVar[bool] = False

    @abstractmethod
    def target_of(self, credential: Credential) -> T:
        """The action's target for this credential. Raises `BadInput` where its facts do not suffice, saying what is missing."""

    def seen(self, credential: Credential) -> S | None:
        """What `Action.read` would have found, where the listing shows all of it; None where it must be asked."""
        del credential
        return None

    def made(self, target: T, now: S) -> tuple[str, ...]:
        """The ids of credentials that the action made in the place of this one, as far as the world shows them: they are not swept."""
        del target, now
        return ()
