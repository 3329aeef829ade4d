"""What makes an `Action` fit for sweeps: it acts on one credential, so a sweep can hand it a credential as a source listed it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from firedoor.inventory import Credential, Disposition
from firedoor.model import Residual, Snapshot, Target

T = TypeVar("T", bound=Target)
S = TypeVar("S", bound=Snapshot)


class Aim(StrEnum):
    """CONTAINMENT shuts at once and closes on nothing less. HYGIENE goes one phase a night, and may end PENDING inside its deadline."""

    CONTAINMENT = "containment"
    HYGIENE = "hygiene"


class Treatment(ABC, Generic[T, S]):
    """Mixed into an action that treats credentials of one type (``aws.access_key``).

    ``ends_as`` is what a credential is once the action's plan for it is empty. ``by_tags``: what to do is written in the holder's tags. An
    action that takes its time plans the changes of the present phase only, and says by `Plan.until` when the next one is due.
    ``serves`` are the aims of sweeps that it is fit for: what only shuts serves containment; what puts something new in its place serves
    hygiene, and containment besides if the old one is shut in the same go. ``leaves`` is what may outlive
    the credentials of the type, in words for many: of a single one `Action.residuals` tells it by name.
    """

    treats: ClassVar[str]
    ends_as: ClassVar[Disposition]
    by_tags: ClassVar[bool] = False
    serves: ClassVar[frozenset[Aim]] = frozenset({Aim.CONTAINMENT})
    leaves: ClassVar[tuple[Residual, ...]] = ()

    @classmethod
    def leaves_of(cls) -> Disposition:
        """Which credentials ``leaves`` concerns: those it is done with; or where it goes by phases, those on their way."""
        return cls.ends_as if Aim.CONTAINMENT in cls.serves else Disposition.PENDING

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
