"""The sides that sweep: Firedoor, a bare script, and Cloud Custodian."""

from __future__ import annotations

from typing import Final

from bench.sides import Side, of_module
from firedoor.errors import FiredoorError
from firedoor.settings import ROOT

CUSTODIAN: Final = ROOT / ".venv-c7n" / "bin" / "python"


def ours() -> Side:
    """Firedoor's whole sweep."""
    return of_module("Firedoor", "bench.compare.ours")


def floor(threads: int) -> Side:
    """The bare script."""
    name = f"a script with {threads} threads" if threads > 1 else "a script, one call after the other"
    return of_module(name, "bench.compare.floor", threads=threads)


def custodian() -> Side:
    """Cloud Custodian."""
    if not CUSTODIAN.exists():
        raise FiredoorError(f"Cloud Custodian is not in {CUSTODIAN}", advice="Run `make bench-sweep`, which puts it there")
    return Side(name="Cloud Custodian", command=(str(CUSTODIAN), "bench/compare/custodian.py"))
