"""``python -m bench.compare.floor JSON``: the least that a sweep can be, the same calls by boto3 from a pool of threads, and nothing else.

No approval, no record, no guard, no resumption: whoami and the credential report once, then all users, each one's keys, each active key
made inactive, all users and their keys again. One thread is one call after the other. The clock starts once everything is imported.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3
import botocore.config


def sweep(endpoint: str, threads: int) -> Mapping[str, Any]:
    """The whole of it; how many keys were found active at last."""
    config = botocore.config.Config(max_pool_connections=threads, retries={"total_max_attempts": 1})
    session = boto3.Session(aws_access_key_id="AKIAFLOORFLOORFLOOR2", aws_secret_access_key="floor", region_name="us-east-1")  # noqa: S106 - nobody's
    made = partial(session.client, config=config, endpoint_url=endpoint)
    iam, sts = made("iam"), made("sts")
    sts.get_caller_identity()
    while iam.generate_credential_report()["State"] != "COMPLETE":
        time.sleep(0.1)
    iam.get_credential_report()["Content"].decode()

    def shut(user: str) -> int:
        keys = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"] if key["Status"] == "Active"]
        for key in keys:
            iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
        return len(keys)

    def left(user: str) -> int:
        return sum(key["Status"] == "Active" for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"])

    with ThreadPoolExecutor(threads) as pool:
        each: Callable[[Callable[[str], int], Iterable[str]], Iterator[int]] = pool.map if threads > 1 else map
        shut_down = sum(each(shut, _users(iam)))
        return {"shut": shut_down, "left": sum(each(left, _users(iam)))}


def _users(iam: Any) -> list[str]:
    return [user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    began = time.monotonic()
    found = sweep(asked["endpoint"], asked["threads"])
    sys.stdout.write(json.dumps({**found, "seconds": time.monotonic() - began}) + "\n")
