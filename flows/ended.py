"""How a flow or a task that breaks ends: Prefect keeps an exception's words and its whole traceback, and either may quote a secret."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from prefect.client.schemas.objects import State
from prefect.states import Failed

from firedoor.defect import in_words, way
from firedoor.errors import FiredoorError

log = logging.getLogger(__name__)


async def ended(work: Awaitable[State[None]]) -> State[None]:
    """The state that the work ends in; where it raises, a failed one in words that are ours."""
    try:
        return await work
    except FiredoorError as error:
        return Failed(message=str(error))
    except Exception as defect:  # noqa: BLE001 - Prefect would write all of it down
        log.error("%s\n%s", in_words(defect), way(defect))  # noqa: TRY400 - a traceback may quote a secret
        return Failed(message=in_words(defect))
