"""Who can read a secret of those whom open incidents concern, as AWS itself decides. Reached as `AwsClient.readers`.

Whatever cannot be told counts as yes. Left out, for AWS has no answer to it: whom somebody can become, by a role they may take on or a
policy that they may write.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from firedoor.errors import BadInput, FiredoorError, NotFound
from firedoor.vendors.aws.calls import Calls
from firedoor.vendors.aws.permits import Decision, Permits
from firedoor.vendors.aws.principals import AwsPrincipal
from firedoor.vendors.aws.resourcepolicy import may_let_in
from firedoor.vendors.aws.secrets import Secrets
from firedoor.vendors.aws.waiting import Reader
from firedoor.vendors.unclosed import Concerned, Unclosed

READ: Final = "secretsmanager:GetSecretValue"
ISSUED: Final = "aws:TokenIssueTime"
# Sessions that are yet to be minted: what revokes those before a time, which may lie ahead, does not reach them.
LATER: Final = timedelta(days=1)
_SOMEBODY: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/.*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    """A reader, it may be. Without a ``principal``, AWS cannot be asked, and the reader says why."""

    reader: Reader
    principal: AwsPrincipal | None = None

    def also(self, run: str) -> _Suspect:
        runs = dict.fromkeys((*self.reader.runs, run))
        return replace(self, reader=replace(self.reader, runs=tuple(runs)))

    def but(self, why: str) -> Reader:
        return replace(self.reader, doubt=why)


class Readers:
    """Asks through an `AwsClient`; ``unclosed`` knows whom open incidents concern."""

    def __init__(self, calls: Calls, permits: Permits, secrets: Secrets, unclosed: Unclosed) -> None:
        self._calls = calls
        self._permits = permits
        self._secrets = secrets
        self._unclosed = unclosed

    async def of(self, secret: str) -> tuple[Reader, ...]:
        """Those who can read the secret of that ARN, or may be able to, each once. AWS is asked nothing where no incident is open.

        Raises `JournalError`.
        """
        found: dict[str, _Suspect] = {}
        for one in await self._unclosed.concerned():
            for name, suspect in _suspects(one):
                found[name] = found[name].also(one.run) if name in found else suspect
        if not found:
            return ()
        try:
            policy = await self._secrets.policy(secret)
        except FiredoorError as error:
            return tuple(each.but(f"the secret's own policy cannot be read: {_words(error)}") for each in found.values())
        answers = await asyncio.gather(*(self._reader(each, secret, policy) for each in found.values()))
        return tuple(one for one in answers if one is not None)

    async def _reader(self, suspect: _Suspect, secret: str, policy: str) -> Reader | None:
        """The reader, if they are one. Between accounts a secret is read by its own policy only, and AWS weighs that for users alone."""
        principal = suspect.principal
        if principal is None:
            return suspect.reader
        named = bool(policy) and may_let_in(policy, principal)
        if principal.account != secret.split(":")[4]:
            return suspect.but("the secret's own policy may let them in from another account") if named else None
        try:
            decisions = await asyncio.gather(*(self._asked(principal, secret, policy, issued=each) for each in _times(principal)))
        except NotFound:
            return suspect.but("AWS has nobody of that name; they may have been renamed")
        except FiredoorError as error:
            return suspect.but(f"AWS did not tell: {_words(error)}")
        why = doubt(decisions, unweighed=named and principal.kind == "role")
        return None if why is None else suspect.but(why)

    async def _asked(self, principal: AwsPrincipal, secret: str, policy: str, *, issued: bool) -> Decision:
        """AWS's decision on a request with a key, or (``issued``) in a session that is yet to be minted."""
        entries = [_entry("aws:RequestedRegion", "string", secret.split(":")[3])]
        if issued:
            entries.append(_entry(ISSUED, "date", f"{self._calls.now() + LATER:%Y-%m-%dT%H:%M:%SZ}"))
        weighed = policy if principal.kind == "user" else ""
        said = await self._permits.decision(principal.account, principal.arn, READ, secret, policy=weighed, context=entries)
        if issued:
            return said
        # A request with a key has no such time. Names of keys are told as the policies write them, in any spelling.
        return replace(said, lacking=frozenset(key for key in said.lacking if key.casefold() != ISSUED.casefold()))


def doubt(decisions: Sequence[Decision], *, unweighed: bool) -> str | None:
    """Why it cannot be told whether somebody can read a secret; "" where they can, None where they cannot. Pure.

    ``unweighed``: the secret's own policy may let them in, and AWS did not look at that.
    """
    if any(one.allowed for one in decisions):
        return ""
    if lacking := frozenset[str]().union(*(one.lacking for one in decisions)):
        return f"it hangs on {', '.join(sorted(lacking))}"
    if any(one.by_organization for one in decisions):
        return "only a policy of the organization refuses it, and AWS does not tell on what conditions"
    if unweighed:
        return "the secret's own policy may let them in, which AWS does not weigh for roles"
    return None


def _times(principal: AwsPrincipal) -> tuple[bool, ...]:
    return (False, True) if principal.kind == "user" else (True,)


def _suspects(one: Concerned) -> Iterator[tuple[str, _Suspect]]:
    """Those whom a target is or belongs to, by name."""
    suspect = _Suspect(reader=Reader(who=one.label, runs=(one.run,) if one.run else ()))
    if one.unread:
        yield f"run:{one.run}", replace(suspect, reader=suspect.but(one.unread))
    for name in one.names:
        arn = name.removeprefix("aws:arn:")
        if name.startswith("aws:sso_user:"):
            yield name, replace(suspect, reader=suspect.but("which roles a person of Identity Center can take on is not looked at"))
        elif arn != name and _SOMEBODY.fullmatch(arn):
            try:
                principal = AwsPrincipal(arn=arn)
            except BadInput as error:
                yield name, replace(suspect, reader=suspect.but(error.what))
            else:
                yield name, _Suspect(reader=replace(suspect.reader, who=principal.label), principal=principal)


def _words(error: FiredoorError) -> str:
    return f"{error.what}, {error.advice}" if error.advice else error.what


def _entry(name: str, kind: str, value: str) -> dict[str, object]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": [value]}
