"""The simulator's side of AWS's two wire shapes: the query protocol with XML (IAM, STS) and JSON with X-Amz-Target (all others)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4
from xml.sax.saxutils import escape

_NAMESPACES: Final = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}
JSON_SERVICES: Final = frozenset({"identitystore", "organizations", "secretsmanager", "sso-admin", "wafv2"})
_HANDED_OUT: Final = re.compile(rb"<(?:SecretAccessKey|SessionToken)>([^<]+)<")
# JSON services say some things by other names, and with other statuses.
_JSON_CODES: Final = {
    "InvalidClientTokenId": ("UnrecognizedClientException", 400),
    "SignatureDoesNotMatch": ("InvalidSignatureException", 400),
    "ExpiredToken": ("ExpiredTokenException", 400),
    "AccessDenied": ("AccessDeniedException", 400),
    "MissingAuthenticationToken": ("MissingAuthenticationTokenException", 400),
}


class Refused(Exception):
    """The gate says no: AWS's code, the HTTP status and a message."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came over the wire. ``headers`` by lower-case name."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The operation a request asks for. ``parameters`` are those of the query protocol, or the JSON body's."""

    service: str
    operation: str
    json: bool
    parameters: Mapping[str, object] = field(repr=False)

    @property
    def name(self) -> str:
        """The operation as policies name it: ``iam:GetUser``."""
        return f"{self.service}:{self.operation}"

    def text(self, parameter: str) -> str:
        """A parameter that is text; "" where it was not given."""
        value = self.parameters.get(parameter, "")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back. ``code`` is AWS's error code, "" for a success."""

    status: int
    body: bytes = field(repr=False)
    content_type: str
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def understand(request: Request, service: str) -> Call:
    """The call a request makes of a service. Raises `Refused` 501 for protocols that the simulator does not speak."""
    target = request.headers.get("x-amz-target", "")
    if target:
        try:
            parameters = json.loads(request.body or b"{}")
        except ValueError as error:
            raise Refused("SerializationException", 400, "The body is not JSON.") from error
        return Call(service=service, operation=target.rpartition(".")[2], json=True, parameters=parameters)
    fields = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    action = fields.pop("Action", "")
    if request.path != "/" or request.query or not action or service == "ec2":
        raise Refused("NotSimulated", 501, "The simulator speaks the query protocol and JSON with X-Amz-Target, by POST to /.")
    return Call(service=service, operation=action, json=False, parameters=fields)


def form(call: Call) -> bytes:
    """A query call as a body again."""
    version = {"iam": "2010-05-08", "sts": "2011-06-15"}.get(call.service, "")
    fields = {"Action": call.operation, "Version": version, **{name: str(value) for name, value in call.parameters.items()}}
    return urlencode(fields).encode()


def refusal(service: str, refused: Refused, *, as_json: bool) -> Answer:
    """The error as this service words it."""
    if as_json:
        code, status = _JSON_CODES.get(refused.code, (refused.code, refused.status))
        body = json.dumps({"__type": code, "message": refused.message}).encode()
        return Answer(status=status, body=body, content_type="application/x-amz-json-1.1", code=code)
    return Answer(
        status=refused.status,
        body=error_body(service, refused.code, refused.message).encode(),
        content_type="text/xml",
        code=refused.code,
    )


def error_body(service: str, code: str, message: str) -> str:
    """An error as AWS writes it: in JSON, or in XML for a query service."""
    if service in JSON_SERVICES:
        return json.dumps({"__type": code, "message": message})
    return (
        f'<ErrorResponse xmlns="{_NAMESPACES.get(service, "")}"><Error><Type>Sender</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )


def success_body(service: str, operation: str, result: Mapping[str, object] | None = None) -> str:
    """A success of a query service; ``result`` nests plainly."""
    inner = f"<{operation}Result>{_xml(result)}</{operation}Result>" if result is not None else ""
    return (
        f'<{operation}Response xmlns="{_NAMESPACES.get(service, "")}">{inner}'
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></{operation}Response>"
    )


def hollow_body(call: Call) -> str:
    """A success that tells of an effect which there was none of, with all in it that a client could check."""
    match call.name:
        case "wafv2:UpdateIPSet":
            return json.dumps({"NextLockToken": str(uuid4())})
        case "secretsmanager:PutSecretValue":
            return json.dumps({"VersionId": call.text("ClientRequestToken"), "VersionStages": call.parameters.get("VersionStages", [])})
        case "secretsmanager:RotateSecret":
            return json.dumps({"VersionId": call.text("ClientRequestToken")})
        case "secretsmanager:UpdateSecretVersionStage":
            return json.dumps({"ARN": call.text("SecretId")})
        case "iam:CreateAccessKey":
            key = {"AccessKeyId": f"AKIA{'A' * 16}", "SecretAccessKey": secrets.token_hex(20), "Status": "Active"}
            return success_body(call.service, call.operation, {"AccessKey": {"UserName": call.text("UserName"), **key}})
        case _:
            return "{}" if call.json else success_body(call.service, call.operation)


def handed_out(call: Call, answer: Answer) -> set[str]:
    """The secrets that an exchange carried, in either direction."""
    found = {each.decode() for each in _HANDED_OUT.findall(answer.body)}
    return found | ({call.text("SecretString")} - {""})


def _xml(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    return escape(str(value))
