"""The labels of keys, and what they have used of their month: asked once a minute, or sooner for a
key that is not known yet, and only while somebody scrapes."""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Any

from gateway.stores import Store, StoreUnavailable
from gateway.telemetry.gauges import Gauge

FRESH, SOON = 60.0, 5.0  # seconds; the latter for a key that is not known yet
MOST = 100  # keys whose use is told: those that have used most
_PATIENCE = 5.0  # seconds
_PAGE = 1000


class KeyFigures:
    """`labels`: by id, as far as the store tells them to this gateway."""

    def __init__(self, store: Store) -> None:
        self.labels: dict[str, str] = {}
        self.gauges: list[Gauge] = []
        self._store = store
        self._asked = -FRESH
        self._lock = asyncio.Lock()

    async def look(self, keys: Collection[str]) -> None:
        """Ask anew, if that is due. `keys`: the ids of those that are told. Where the store does
        not answer, or not to this gateway, what was known before stays."""
        async with self._lock:
            known = all(key in self.labels for key in keys)
            if time.monotonic() - self._asked < (FRESH if known else SOON):
                return
            self._asked = time.monotonic()
            try:
                async with asyncio.timeout(_PATIENCE):
                    told = await self._all()
            except (StoreUnavailable, TimeoutError):
                return
            self.labels = {key["id"]: key["label"] for key in told}
            active = [key for key in told if key["is_active"] and key["tokens_used_month"]]
            active.sort(key=lambda key: -key["tokens_used_month"])
            self.gauges = _gauges(active[:MOST])

    async def _all(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = None
        while True:
            asked = {"p_cursor": cursor, "p_limit": _PAGE}
            page = await self._store.admin("list_api_keys", asked)
            found += page["data"]
            cursor = page["next"]
            if cursor is None:
                return found


def _gauges(keys: list[Mapping[str, Any]]) -> list[Gauge]:
    def each(field: str) -> list[tuple[dict[str, str], float]]:
        return [({"key": key["label"], "key_id": key["id"]}, key[field]) for key in keys]

    return [
        Gauge(
            "localllm_key_used_tokens",
            "What a key has used of its month, on all gateways.",
            each("tokens_used_month"),
        ),
        Gauge("localllm_key_limit_tokens", "What it may use a month.", each("monthly_token_limit")),
    ]
