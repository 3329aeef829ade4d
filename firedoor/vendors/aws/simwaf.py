"""The simulator's AWS WAF: IP sets of the world, what AWS refuses to put into one, and a web door that they are enforced at.

An account of a world may have ``ip_sets``: a list of ``{"name", "id", "scope", "region", "version", "description", "addresses"}``, each but
``id`` and ``name`` optional (REGIONAL, us-east-1, IPV4, none). Left out: web ACLs and rules. Every IP set of the world stands for one that
a blocking rule refers to, in front of one and the same web site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

from firedoor.canonical import JSON
from firedoor.vendors.aws.standings import SimClock
from firedoor.vendors.aws.wire import Call, Refused

_MOST_ENTRIES: Final = 10_000
_VERSIONS: Final = {"IPV4": 4, "IPV6": 6}
_GLOBAL: Final = "CLOUDFRONT"
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


def seed(account: str, plan: JSON) -> None:
    """Write an account's IP sets into moto."""
    from moto.wafv2.models import FakeIPSet  # noqa: PLC0415 - only drills and tests have moto

    for each in plan if isinstance(plan, list) else []:
        scope, region, name = each.get("scope", "REGIONAL"), each.get("region", "us-east-1"), each["name"]
        place = "global" if scope == _GLOBAL else "regional"
        arn = f"arn:aws:wafv2:{region}:{account}:{place}/ipset/{name}/{each['id']}"
        addresses = [str(address) for address in each.get("addresses", [])]
        version, description = each.get("version", "IPV4"), each.get("description", "")
        backend = _backends(account)["global" if scope == _GLOBAL else region]
        backend.ip_sets[arn] = FakeIPSet(arn, each["id"], version, addresses, name, description, scope)


def state(account: str) -> dict[str, JSON]:
    """The account's IP sets as ``region/name`` (``CLOUDFRONT/name``), with their entries in order; nothing where there is none."""
    found: dict[str, JSON] = {}
    for each in _ip_sets(account):
        region = _GLOBAL if each.scope == _GLOBAL else each.arn.split(":")[3]
        found[f"{region}/{each.name}"] = sorted(each.addresses)
    return {"ip_sets": found} if found else {}


def arn(call: Call, account: str, region: str) -> str | None:
    """The ARN of the IP set that a call names, for policies to speak of."""
    if not call.text("Id"):
        return None
    place = "global" if call.text("Scope") == _GLOBAL else "regional"
    return f"arn:aws:wafv2:{region}:{account}:{place}/ipset/{call.text('Name')}/{call.text('Id')}"


def check(call: Call, account: str, region: str) -> None:
    """Raises `Refused` for what AWS refuses and moto takes: entries that are no CIDR of the set's version, bare addresses, bits beyond the
    prefix, /0, too many, and the scope CLOUDFRONT anywhere but in us-east-1.
    """
    if call.text("Scope") == _GLOBAL and region != "us-east-1":
        raise _invalid("SCOPE_VALUE", _GLOBAL)
    if call.operation not in {"CreateIPSet", "UpdateIPSet"}:
        return
    version = call.text("IPAddressVersion") or next(
        (each.ip_address_version for each in _ip_sets(account) if each.ip_set_id == call.text("Id")), ""
    )
    entries = call.parameters.get("Addresses")
    if not isinstance(entries, list):
        raise _invalid("IP_ADDRESS", "null")
    for entry in entries:
        if not _is_cidr(str(entry), _VERSIONS.get(version)):
            raise _invalid("IP_ADDRESS", str(entry))
    if len(entries) > _MOST_ENTRIES:
        raise Refused("WAFLimitsExceededException", 400, f"An IP set holds at most {_MOST_ENTRIES} entries.")


class WebDoor:
    """What a CloudFront distribution or a load balancer does whose web ACL has a rule that blocks the world's IP sets.

    It is as far behind the API as ``lag()`` says, in seconds; changes must be told with `note`.
    """

    def __init__(self, clock: SimClock, lag: Callable[[], float]) -> None:
        self._clock = clock
        self._lag = lag
        self._history: dict[str, list[tuple[datetime, tuple[str, ...]]]] = {}

    def settle(self, account: str) -> None:
        """Take an account's sets as they are now for as they always were."""
        self._keep(account, _BEFORE_ALL)

    def note(self, account: str) -> None:
        """An account's sets may have changed just now."""
        self._keep(account, self._clock.now())

    def shuts_out(self, address: str) -> bool:
        """Whether a request from the address is blocked. Raises `ValueError` where it is no IP address."""
        caller, due = ip_address(address), self._clock.now() - timedelta(seconds=self._lag())
        enforced = [next((entries for since, entries in reversed(known) if since <= due), ()) for known in self._history.values()]
        return any(caller in ip_network(entry, strict=False) for entries in enforced for entry in entries)

    def _keep(self, account: str, since: datetime) -> None:
        entries = tuple(entry for each in _ip_sets(account) for entry in each.addresses)
        self._history.setdefault(account, []).append((since, entries))


def _is_cidr(entry: str, version: int | None) -> bool:
    try:
        network = ip_network(entry)
    except ValueError:
        return False
    return "/" in entry and network.version == version and network.prefixlen > 0


def _invalid(field: str, parameter: str) -> Refused:
    words = f"Error reason: The parameter contains formatting that is not valid., field: {field}, parameter: {parameter}"
    return Refused("WAFInvalidParameterException", 400, words)


def _backends(account: str) -> Mapping[str, Any]:
    from moto.backends import get_backend  # noqa: PLC0415

    backends: Mapping[str, Any] = get_backend("wafv2")[account]
    return backends


def _ip_sets(account: str) -> Iterator[Any]:
    regions: Iterable[Any] = list(_backends(account).values())
    for backend in regions:
        yield from backend.ip_sets.values()
