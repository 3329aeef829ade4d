"""Worlds of Sample that nobody wrote down."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from scaffold.sample.values import SampleAccount
from tests.laws.worlds.base import Worlds

TARGET = {"account_id": "acc-1", "login": "ada@acme.example"}


def accounts() -> st.SearchStrategy[dict[str, Any]]:
    """The target's account, on or off, or none; and another one beside it, which must stay as it is."""
    mine = st.fixed_dictionaries({"id": st.just("acc-1"), "login": st.just("ada@acme.example"), "enabled": st.booleans()})
    other = {"id": "acc-2", "login": "bob@acme.example"}
    return st.lists(mine, max_size=1).map(lambda found: {"accounts": [*found, other]})


WORLDS = Worlds(targets={SampleAccount: TARGET}, worlds={SampleAccount: accounts()})
