"""The process of the stub: as much of IAM and STS as a sweep of access keys asks for, and no reply takes longer where there are more keys.

It speaks AWS's query protocol, as a real endpoint would: a role in each account, one key a user, users by pages with a marker. What it does
not know it answers with 400 InvalidAction. With a ``rate`` it takes so many requests a second of each account and service (a token bucket
that holds one second's), and refuses the others as AWS does, with 400 Throttling. Standard input is as of `bench.compare.motoworld`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qs

HOME: Final = "999999999999"
FIRST: Final = 100000000000  # the number of the first account
CREATED: Final = "2023-01-10T08:00:00Z"
COLUMNS: Final = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,"
    "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
    "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,"
    "cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
Fields = Mapping[str, str]


class Bucket:
    """A second's worth of requests, refilled all the time."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = time.monotonic()
        self._left, self._at = min(self._rate, self._left + (now - self._at) * self._rate), now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Cloud:
    """So many accounts with their users. ``over`` counts what was refused, ``times`` are the moments of what was answered of IAM.

    The base credentials are of the only account; where there are more, of one beside them, from which a role leads into each.
    """

    def __init__(self, keys: int, accounts: int, rate: float) -> None:
        share, more = divmod(keys, accounts)
        self.active = {_account(one): bytearray(b"\x01" * (share + (one < more))) for one in range(accounts)}
        self.home = _account(0) if accounts == 1 else HOME
        self.counts: Counter[str] = Counter()
        self.over = 0
        self.times: list[float] = []
        self._rate = rate
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._reports = {name: base64.b64encode(_lines(name, len(users)).encode()).decode() for name, users in self.active.items()}
        self._known: Mapping[str, Callable[[str, Fields], str]] = {
            "AssumeRole": self._enter,
            "GetCallerIdentity": self._whoami,
            "ListUsers": self._users,
            "ListAccessKeys": self._keys,
            "UpdateAccessKey": self._update,
            "GenerateCredentialReport": lambda *_: "<State>COMPLETE</State>",
            "GetCredentialReport": self._reported,
        }

    @property
    def roles(self) -> Mapping[str, str]:
        """The role in each account, as Firedoor takes them; none where the base credentials do."""
        return {} if self.home in self.active else {name: f"arn:aws:iam::{name}:role/firedoor" for name in self.active}

    def answer(self, key: str, body: str) -> tuple[int, str]:
        """Status and text for whoever holds that key id."""
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        action = fields.get("Action", "")
        self.counts[action] += 1
        account = _account(_number(key[4:])) if key.startswith("ASIA") else self.home
        service = "sts" if action in ("AssumeRole", "GetCallerIdentity") else "iam"
        if self._rate and not self._buckets.setdefault((service, account), Bucket(self._rate)).take():
            self.over += 1
            return 400, _error("Throttling", "Rate exceeded")
        if self._rate and service == "iam":
            self.times.append(time.monotonic())
        made = self._known.get(action)
        if made is None:
            return 400, _error("InvalidAction", f"no {action} here")
        result = f"<{action}Result>{made(account, fields)}</{action}Result>"
        return 200, f"<{action}Response>{result}<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{action}Response>"

    def _enter(self, _: str, fields: Fields) -> str:
        account = fields["RoleArn"].split(":")[4]
        end = datetime.now(UTC) + timedelta(hours=1)
        key = f"<AccessKeyId>ASIA{_code(int(account) - FIRST)}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        return f"<Credentials>{key}<SessionToken>t</SessionToken><Expiration>{end:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"

    def _whoami(self, account: str, _: Fields) -> str:
        return f"<Arn>arn:aws:iam::{account}:user/ops/firedoor</Arn><UserId>AIDA</UserId><Account>{account}</Account>"

    def _users(self, account: str, fields: Fields) -> str:
        first, many = int(fields.get("Marker", "0")), len(self.active[account])
        last = min(first + int(fields.get("MaxItems", "100")), many)
        users = "".join(
            f"<member><Path>/</Path><UserName>{_user(one)}</UserName><UserId>AIDA{_code(one)}</UserId>"
            f"<Arn>{_arn(account, one)}</Arn><CreateDate>{CREATED}</CreateDate></member>"
            for one in range(first, last)
        )
        more = f"<IsTruncated>true</IsTruncated><Marker>{last}</Marker>" if last < many else "<IsTruncated>false</IsTruncated>"
        return f"<Users>{users}</Users>{more}"

    def _keys(self, account: str, fields: Fields) -> str:
        name = fields["UserName"]
        one = int(name[4:])
        status = "Active" if self.active[account][one] else "Inactive"
        key = f"<AccessKeyId>AKIA{_code((int(account) - FIRST) * 10**6 + one)}</AccessKeyId><Status>{status}</Status>"
        member = f"<member><UserName>{name}</UserName>{key}<CreateDate>{CREATED}</CreateDate></member>"
        return f"<UserName>{name}</UserName><AccessKeyMetadata>{member}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"

    def _update(self, account: str, fields: Fields) -> str:
        self.active[account][int(fields["UserName"][4:])] = fields["Status"] == "Active"
        return ""

    def _reported(self, account: str, _: Fields) -> str:
        report = self._reports[account]
        return f"<Content>{report}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>{self._made}</GeneratedTime>"


def _lines(account: str, users: int) -> str:
    """A credential report."""
    rest = f"true,{CREATED},2023-10-18T09:00:00Z,us-east-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    root = f"<root_account>,arn:aws:iam::{account}:root,{CREATED},not_supported,N/A,not_supported,not_supported,true,{rest}"
    lines = (f"{_user(one)},{_arn(account, one)},{CREATED},false,N/A,N/A,N/A,false,{rest}" for one in range(users))
    return "\n".join((COLUMNS, root, *lines)) + "\n"


def _account(number: int) -> str:
    return str(FIRST + number)


def _user(one: int) -> str:
    return f"svc-{one:06d}"


def _arn(account: str, one: int) -> str:
    return f"arn:aws:iam::{account}:user/{_user(one)}"


def _code(one: int) -> str:
    """Sixteen characters as keys have them."""
    text = ""
    for _ in range(16):
        one, digit = divmod(one, 32)
        text = DIGITS[digit] + text
    return text


def _number(code: str) -> int:
    number = 0
    for one in code:
        number = number * 32 + DIGITS.index(one)
    return number


def _error(code: str, says: str) -> str:
    said = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{says}</Message></Error>"
    return f"<ErrorResponse>{said}<RequestId>0</RequestId></ErrorResponse>"


class Line(asyncio.Protocol):
    """One connection: POST after POST, with a length each, as botocore sends them."""

    def __init__(self, cloud: Callable[[], Cloud]) -> None:
        self._cloud = cloud
        self._come = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._come += data
        while (end := self._come.find(b"\r\n\r\n")) >= 0:
            head = self._come[:end]
            _, _, after = head.lower().partition(b"\r\ncontent-length:")
            _, _, credential = head.partition(b"Credential=")
            whole = end + 4 + int(after.split(b"\r\n", 1)[0] or b"0")
            if len(self._come) < whole:
                return
            body, self._come = self._come[end + 4 : whole], self._come[whole:]
            self._send(*self._cloud().answer(credential.split(b"/", 1)[0].decode(), body.decode()))

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        head = (
            f"HTTP/1.1 {status} X\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: text/xml\r\nx-amzn-RequestId: 0\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


async def serve() -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    cloud = Cloud(0, 1, 0.0)
    server = await loop.create_server(lambda: Line(lambda: cloud), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    while line := await lines.readline():
        told = json.loads(line)
        answer: Mapping[str, Any] = {}
        match told["do"]:
            case "open":
                cloud = Cloud(told["keys"], told.get("accounts", 1), told.get("rate", 0.0))
                answer = {"endpoint": f"http://127.0.0.1:{port}", "roles": cloud.roles}
            case "counts":
                answer = dict(sorted(cloud.counts.items()))
            case "working":
                answer = {"active": sum(map(sum, cloud.active.values()))}
            case "limit":
                answer = {"over": cloud.over, "times": cloud.times}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
