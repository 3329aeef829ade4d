"""Switch an account of Sample off.

Whoever has the account can no longer sign in. Nothing of it is lost: undo switches on again what this run switched off.

It does not end what was minted before: sessions and tokens that are out go on until they expire. An owner's account cannot be switched off;
another owner has to take the ownership first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from scaffold.sample.client import SampleClient
from scaffold.sample.values import SampleAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState(Snapshot):
    """Whether the account is switched on; None where there is none."""

    enabled: bool | None = None


class DisableAccount(Action[SampleAccount, AccountState]):
    """`POST /accounts/{account}/disable`."""

    spec = Spec(
        id="sample.disable_account",
        title="Switch an account of Sample off",
        reads=frozenset({"accounts.read"}),
        writes=frozenset({"accounts.write"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=10.0,
        unestablished=("whether an account that is switched off loses its sessions; it is taken not to",),
        pages=("https://docs.example.com/api/accounts",),
    )
    target = SampleAccount

    def __init__(self, sample: SampleClient) -> None:
        self._sample = sample

    async def clock(self, target: SampleAccount) -> datetime:
        """Sample's."""
        del target
        return await self._sample.now()

    def lease(self, target: SampleAccount) -> str:
        """The account: two who write to it take turns."""
        return f"sample:account:{target.account_id}"

    async def read(self, target: SampleAccount) -> AccountState:
        """All that plan and undo need, and nothing else."""
        try:
            return AccountState(enabled=(await self._sample.account(target.account_id)).enabled)
        except NotFound:
            return AccountState()

    def plan(self, target: SampleAccount, before: AccountState) -> Plan:
        """Pure. What is already so is no change, and says why."""
        match before.enabled:
            case True:
                return Plan(changes=(_change("disable", target, was=True),))
            case False:
                return Plan(reason=f"{target.label} is switched off")
            case None:
                return Plan(reason=f"{target.label} is no longer in Sample")

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One change, one call."""
        account = change.at["account"]
        await (self._sample.enable_account(account) if change.key == "enable" else self._sample.disable_account(account))
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What undo needs: how it was before."""
        return Receipt(change=change.key, at=intent.at, facts={"enabled": change.before["enabled"]})

    def residuals(self, target: SampleAccount, now: AccountState) -> Sequence[Residual]:
        """What may outlive it."""
        if now.enabled is None:
            return ()
        return (
            Residual(
                what=f"sessions of {target.label} in Sample",
                until="they expire",
                closes_by="ending them in Sample's console",
            ),
        )

    def plan_undo(self, target: SampleAccount, receipts: Sequence[Receipt], now: AccountState) -> Plan:
        """Switch on what this run switched off, given the world as it is now."""
        if not any(receipt.facts.get("enabled") is True for receipt in receipts):
            return Plan(reason=f"this run did not switch {target.label} off")
        match now.enabled:
            case False:
                return Plan(changes=(_change("enable", target, was=False),))
            case True:
                return Plan(reason=f"{target.label} is switched on")
            case None:
                return Plan(impossible=f"{target.label} is no longer in Sample; look by hand")


def _change(verb: str, target: SampleAccount, *, was: bool) -> Change:
    return Change(
        key=verb,
        subject=f"sample:account:{target.account_id}",
        says=f"{verb} {target.label} in Sample",
        at={"account": target.account_id},
        before={"enabled": was},
        after={"enabled": not was},
    )
