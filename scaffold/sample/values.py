"""What Sample's accounts are to Firedoor. Raw replies go no further than here: what is not named is dropped unread."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from firedoor.errors import BadInput, shown
from firedoor.model import Target
from firedoor.vendors.fields import Object, WrongShape, text

_ID: Final = re.compile(r"acc-[a-z0-9]{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAccount(Target):
    """An account. Raises `BadInput` for an id that Sample never gives: it goes into paths."""

    account_id: str
    login: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.account_id):
            raise BadInput(f"{shown(self.account_id)} is no id of an account in Sample")

    @property
    def label(self) -> str:
        """The login."""
        return self.login

    @property
    def names(self) -> tuple[str, ...]:
        """By id and by login: the guard looks for protected names among them."""
        return (f"sample:account:{self.account_id}", f"sample:account:{self.login}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """An account as Sample shows it."""

    id: str
    login: str
    enabled: bool


def account(item: Object) -> AccountRecord:
    """An account in a reply. Raises `WrongShape`."""
    enabled = item.get("enabled")
    if not isinstance(enabled, bool):
        raise WrongShape("enabled is missing or neither true nor false")
    return AccountRecord(id=text(item, "id"), login=text(item, "login"), enabled=enabled)
