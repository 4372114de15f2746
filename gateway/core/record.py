"""What one request came to: noted while it is served, and told once, at its end, to who listens.

The log line, the metrics and the spans are made of it, and what the console shows as it happens.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from gateway.core.errors import Refusal
from gateway.core.repeated_log import RepeatedLog

_broken = RepeatedLog(logging.getLogger("localllm"), logging.ERROR)


class Record(Struct, gc=False):
    """One request. Neither a prompt nor a key stands in it; names in it may be hostile.

    `model` is one that a server has or may have, so that strangers cannot make up others; a refusal
    names what was asked for. `status` is that of the request log for what was let through to the
    model; of all else ok, refused, or client_gone where nothing was answered. Times are in
    milliseconds, and None where there was nothing to measure.
    """

    id: UUID
    method: str
    route: str  # the path that was called
    began: float  # by the monotonic clock
    for_model: bool = False  # it asks the model, or pulls one: the request log has its kind
    key_id: UUID | None = None
    visitor: UUID | None = None
    model: str = ""
    backend: str = ""  # the name of the model server; empty if none was asked
    stream: bool = False
    status: str = ""
    http_status: int = 0  # 0: no answer began
    refusal: Refusal | None = None
    usage_source: str = "none"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ttft_ms: int | None = None
    duration_ms: int = -1  # until it has ended
    provider: str = ""  # what kind of server that was: ollama, or openai for another
    stages: list[tuple[str, int]] | None = None  # name, ns since the epoch; None: nobody asks
    traceparent: str = ""  # which the model server is sent; empty: none
    waits: bool = False  # its end is told later: the store's word has not come
    told: bool = False

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def code(self) -> str | None:
        """Of the refusal, as in `error_kinds.KINDS`."""
        return self.refusal.reason if self.refusal else None

    @property
    def time(self) -> datetime:
        """When it came."""
        return datetime.now(UTC) - timedelta(seconds=time.monotonic() - self.began)

    def close(self) -> None:
        """Fill in what nobody noted on the way."""
        if self.duration_ms < 0:
            self.duration_ms = round((time.monotonic() - self.began) * 1000)
        if not self.status:
            failed = self.refusal is not None or self.http_status >= 400
            self.status = "refused" if failed else "ok" if self.http_status else "client_gone"


Listener = Callable[[Record, Mapping[str, Any]], None]
Beginner = Callable[[Record, dict[str, Any]], None]


class Listeners:
    """Whoever is told of each request: called with its record and its ASGI scope, at its end, in
    the event loop, so briefly. Nobody may keep or change either."""

    def __init__(self) -> None:
        self._all: list[Listener] = []
        self._beginners: list[Beginner] = []

    def add(self, listener: Listener, beginner: Beginner | None = None) -> None:
        """`beginner`: called when a request comes, and may keep things in its scope."""
        self._all.append(listener)
        if beginner is not None:
            self._beginners.append(beginner)

    def remove(self, listener: Listener) -> None:
        self._all.remove(listener)

    def begin(self, scope: Any) -> Record | None:
        """The record of a request that has just come; None: nobody would be told."""
        if not self._all:
            return None
        record = Record(scope["request_id"], scope["method"], scope["path"], time.monotonic())
        scope["record"] = record
        scope["listeners"] = self
        for beginner in self._beginners:
            try:
                beginner(record, scope)
            except Exception as problem:
                _broken("a request could not be told: %r", problem)
        return record

    def end(self, scope: Any) -> None:
        """Tell of it, unless its end is told later."""
        record: Record = scope["record"]
        if record.waits or record.told:
            return
        record.told = True
        record.close()
        for listener in tuple(self._all):
            try:
                listener(record, scope)
            except Exception as problem:  # who counts must not break what is counted
                _broken("a request could not be told: %r", problem)
