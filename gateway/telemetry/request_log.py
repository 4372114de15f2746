"""One line of the log for each request: with DEBUG, or where LOG_FORMAT is json.

Whoever writes to a terminal or a file that a program reads must not let a stranger end the line, or
colour it: every value that is not plain is written as JSON, in ASCII.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from gateway.config.settings import Settings
from gateway.core import keys
from gateway.core.record import Record
from gateway.http import client_address

LONGEST = 200  # characters of one value
_PLAIN = re.compile(r"[A-Za-z0-9/_.:@+-]+")
_log = logging.getLogger("localllm.requests")


class RequestLog:
    """Call it with each record. Who called is only told with DEBUG: an address is personal."""

    def __init__(self, settings: Settings, has_tunnel: Callable[[], bool]) -> None:
        self._debug = settings.debug
        self._proxies = settings.trusted_proxies
        self._has_tunnel = has_tunnel

    def __call__(self, record: Record, scope: Mapping[str, Any]) -> None:
        told = fields(record)
        if self._debug:
            told |= self._caller(scope)
        _log.info("%s", _Words(told), extra={"request": told})

    def _caller(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        headers = dict(scope["headers"])
        address = client_address.address(
            scope, headers, tunnel=self._has_tunnel(), proxies=self._proxies
        )
        ray = client_address.ray(headers)
        return {"caller": address, **({"ray": ray} if ray else {})}


class _Words:
    """The fields as text, made only if somebody reads it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def __str__(self) -> str:
        told = dict(self._told)
        first = (told.pop("method"), told.pop("route"), told.pop("status"))
        rest = (f"{name}={_word(value)}" for name, value in told.items() if value is not None)
        return " ".join((*map(_word, first), *rest))


def fields(record: Record) -> dict[str, Any]:
    """Those of the request log, and of a refusal its code. What a request to the model has and
    others lack is left out of theirs."""
    told: dict[str, Any] = {
        "id": str(record.id),
        "method": record.method[:LONGEST],
        "route": keys.hide(record.route, LONGEST),
        "status": record.status,
        "http_status": record.http_status,
        "code": record.code,
        "api_key_id": _id(record.key_id),
        "visitor": _id(record.visitor),
        "duration_ms": record.duration_ms,
    }
    if not record.for_model:
        return told
    asked = record.refusal.model if record.refusal else ""
    return told | {
        "model": keys.hide(record.model or asked, LONGEST) or None,
        "backend": record.backend or None,
        "stream": record.stream,
        "usage_source": record.usage_source,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "total_tokens": record.total_tokens,
        "ttft_ms": record.ttft_ms,
    }


def _id(value: object) -> str | None:
    return None if value is None else str(value)


def _word(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
