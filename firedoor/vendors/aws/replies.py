"""What AWS and botocore say when a call fails, as Firedoor's errors. AWS's code and the HTTP status decide, never a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from firedoor.errors import (
    BadInput,
    Conflict,
    FiredoorError,
    Forbidden,
    Malformed,
    Misconfigured,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unreachable,
    VendorError,
)
from firedoor.vendors.access import Operation

VENDOR: Final = "aws"
# IAM and STS refuse a signature five minutes off; a clock beyond this explains the refusal.
SKEW_ALLOWED: Final = timedelta(minutes=4, seconds=30)
# Somebody changed the thing since its lock token was read.
LOCK_LOST: Final = "WAFOptimisticLockException"

_UNAUTHORIZED: Final = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_FORBIDDEN: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
_NOT_FOUND: Final = frozenset(
    {
        "AWSOrganizationsNotInUseException",
        "AccountNotFoundException",
        "NoSuchEntity",
        "NoSuchEntityException",
        "PolicyNotFoundException",
        "ResourceNotFoundException",
        "WAFNonexistentItemException",
    }
)
_CONFLICT: Final = frozenset(
    {
        "ConcurrentModification",
        "ConcurrentModificationException",
        "ConstraintViolationException",
        "DeleteConflict",
        "EntityAlreadyExists",
        "EntityTemporarilyUnmodifiable",
        # Of Secrets Manager: "not valid for the current state of the resource".
        "InvalidRequestException",
        "LimitExceeded",
        "LimitExceededException",
        "ResourceExistsException",
        "WAFDuplicateItemException",
        "WAFLimitsExceededException",
        LOCK_LOST,
        "PolicyChangesInProgressException",
    }
)
# Organizations documents its own failure with status 400.
_FAILED: Final = frozenset({"ServiceException"})
_THROTTLED: Final = frozenset(
    {
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The parts of a failed reply that decide: AWS's code, the HTTP status, the headers (lower case)."""

    code: str
    status: int
    headers: Mapping[str, str]


def headers_of(reply: object) -> Mapping[str, str]:
    """The HTTP headers botocore keeps beside a parsed reply, by lower-case name; none where there are none."""
    metadata = reply.get("ResponseMetadata") if isinstance(reply, Mapping) else None
    headers = metadata.get("HTTPHeaders") if isinstance(metadata, Mapping) else None
    return {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}


def status_of(reply: object) -> int:
    """The HTTP status of a reply, whether it says yes or no; 0 where none came."""
    if isinstance(reply, Reply):
        return reply.status
    metadata = reply.get("ResponseMetadata") if isinstance(reply, Mapping) else None
    return int(metadata.get("HTTPStatusCode", 0)) if isinstance(metadata, Mapping) else 0


def is_throttling(reply: Reply) -> bool:
    """Whether AWS says that it was too much."""
    return reply.code in _THROTTLED or reply.status == 429


def refusal(operation: Operation, reply: Reply, *, target: str, skew: timedelta | None) -> VendorError:
    """The error for a reply that says no. ``skew`` is how far this machine's clock is ahead of AWS's, None where unknown."""
    if is_throttling(reply):
        return RateLimited(
            f"{operation.name} was throttled",
            vendor=VENDOR,
            operation=operation.name,
            retry_after=_seconds(reply.headers.get("retry-after", "")),
            status=reply.status,
            code=reply.code,
        )
    kind, says, advice = _kind(reply, operation, skew)
    # A failing server or a detour may hide an effect; a plain refusal has none.
    unknown = operation.writes and (kind is Unavailable or 300 <= reply.status < 400)
    return kind(
        f"{operation.name}: {says}",
        vendor=VENDOR,
        operation=operation.name,
        status=reply.status,
        code=reply.code,
        target=target,
        changed=None if unknown else False,
        advice=advice,
    )


def _kind(reply: Reply, operation: Operation, skew: timedelta | None) -> tuple[type[VendorError], str, str]:  # noqa: PLR0911 - a table to read down
    code, status = reply.code, reply.status
    if code in _UNAUTHORIZED or status == 401:
        return Unauthorized, f"AWS does not accept our credentials ({code})", _clock_advice(skew)
    if code in _FORBIDDEN:
        return Forbidden, f"our role lacks the permission ({code})", f"Allow {operation.permission or operation.name} for the role"
    if code in _NOT_FOUND or status == 404:
        return NotFound, f"AWS has no such thing ({code})", ""
    if code in _CONFLICT or status == 409:
        return Conflict, f"AWS refuses in the present state ({code})", "Look at the target as it is now and plan again"
    if status == 501:
        return Rejected, f"AWS does not offer that ({code})", ""
    if status >= 500 or code in _FAILED:
        return Unavailable, f"AWS failed by its own account ({code or status})", "Try again; see AWS's health page if it stays"
    if 300 <= status < 400:
        return (
            Rejected,
            f"the reply is a detour elsewhere (HTTP {status}), and Firedoor follows none",
            "Look at AWS_ENDPOINT_URL and proxies",
        )
    if status == 403:
        return Forbidden, f"AWS forbids it ({code})", f"Allow {operation.permission or operation.name} for the role"
    return Rejected, f"AWS calls the request wrong ({code or status})", ""


def _clock_advice(skew: timedelta | None) -> str:
    if skew is None or abs(skew) < SKEW_ALLOWED:
        return "Renew the credentials that Firedoor runs with; check that their key is active"
    side = "ahead of" if skew > timedelta() else "behind"
    return f"This machine's clock is {abs(skew).total_seconds():.0f} s {side} AWS's; set it, then run again"


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def malformed(operation: Operation, what: str, *, target: str = "") -> Malformed:
    """A reply that is not what AWS documents. A write may have had its effect."""
    return Malformed(
        f"{operation.name}: {what}",
        vendor=VENDOR,
        operation=operation.name,
        target=target,
        changed=None if operation.writes else False,
        advice="Read the target again",
    )


def silence(operation: Operation, error: Exception, *, target: str) -> FiredoorError:
    """The error for a call that got no reply, or was never made, by botocore's class of failure.

    botocore's own error is not kept as a cause: it may hold the signed request and with it a session token.
    """
    from botocore import exceptions as boto  # noqa: PLC0415 - the catalogue loads without the SDK
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    name = type(error).__name__
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.ProfileNotFound)):
        return no_credentials(name)
    if isinstance(error, (boto.TokenRetrievalError, boto.SSOError, boto.ConfigParseError, boto.NoRegionError)):
        return no_credentials(name)
    if isinstance(error, boto.ParamValidationError):
        return BadInput(f"{operation.name}: botocore refuses the parameters before sending them", target=target)
    if isinstance(error, ResponseParserError):
        return malformed(operation, "the reply cannot be read", target=target)
    # These fail before a byte of the request leaves.
    unsent = isinstance(error, (boto.ConnectTimeoutError, boto.EndpointConnectionError, boto.SSLError, boto.ProxyConnectionError))
    if unsent or isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        return Unreachable(
            f"{operation.name}: no reply from AWS ({name})",
            vendor=VENDOR,
            operation=operation.name,
            target=target,
            changed=None if operation.writes and not unsent else False,
            advice="Look at the network and AWS_ENDPOINT_URL; the target is read again before anything else is done",
        )
    return malformed(operation, f"the SDK failed ({name})", target=target)


def no_credentials(why: str) -> Misconfigured:
    """Botocore's chain found nothing usable."""
    return Misconfigured(
        f"no usable AWS credentials ({why})",
        advice="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached",
    )
