"""How these tests ask the memory of keys."""

from typing import Any

from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import Settlement, StoreUnavailable
from tests.support.sql.ledger import Key
from tests.support.store_calls import ask

EXPECTED = (True, 20)


def expected(known: VerdictCache, key: Key, **named: Any) -> tuple[bool, int] | None:
    verdict = known.expect(ask(key, **named))
    return (verdict.allowed, verdict.granted) if verdict else None


async def spend_offline(known: VerdictCache, key: Key, used: int) -> list[Settlement]:
    """All that is lent of it, each request using so much."""
    settlements = []
    while True:
        request = ask(key)
        try:
            await known.authorize(request)
        except StoreUnavailable:
            return settlements
        settlement = Settlement(request.request_id, used, 0, "reported", key_id=key.id)
        known.finished(settlement)
        settlements.append(settlement)
