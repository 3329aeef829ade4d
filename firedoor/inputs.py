"""What a playbook's inputs may be, and how a person's text becomes one. Bad text never gets further than here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from firedoor import moments
from firedoor.errors import BadInput, nearest, shown

if TYPE_CHECKING:
    from firedoor.playbook import Playbook

MOST_VALUES = 500
LONGEST_TEXT = 1000


class InputType(StrEnum):
    """The kinds of value a person can give."""

    TEXT = "text"
    MOMENT = "moment"
    NETWORK = "network"
    OKTA_LOGIN = "okta_login"
    OKTA_APP = "okta_app"
    AWS_ACCESS_KEY = "aws_access_key"
    AWS_USER = "aws_user"
    AWS_ROLE = "aws_role"
    AWS_PRINCIPAL = "aws_principal"


def _text(value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise BadInput(f"it has {len(value)} characters; the most is {LONGEST_TEXT}")
    for position, character in enumerate(value, start=1):
        if not character.isprintable():
            raise BadInput(f"character {position} is U+{ord(character):04X}, which cannot be seen", advice="Type it again by hand")
    return value


def _moment(value: str) -> str:
    """A moment in ISO 8601, in UTC. Without a zone it could mean any of a whole day."""
    if (moment := moments.read(value)) is None:
        raise BadInput("that is no moment with a time zone, in ISO 8601", target=shown(value), advice="Write it like 2023-10-18T16:00:00Z")
    if moment > datetime.now(UTC) + timedelta(minutes=5):
        raise BadInput("that moment is yet to come", target=shown(value), advice="Check the date")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checks() -> Mapping[InputType, Callable[[str], str]]:
    from firedoor import addresses  # noqa: PLC0415 - rooms are looked into only when a run begins
    from firedoor.vendors.aws import values as aws  # noqa: PLC0415
    from firedoor.vendors.aws.principals import check_principal_arn  # noqa: PLC0415
    from firedoor.vendors.okta import values as okta  # noqa: PLC0415

    def aws_user(value: str) -> str:
        account, _, name = value.partition("/")
        return f"{aws.check_account(account)}/{aws.check_user_name(name)}"

    def aws_role(value: str) -> str:
        if value.startswith("arn:"):
            return aws.check_role_arn(value)
        account, _, name = value.partition("/")
        return f"{aws.check_account(account)}/{aws.check_role_name(name)}"

    return {
        InputType.TEXT: _text,
        InputType.MOMENT: _moment,
        InputType.NETWORK: addresses.canonical,
        InputType.OKTA_LOGIN: okta.check_login,
        InputType.OKTA_APP: lambda value: okta.check_id(value, kind="app"),
        InputType.AWS_ACCESS_KEY: aws.check_key_id,
        InputType.AWS_USER: aws_user,
        InputType.AWS_ROLE: aws_role,
        InputType.AWS_PRINCIPAL: check_principal_arn,
    }


def pairs(words: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """``key=value`` words into values by key; a repeated key or commas make a list. Raises `BadInput`.

    A word of another form is not repeated in the message: it may be a secret, pasted in the wrong place.
    """
    given: dict[str, list[str]] = {}
    for position, word in enumerate(words, start=1):
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise BadInput(f"input {position} is not of the form key=value", advice="For example: users=ada@example.com")
        given.setdefault(key.strip(), []).extend(part.strip() for part in value.split(","))
    return {key: tuple(values) for key, values in given.items()}


def bind(book: Playbook, given: Mapping[str, Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    """The playbook's inputs, each checked and without repeats. Raises `BadInput` naming what is missing, unknown or malformed."""
    for key in given:
        if key not in book.inputs:
            known = ", ".join(book.inputs)
            raise BadInput(f"{book.playbook} has no input {shown(key)}{nearest(key, book.inputs)}", advice=f"Its inputs are: {known}")
    bound: dict[str, tuple[str, ...]] = {}
    for name, wanted in book.inputs.items():
        values = [value for value in given.get(name, (wanted.default,)) if value]
        if not values and (wanted.required or name in given):
            empty = "is an empty list" if name in given else "is missing"
            raise BadInput(f"the input {name!r} {empty}: {wanted.help}", advice=f"For example: {name}={wanted.example}")
        if not wanted.many and len(values) > 1:
            raise BadInput(f"the input {name!r} takes one value, not {len(values)}", advice="Start one run for each")
        if len(values) > MOST_VALUES:
            raise BadInput(f"the input {name!r} has {len(values)} values; the most is {MOST_VALUES}", advice="Split the run")
        bound[name] = tuple(dict.fromkeys(_checked(name, wanted.type, values)))
    return bound


def _checked(name: str, kind: InputType, values: Sequence[str]) -> Iterator[str]:
    check = _checks()[kind]
    for position, value in enumerate(values, start=1):
        try:
            yield check(value)
        except BadInput as error:
            which = f"value {position} of the input {name!r}"
            raise BadInput(f"{which}: {error.what}", target=error.target, advice=error.advice) from None
