"""The state of this gateway at the moment it is asked, as numbers."""

import asyncio
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from gateway.services import Services

PATIENCE = 5.0  # seconds that the parts have to answer; Prometheus itself waits ten
_VERSION = version("localllm")  # now: it reads the disk
_WORKS = {"ok": 1, "connected": 1, "degraded": 1}
_NONE_OF_OURS = {"off", "external"}  # there is no tunnel, or nothing is known of it


class Gauge(NamedTuple):
    """`values`: labels and a number. `counts`: it only grows."""

    name: str
    text: str
    values: list[tuple[dict[str, str], float]]
    counts: bool = False


async def gauges(services: Services) -> list[Gauge]:
    """All but those of keys."""
    try:
        async with asyncio.timeout(PATIENCE):
            state = await services.health.state()
    except TimeoutError:
        state = None
    waiting, oldest = services.outbox.backlog()
    queued = services.scheduler.queued
    running = services.pipeline.in_flight
    status = services.tunnel.status
    return [
        _one(
            "localllm_info",
            "Which version this is, and where it keeps what it counts.",
            1,
            version=_VERSION,
            store=services.settings.store,
        ),
        Gauge("localllm_up", "Whether a part works: 1, or 0.", _parts(state)),
        _one("localllm_running_requests", "Requests that hold a slot.", len(running) - queued),
        _one("localllm_queued_requests", "Requests that wait for a slot.", queued),
        _one("localllm_queue_limit", "How many may wait.", services.settings.queue_limit),
        _one(
            "localllm_held_tokens",
            "The most that requests in flight can still cost.",
            sum(one.held() for one in running.values()),
        ),
        *_backends(services),
        _follow_ups(services),
        _one("localllm_outbox_waiting", "Ended requests that the database lacks.", waiting),
        _one("localllm_outbox_oldest_seconds", "Age of the oldest of them.", oldest),
        _one(
            "localllm_tunnel_connections",
            "Connections of the tunnel to Cloudflare's edge.",
            status.connections if status else 0,
        ),
    ]


def _one(name: str, text: str, value: float, **labels: str) -> Gauge:
    return Gauge(name, text, [(labels, value)])


def _parts(state: Mapping[str, Any] | None) -> list[tuple[dict[str, str], float]]:
    """As `GET /health` tells them; a store or a model server that does not answer in time is
    down."""
    if state is None:
        return [({"part": "gateway"}, 0)]
    told = {
        "gateway": state["status"],
        "store": state["store"]["state"],
        "model_server": state["ollama"]["state"],
        "outbox": state["outbox"]["state"],
        "tunnel": state["tunnel"]["state"],
    }
    return [
        ({"part": part}, _WORKS.get(one, 0))
        for part, one in told.items()
        if part != "tunnel" or one not in _NONE_OF_OURS
    ]


def _follow_ups(services: Services) -> Gauge:
    known = services.scheduler.conversations
    return Gauge(
        "localllm_follow_ups",
        "Requests that went on with a conversation, by whether its last machine got them.",
        [({"machine": "same"}, known.stayed), ({"machine": "other"}, known.moved)],
        counts=True,
    )


def _backends(services: Services) -> list[Gauge]:
    machines = [({"backend": one.name}, one) for one in services.pool.backends]
    return [
        Gauge(
            "localllm_backend_up",
            "Whether a model server answers.",
            [(labels, float(one.is_up)) for labels, one in machines],
        ),
        Gauge(
            "localllm_slots",
            "Requests that a model server may get at once.",
            [(labels, one.slots) for labels, one in machines],
        ),
        Gauge(
            "localllm_slots_used",
            "Requests that it has now.",
            [(labels, one.in_use) for labels, one in machines],
        ),
        Gauge(
            "localllm_model_swaps",
            "Requests for a model that had to be loaded in place of others.",
            [(labels, one.swaps) for labels, one in machines],
            counts=True,
        ),
        Gauge(
            "localllm_loaded_models",
            "Models in its memory at the last look.",
            [(labels, len(one.loaded.seen)) for labels, one in machines],
        ),
    ]
