"""Which tenants of each vendor are set up: what was seen of a vendor was seen at one of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from firedoor.clients import aws_client, aws_line
from firedoor.doctor import aws, jira, okta, slack
from firedoor.settings import Settings
from firedoor.vendors.access import Access

VENDORS: Final = ("aws", "jira", "okta", "slack")


async def tenants(settings: Settings, vendor: str) -> Sequence[str]:
    """Their names, sorted; none where the vendor is not set up.

    AWS is asked for the account of its base credentials, where the settings name no account. Raises `FiredoorError` where it does not tell.
    """
    match vendor:
        case "okta" if okta.is_set_up(settings) and settings.okta_org_url:
            return [urlsplit(settings.okta_org_url).netloc]
        case "jira" if jira.is_set_up(settings) and settings.jira_url:
            return [urlsplit(settings.jira_url).netloc]
        case "slack" if slack.is_set_up(settings) and settings.slack_channel:
            return [f"the workspace of channel {settings.slack_channel}"]
        case "aws" if aws.is_set_up(settings):
            return sorted(_accounts(settings)) or await _own(settings)
        case _:
            return []


def _accounts(settings: Settings) -> frozenset[str]:
    named: Sequence[Mapping[str, str]] = (settings.aws_accounts, settings.aws_preview_accounts, settings.aws_sweep_accounts)
    management = {settings.aws_management_account} - {""}
    return frozenset(management.union(*named))


async def _own(settings: Settings) -> Sequence[str]:
    async with await aws_client(settings, Access.READ, aws_line(settings)) as client:
        return list(client.accounts)
