"""What an operator prepares in AWS by daylight, so that containment at night only adds to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IpSet:
    """A WAFv2 IP set that a blocking rule of a web ACL refers to. ``scope`` is REGIONAL or CLOUDFRONT (whose region is us-east-1),
    ``version`` IPV4 or IPV6: a set holds one of the two.
    """

    account: str
    region: str
    scope: str
    version: str
    name: str
    id: str

    def arn(self, partition: str) -> str:
        """Its ARN in a partition (``aws``), or a pattern of it in any (``*``)."""
        place = "global" if self.scope == "CLOUDFRONT" else "regional"
        return f"arn:{partition}:wafv2:{self.region}:{self.account}:{place}/ipset/{self.name}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPrepared:
    """Nothing, where nothing was prepared.

    ``management_account`` is the organization's, where its policies are kept; ``deny_policy`` the id of a service control policy that
    denies everything to the principals listed in it, ``sso_policy`` of one that does so for the listed Identity Center users. Both are
    attached to the root, and list nobody real to begin with.
    """

    ip_sets: tuple[IpSet, ...] = ()
    management_account: str = ""
    deny_policy: str = ""
    sso_policy: str = ""
