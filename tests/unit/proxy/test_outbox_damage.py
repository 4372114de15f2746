"""Damaged files and full disks: no settlement is lost."""

import asyncio
import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.outbox import Outbox
from gateway.proxy.outbox_file import RECORD_SIZE
from gateway.stores import Settlement
from tests.support.outbox import Taker, drain, left, served

pytestmark = pytest.mark.anyio


@given(st.data())
def test_torn_or_damaged_slots_are_passed_over_and_the_others_kept(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("outbox")
    with contextlib.closing(Outbox(folder, Taker())) as outbox:
        ids = [served(outbox, 5) for _ in range(4)]
    path = folder / "000.slots"
    damaged = data.draw(st.integers(0, 3))
    whole = bytearray(path.read_bytes())
    content = whole[damaged * RECORD_SIZE : (damaged + 1) * RECORD_SIZE].rstrip(b"\0")
    at = data.draw(st.integers(0, len(content) - 1))
    torn = data.draw(st.binary(min_size=1, max_size=len(content) - at))
    whole[damaged * RECORD_SIZE + at : damaged * RECORD_SIZE + at + len(torn)] = torn
    shorter = data.draw(st.sampled_from([0, 1, 600, RECORD_SIZE - 1]))  # the last write was cut
    path.write_bytes(bytes(whole[: len(whole) - shorter]))
    found = [request_id for request_id, *_ in asyncio.run(left(folder))]
    gone = {ids[damaged]} | ({ids[3]} if shorter else set())
    assert [one for one in ids if one not in gone] == [one for one in found if one not in gone]
    assert set(found) <= set(ids)


@given(st.binary(max_size=4 * RECORD_SIZE))
def test_a_file_of_any_bytes_is_no_reason_not_to_start(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("outbox")
    (folder / "000.slots").write_bytes(junk)
    taker = Taker()
    with contextlib.closing(Outbox(folder, taker)) as outbox:
        one = served(outbox)
        asyncio.run(drain(outbox))
    assert one in taker.ids()


@contextlib.contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("spare", [0, 1, RECORD_SIZE - 1])
async def test_with_a_full_disk_nothing_new_is_served_and_nothing_reserved_is_lost(
    tmp_path: Path, spare: int
):
    with contextlib.closing(Outbox(tmp_path, Taker())) as outbox:
        entries = [outbox.reserve(Settlement(uuid4(), status="gateway_died")) for _ in range(3)]
        with disk_of(3 * RECORD_SIZE + spare):
            for _ in range(3):  # each time before anything is served
                with pytest.raises(OSError):
                    outbox.reserve(Settlement(uuid4()))
            for tokens, entry in enumerate(entries):
                entry.settlement.completion_tokens = tokens
                entry.settlement.status = "ok"
                entry.commit()
    expected = [(entry.settlement.request_id, tokens, "ok") for tokens, entry in enumerate(entries)]
    assert await left(tmp_path) == expected


async def test_what_the_disk_takes_no_more_is_sent_from_memory(tmp_path: Path):
    taker = Taker()
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        entry = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
        entry.settlement.completion_tokens = 7
        with disk_of(0):  # as on a disk that breaks: even what is reserved cannot be written
            entry.commit()
            await drain(outbox)
    assert taker.taken == [(entry.settlement.request_id, 7, "gateway_died")]


async def test_when_the_store_has_taken_some_a_full_disk_serves_again(tmp_path: Path):
    taker = Taker()
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        first = served(outbox)
        with disk_of(RECORD_SIZE):
            with pytest.raises(OSError):
                outbox.reserve(Settlement(uuid4()))
            await drain(outbox)
            second = served(outbox)
        await drain(outbox)
        third = served(outbox)
        served(outbox)
    assert taker.ids() == [first, second]
    assert third in [request_id for request_id, *_ in await left(tmp_path)]
