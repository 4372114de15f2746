"""What is said of every store that cannot answer, and what its calls come to."""

import asyncio
from uuid import UUID

import pytest

from gateway.stores import Settlement, Store, StoreUnavailable
from tests.contract.conftest import Backend
from tests.support.postgres import own_postgres
from tests.support.store_calls import ask, create, month, report

__all__ = ["own_postgres"]
pytestmark = pytest.mark.anyio


async def test_it_says_so_when_it_can_answer_and_when_it_is_closed(store: Store):
    await store.check()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.check()
    await store.close()


async def test_while_the_server_is_down_every_call_says_so_and_then_it_goes_on(backend: Backend):
    store = backend.store
    key = await create(store)
    asks = [ask(key) for _ in range(20)]
    await asyncio.gather(*(store.authorize(one) for one in asks))
    batch = [Settlement(one.request_id, 1, 1, "reported", key_id=key.id) for one in asks]
    await store.settle(batch[:10])
    backend.kill()
    for call in (
        store.check(),
        store.authorize(ask(key)),
        store.identify(key.hash, None, None),
        store.settle(batch),
        store.sweep([]),
        report(store, key),
    ):
        with pytest.raises(StoreUnavailable, match=backend.away) as caught:
            await call
        assert "\n" not in str(caught.value)
    await backend.restart()
    await store.check()
    assert (await store.authorize(ask(key))).allowed
    await store.settle(batch)
    assert (await month(store, key))[::2] == (40, 20)


async def test_a_server_killed_under_load_and_started_again_loses_and_doubles_nothing(
    backend: Backend,
):
    """Callers go on through two crashes; what could not be settled is sent again, as the outbox
    does. Holds of the last moments may be lost, so settlements name their key."""
    store = backend.store
    key = await create(store)
    answered: dict[UUID, Settlement] = {}
    failures = 0
    stopping = False

    async def caller() -> None:
        nonlocal failures
        while not stopping:
            request = ask(key)
            try:
                verdict = await store.authorize(request)
                assert verdict.allowed
                item = Settlement(request.request_id, 1, 2, "reported", key_id=key.id, model="m")
                answered[request.request_id] = item
                await store.settle([item])
            except StoreUnavailable:
                failures += 1
                await asyncio.sleep(0.001)

    async def more_than(count: int) -> None:
        while len(answered) <= count:
            await asyncio.sleep(0.001)

    callers = [asyncio.create_task(caller()) for _ in range(16)]
    for _ in range(2):
        await more_than(len(answered) + 100)
        before = failures
        backend.kill()
        while failures == before:
            await asyncio.sleep(0.001)
        await backend.restart()
    await more_than(len(answered) + 100)
    stopping = True
    await asyncio.gather(*callers)
    everything = list(answered.values())
    for start in range(0, len(everything), 64):
        await store.settle(everything[start : start + 64])
    assert failures >= 2
    assert (await month(store, key))[::2] == (3 * len(everything), len(everything))
    assert await backend.ledger.logged(key) == (3 * len(everything), len(everything))
