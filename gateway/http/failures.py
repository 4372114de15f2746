"""What a client is told of a failure that no route has answered."""

import logging

from gateway.core.errors import Refusal
from gateway.http.authentication import store_unavailable
from gateway.stores import StoreUnavailable

_log = logging.getLogger("localllm")


def refusal_of(problem: Exception, method: str, path: str) -> Refusal:
    """The store may be away; anything else is ours, and logged."""
    if isinstance(problem, StoreUnavailable):
        return store_unavailable(problem)
    _log.error("%s %s failed", method, path, exc_info=problem)
    return Refusal("internal_error")
