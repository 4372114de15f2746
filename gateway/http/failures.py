"""What a client is told where the store is away, or something fails that no route has answered."""

import logging

from gateway.core.errors import Refusal
from gateway.core.repeated_log import RepeatedLog
from gateway.stores import StoreUnavailable

_log = logging.getLogger("localllm")
_unasked = RepeatedLog(_log, logging.WARNING)


def store_unavailable(problem: StoreUnavailable) -> Refusal:
    """Nobody can say now whether the key may do that; the owner's log says why."""
    _unasked("the store cannot be asked: %s", problem)
    return Refusal("store_unavailable", retry_after_ms=5000)


def refusal_of(problem: Exception, method: str, path: str) -> Refusal:
    """The store may be away; anything else is ours, and logged."""
    if isinstance(problem, StoreUnavailable):
        return store_unavailable(problem)
    _log.error("%s %s failed", method, path, exc_info=problem)
    return Refusal("internal_error")
