"""What a request came to is on disk before it is sent, and is sent until the store has it."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.backends.machine_name import LONGEST
from gateway.proxy.outbox import BATCH, Outbox
from gateway.proxy.outbox_file import RECORD_SIZE
from gateway.stores import Settlement, StoreRefused, StoreUnavailable
from tests.support.outbox import PATIENCE, Taker, drain, left, served

pytestmark = pytest.mark.anyio


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
def outbox(tmp_path: Path, taker: Taker) -> Iterator[Outbox]:
    with contextlib.closing(Outbox(tmp_path, taker)) as opened:
        yield opened


async def test_what_is_committed_reaches_the_store_once(outbox: Outbox, taker: Taker):
    ids = [served(outbox, tokens) for tokens in range(200)]
    await drain(outbox)
    assert taker.taken == [(one, tokens, "ok") for tokens, one in enumerate(ids)]
    assert max(map(len, taker.batches)) <= BATCH
    assert outbox.backlog() == (0, 0.0)


async def test_what_the_store_has_taken_is_never_sent_again(tmp_path: Path, taker: Taker):
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        served(outbox)
        await drain(outbox)
    assert await left(tmp_path) == []


async def test_what_is_discarded_is_not_sent(tmp_path: Path, taker: Taker):
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        outbox.reserve(Settlement(uuid4())).discard()
        kept = served(outbox)
        await drain(outbox)
    assert taker.ids() == [kept]
    assert await left(tmp_path) == []


async def test_what_was_in_flight_is_settled_as_its_last_checkpoint_says(tmp_path: Path):
    with contextlib.closing(Outbox(tmp_path, Taker())) as outbox:
        entry = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
        entry.settlement.completion_tokens = 7
        entry.checkpoint()
        entry.settlement.completion_tokens = 8  # not written down
        fresh = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
    assert await left(tmp_path) == [
        (entry.settlement.request_id, 7, "gateway_died"),
        (fresh.settlement.request_id, 0, "gateway_died"),
    ]


async def test_slots_are_used_again_so_that_the_file_does_not_grow(outbox: Outbox, tmp_path: Path):
    for _ in range(50):
        served(outbox)
        await drain(outbox)
    outbox.reserve(Settlement(uuid4())).discard()
    assert (tmp_path / "000.slots").stat().st_size == RECORD_SIZE


async def test_a_reused_slot_keeps_nothing_of_its_longer_predecessor(tmp_path: Path, taker: Taker):
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        outbox.reserve(Settlement(uuid4(), model="m" * 300)).discard()
        last = served(outbox, 3)
    assert await left(tmp_path) == [(last, 3, "ok")]


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), ValueError("odd"), OSError("no")])
async def test_a_failing_store_is_asked_again_until_it_takes_all(
    outbox: Outbox, taker: Taker, failure: Exception
):
    taker.failures = [failure] * 2
    ids = [served(outbox), served(outbox)]
    await drain(outbox)
    assert taker.ids() == ids
    assert taker.tried == 3


async def test_what_comes_while_the_store_is_asked_is_sent_after(outbox: Outbox, taker: Taker):
    late: list[UUID] = []

    def during() -> None:
        if len(late) < 3:
            late.append(served(outbox))

    taker.during = during
    first = served(outbox)
    sender = asyncio.create_task(outbox.run())
    while len(taker.ids()) < 4:
        assert await outbox.drained(PATIENCE)
    sender.cancel()
    assert taker.ids() == [first, *late]


async def test_a_batch_whose_answer_was_lost_is_sent_again(tmp_path: Path, taker: Taker):
    """The store counts it once: settle_requests is idempotent."""
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        one = served(outbox)
        taker.failures = [asyncio.CancelledError()]  # the gateway stops in the middle
        with contextlib.suppress(asyncio.CancelledError):
            await outbox.run()
    assert taker.tried == 1
    assert [request_id for request_id, *_ in await left(tmp_path)] == [one]


async def test_who_waits_for_the_outbox_is_told_when_the_store_does_not_take_it(outbox: Outbox):
    served(outbox)
    assert not await outbox.drained(0.001)  # nobody sends


async def test_the_longest_settlement_fits_into_a_slot(tmp_path: Path):
    longest = Settlement(
        uuid4(),
        prompt_tokens=2**63 - 1,
        completion_tokens=2**63 - 1,
        usage_source="estimated",
        status="upstream_timeout",
        ttft_ms=2**63 - 1,
        duration_ms=2**63 - 1,
        key_id=uuid4(),
        authorized_at=datetime.now(UTC),
        model="m" * 300,  # a name has 200 characters, and what makes it canonical
        endpoint="/v1/audio/transcriptions",
        granted_offline=True,
        visitor=uuid4(),
        pool=uuid4(),
        backend="b" * LONGEST,
    )
    with contextlib.closing(Outbox(tmp_path, Taker())) as outbox:
        outbox.reserve(longest)
        outbox.reserve(Settlement(uuid4()))
    assert (await left(tmp_path))[0][0] == longest.request_id
    assert (tmp_path / "000.slots").stat().st_size == 2 * RECORD_SIZE


async def test_who_is_told_what_the_store_has_taken_is_told_once(tmp_path: Path, taker: Taker):
    told: list[UUID] = []

    def take(taken: Sequence[Settlement]) -> None:
        told.extend(one.request_id for one in taken)

    taker.failures = [StoreUnavailable("away")]
    with contextlib.closing(Outbox(tmp_path, taker, on_taken=take)) as outbox:
        ids = [served(outbox) for _ in range(3)]
        await drain(outbox)
    assert told == ids


async def test_asking_for_nothing_does_not_hurry_the_next(tmp_path: Path):
    taker = Taker()
    with contextlib.closing(Outbox(tmp_path, taker, linger=1000.0)) as outbox:
        sender = asyncio.create_task(outbox.run())
        assert await outbox.drained(PATIENCE)
        served(outbox)
        for _ in range(20):
            await asyncio.sleep(0)
        assert taker.batches == []
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def test_only_the_owner_can_read_it(outbox: Outbox, tmp_path: Path):
    assert (tmp_path / "000.slots").stat().st_mode & 0o077 == 0


@pytest.mark.anyio
async def test_after_an_outage_all_that_waits_goes_in_few_calls(
    outbox: Outbox, taker: Taker, monkeypatch: pytest.MonkeyPatch
):
    """An outage says nothing of any one settlement, however long it lasts."""
    monkeypatch.setattr("gateway.proxy.outbox.PATIENCE", 2)
    ids = [served(outbox) for _ in range(BATCH)]
    taker.failures = [StoreUnavailable("away") for _ in range(5)]
    await drain(outbox)
    assert taker.ids() == ids
    assert [len(batch) for batch in taker.batches] == [BATCH]


async def test_a_request_whose_permission_was_lost_on_the_way_is_settled_with_nothing(
    tmp_path: Path,
):
    taker = Taker()
    outbox = Outbox(tmp_path / "outbox", taker)
    with contextlib.closing(outbox):
        entry = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
        entry.withdraw(unknown=True)
        sending = asyncio.create_task(outbox.run())
        assert await outbox.drained(PATIENCE)
        sending.cancel()
    assert taker.taken == [(entry.settlement.request_id, 0, "refused")]


async def test_a_settlement_that_the_store_refuses_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.proxy.outbox.PATIENCE", 2)
    taken: list[UUID] = []
    all_but_one = asyncio.Event()

    async def settle(batch: Sequence[Settlement]) -> None:
        if any(one.request_id == wrong for one in batch):
            raise StoreRefused("value out of range")
        taken.extend(one.request_id for one in batch)
        if len(taken) == 4:
            all_but_one.set()

    with contextlib.closing(Outbox(tmp_path / "outbox", settle)) as outbox:
        ids = [served(outbox) for _ in range(5)]
        wrong = ids[1]
        sending = asyncio.create_task(outbox.run())
        async with asyncio.timeout(PATIENCE):
            await all_but_one.wait()
        sending.cancel()
        assert set(taken) == set(ids) - {wrong}
        assert outbox.backlog()[0] == 1


async def test_settlements_gather_until_a_batch_is_full_or_somebody_waits_for_them(tmp_path: Path):
    taker = Taker()
    long = 1000.0  # nothing here waits for it
    with contextlib.closing(Outbox(tmp_path, taker, linger=long)) as outbox:
        sender = asyncio.create_task(outbox.run())
        for _ in range(BATCH - 1):
            served(outbox)
        for _ in range(10):
            await asyncio.sleep(0)
        assert taker.batches == []
        served(outbox)
        async with asyncio.timeout(PATIENCE):
            while not taker.batches:
                await asyncio.sleep(0)
        assert [len(batch) for batch in taker.batches] == [BATCH]
        served(outbox)
        assert await outbox.drained(PATIENCE)
        assert [len(batch) for batch in taker.batches] == [BATCH, 1]
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def test_settlements_do_not_gather_for_longer_than_they_may(tmp_path: Path):
    taken = asyncio.Event()

    async def settle(batch: Sequence[Settlement]) -> None:
        taken.set()

    with contextlib.closing(Outbox(tmp_path, settle, linger=0.01)) as outbox:
        sender = asyncio.create_task(outbox.run())
        served(outbox)
        async with asyncio.timeout(PATIENCE):
            await taken.wait()
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def test_what_waits_of_one_key_is_sent_at_once_and_told(tmp_path: Path):
    taker, key, other = Taker(), uuid4(), uuid4()
    with contextlib.closing(Outbox(tmp_path, taker, linger=3600.0)) as outbox:
        running = asyncio.create_task(outbox.run())
        outbox.reserve(Settlement(uuid4(), key_id=key)).commit()
        assert not await outbox.flush(other)
        assert await outbox.flush(key)
        assert outbox.backlog()[0] == 0
        assert not await outbox.flush(key)
        running.cancel()
        await asyncio.wait([running])
