"""The requests in flight as the owner sees them: who asks what, and how far it has come. Nothing of
a prompt, and no key."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gateway.proxy.inflight import InFlight

_SOON = 0.2  # seconds of an answer after which its speed means something


def in_flight_rows(
    in_flight: Iterable[InFlight], labels: Mapping[UUID, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those that run, and those that wait for a slot in their order; each as `RunningRequest` of
    the reference. `labels`: of keys, as far as they are known."""
    running: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for one in in_flight:
        row = _row(one, labels)
        (running if row["place"] is None else waiting).append(row)
    waiting.sort(key=lambda row: row["place"])
    return running, waiting


def _row(one: InFlight, labels: Mapping[UUID, str]) -> dict[str, Any]:
    ticket, verdict, usage = one.ticket, one.verdict, one.usage()
    place = ticket.position() if ticket else 0
    backend = ticket.backend if ticket else None
    key_id = verdict.key_id
    return {
        "id": one.exchange.id,
        "key": {"id": key_id, "name": labels.get(key_id) if key_id else None},
        "visitor": verdict.visitor.id if verdict.visitor else None,
        "route": one.exchange.path,
        "model": one.request.public_model,
        "backend": backend.name if backend else None,
        "stream": one.request.stream,
        "since": iso(one.since),
        "place": place or None,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "tokens_per_second": _speed(one, usage.completion_tokens),
        "ttft_ms": one.ttft_ms,
    }


def _speed(one: InFlight, tokens: int) -> float | None:
    """Tokens a second since the first one came; None: it is too soon to tell."""
    if one.ttft_ms is None:
        return None
    seconds = time.monotonic() - one.exchange.started - one.ttft_ms / 1000
    return round(tokens / seconds, 1) if seconds > _SOON else None


def iso(moment: datetime | None) -> str | None:
    """Such as 2026-11-29T10:00:00.123Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
