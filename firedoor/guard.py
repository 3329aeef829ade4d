"""What must not be touched, and how much at once: checked on the plan, before anybody is asked. Pure.

A refusal concerns one item; the others go on. That is deliberate: an attacker who gets a protected name into a plan must not stop the rest.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from firedoor.approval import Roster
from firedoor.model import Target

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

WIDEST: Final = {4: 16, 6: 32}  # the shortest prefix that one order may block: a provider's whole allotment, and no more
# An IPv4 address in IPv6's clothes (RFC 6052, RFC 3056): what it means is to be looked at, and asked for, by itself.
CLOAKS: Final = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))
# Nobody is there: these stand in documents (RFC 5737, RFC 3849), so that exercises can block something.
DOCUMENTATION: Final = tuple(map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepers:
    """Those who can let everybody in again, ``what`` they are and the names of each. At least one must stay out of a plan."""

    what: str
    members: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """``protected`` maps a target name (``okta:user:admin@example.com``) to why; ``limit`` is the most targets of one action in a run.

    ``own_networks`` map the networks that we, our responders among us, come from to whose they are.
    """

    protected: Mapping[str, str]
    roster: Roster
    limit: int
    own_networks: Mapping[Network, str]

    def refusal(self, target: Target) -> str:
        """Why the target may not be touched in an ordinary run; empty where it may."""
        whys = {name.casefold(): why for name, why in self.protected.items()}
        for name in target.names:
            if (why := whys.get(name.casefold())) is not None:
                return f"{target.label} is protected: {why or 'no reason is on record'}"
        if people := self.roster.among(target.names):
            return (
                f"{target.label} is protected: {people[0].name} is on Firedoor's roster, and responders are not contained by one approval"
            )
        return ""

    def lifted(self) -> Guard:
        """The same for a run that names the protected on purpose: two people sign for it. Numbers, networks and the last keeper stay."""
        return replace(self, protected={}, roster=Roster(people=()))

    def excess(self, action: str, targets: Sequence[Target], *, limit: int) -> str:
        """Why an action may not run on so many targets; empty where it may. ``limit`` is the action's own; the smaller one counts."""
        most, many = min(limit, self.limit), len({target.names[0] for target in targets})
        if many <= most:
            return ""
        return f"{action} would touch {many} targets; the limit is {most}. Split the run, or raise the limit by daylight"

    def unblockable(self, target: Target) -> Mapping[str, str]:
        """Those of a target's addresses that must not be shut out, each with why."""
        whys = {address: self._why_not_block(ipaddress.ip_network(address)) for address in target.addresses}
        return {address: why for address, why in whys.items() if why}

    def _why_not_block(self, network: Network) -> str:
        for own, whose in self.own_networks.items():
            if own.version == network.version and own.overlaps(network):
                return f"{network} holds {whose} ({own}), and blocking it would shut ourselves out"
        if network.prefixlen < WIDEST[network.version]:
            return f"{network} is {network.num_addresses} addresses; the widest that is blocked is a /{WIDEST[network.version]}"
        if any(known.version == network.version and known.overlaps(network) for known in CLOAKS):
            return f"{network} stands for IPv4 addresses; name those themselves"
        if any(known.version == network.version and known.supernet_of(network) for known in DOCUMENTATION):  # type: ignore[arg-type]
            return ""
        if not network.is_global or network.is_multicast:
            return f"{network} is private, local or reserved: no attacker comes from there over the Internet, and our own systems may"
        return ""

    def lockout(self, names: Collection[str], keepers: Keepers) -> str:
        """Why a plan that has these target names in it may not touch the keepers; empty where one of them stays."""
        planned = {name.casefold() for name in names}
        if not keepers.members or not all(planned.intersection(map(str.casefold, member)) for member in keepers.members):
            return ""
        return f"it would leave no {keepers.what} who can sign in; leave one of the {len(keepers.members)} out, or make another by daylight"
