"""The check of a Signature Version 4, as AWS documents it in "Create a signed AWS API request"."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from firedoor.vendors.aws.wire import Refused, Request

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w.-]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[\w;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_FIVE_MINUTES: Final = timedelta(minutes=5)
_FIFTEEN_MINUTES: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What an Authorization header claims."""

    key_id: str
    day: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str


def read(request: Request) -> Signed:
    """The claim. Raises `Refused` where the request is not signed, or signed in a way that the simulator does not check."""
    if "X-Amz-Signature=" in request.query:
        raise Refused("NotSimulated", 501, "The simulator does not take presigned URLs.")
    authorization = request.headers.get("authorization", "")
    if not authorization:
        raise Refused("MissingAuthenticationToken", 403, "Request is missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(authorization)
    if not match:
        raise Refused("IncompleteSignature", 400, "The Authorization header is not a complete AWS4-HMAC-SHA256 signature.")
    return Signed(
        key_id=match["key"],
        day=match["day"],
        region=match["region"],
        service=match["service"],
        headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
    )


def check(request: Request, signed: Signed, secret: str, now: datetime) -> None:
    """Raises `Refused` where the signature is not this secret's, or is made at a time too far from ``now``."""
    stamp = request.headers.get("x-amz-date", "")
    try:
        made = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused("IncompleteSignature", 400, "Authorization header requires a valid X-Amz-Date.") from error
    strict = signed.service in {"iam", "sts"}
    if abs(now - made) > (_FIVE_MINUTES if strict else _FIFTEEN_MINUTES):
        code = "SignatureDoesNotMatch" if strict else "RequestExpired"
        raise Refused(code, 403, f"Signature expired or not yet current: {stamp} against {now.strftime(_STAMP)}")
    due = {"host", "x-amz-date"} | ({"x-amz-security-token"} & request.headers.keys())
    if not due <= set(signed.headers) or stamp[:8] != signed.day:
        raise Refused("SignatureDoesNotMatch", 403, "A header that must be signed is not, or the credential is of another day.")
    if not hmac.compare_digest(_signature(request, signed, secret, stamp), signed.signature):
        raise Refused("SignatureDoesNotMatch", 403, "The request signature we calculated does not match the signature you provided.")


def _signature(request: Request, signed: Signed, secret: str, stamp: str) -> str:
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed.headers)
    canonical = "\n".join(
        (
            request.method,
            request.path,
            "&".join(sorted(request.query.split("&"))),
            headers,
            ";".join(signed.headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    scope = f"{signed.day}/{signed.region}/{signed.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (signed.day, signed.region, signed.service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
