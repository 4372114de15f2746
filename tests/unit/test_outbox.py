"""What a request came to is on disk before it is sent, and is sent until the store has it."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbox import BATCH, SLOT_SIZE, Outbox
from gateway.stores import Settlement, StoreUnavailable

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds after which something did not happen


class Taker:
    """A store that takes settlements, or fails as often as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[UUID, int, str]]] = []
        self.failures: list[BaseException] = []
        self.tried = 0
        self.during: Callable[[], None] = lambda: None

    async def __call__(self, batch: Sequence[Settlement]) -> None:
        self.tried += 1
        self.during()
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append([(one.request_id, one.completion_tokens, one.status) for one in batch])

    @property
    def taken(self) -> list[tuple[UUID, int, str]]:
        return [one for batch in self.batches for one in batch]

    def ids(self) -> list[UUID]:
        return [request_id for request_id, *_ in self.taken]


def served(outbox: Outbox, tokens: int = 1) -> UUID:
    """One request from its slot to its settlement."""
    slot = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
    slot.settlement.completion_tokens = tokens
    slot.settlement.status = "ok"
    outbox.commit(slot)
    return slot.settlement.request_id


async def drain(outbox: Outbox) -> None:
    sender = asyncio.create_task(outbox.run())
    try:
        assert await outbox.drained(PATIENCE)
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def left(folder: Path) -> list[tuple[UUID, int, str]]:
    """What the next process that starts would send."""
    taker = Taker()
    with contextlib.closing(Outbox(folder, taker)) as outbox:
        await drain(outbox)
    return taker.taken


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
def outbox(tmp_path: Path, taker: Taker) -> Iterator[Outbox]:
    with contextlib.closing(Outbox(tmp_path, taker)) as opened:
        yield opened


class Writer:
    """The process of outbox_writer.py."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("outbox_writer.py")), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.waiting = self.heard()["waiting"]

    def heard(self) -> dict:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def told(self, *lines: str) -> None:
        assert self.process.stdin
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def asked(self, line: str) -> dict:
        self.told(line)
        return self.heard()

    def kill(self) -> list[dict]:
        """What it had said until it died and was not heard yet."""
        assert self.process.stdout
        self.process.kill()
        said = [json.loads(line) for line in self.process.stdout if line.endswith("\n")]
        self.end()
        return said

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.process.wait(PATIENCE)


@contextlib.contextmanager
def writer(folder: Path) -> Iterator[Writer]:
    one = Writer(folder)
    try:
        yield one
    finally:
        one.process.kill()
        one.end()


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
        outbox.discard(outbox.reserve(Settlement(uuid4())))
        kept = served(outbox)
        await drain(outbox)
    assert taker.ids() == [kept]
    assert await left(tmp_path) == []


async def test_what_was_in_flight_is_settled_as_its_last_checkpoint_says(tmp_path: Path):
    with contextlib.closing(Outbox(tmp_path, Taker())) as outbox:
        slot = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
        slot.settlement.completion_tokens = 7
        outbox.checkpoint(slot)
        slot.settlement.completion_tokens = 8  # not written down
        fresh = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
    assert await left(tmp_path) == [
        (slot.settlement.request_id, 7, "gateway_died"),
        (fresh.settlement.request_id, 0, "gateway_died"),
    ]


async def test_slots_are_used_again_so_that_the_file_does_not_grow(outbox: Outbox, tmp_path: Path):
    for _ in range(50):
        served(outbox)
        await drain(outbox)
    outbox.discard(outbox.reserve(Settlement(uuid4())))
    assert (tmp_path / "000.slots").stat().st_size == SLOT_SIZE


async def test_a_reused_slot_keeps_nothing_of_its_longer_predecessor(tmp_path: Path, taker: Taker):
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        outbox.discard(outbox.reserve(Settlement(uuid4(), model="m" * 300)))
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
        model=f"{'h' * 350}/{'n' * 80}/{'m' * 80}:{'t' * 80}:cloud",
        endpoint="/v1/chat/completions",
    )
    with contextlib.closing(Outbox(tmp_path, Taker())) as outbox:
        outbox.reserve(longest)
        outbox.reserve(Settlement(uuid4()))
    assert (await left(tmp_path))[0][0] == longest.request_id
    assert (tmp_path / "000.slots").stat().st_size == 2 * SLOT_SIZE


@given(st.data())
def test_torn_or_damaged_slots_are_passed_over_and_the_others_kept(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("outbox")
    with contextlib.closing(Outbox(folder, Taker())) as outbox:
        ids = [served(outbox, 5) for _ in range(4)]
    path = folder / "000.slots"
    damaged = data.draw(st.integers(0, 3))
    whole = bytearray(path.read_bytes())
    content = whole[damaged * SLOT_SIZE : (damaged + 1) * SLOT_SIZE].rstrip(b"\0")
    at = data.draw(st.integers(0, len(content) - 1))
    torn = data.draw(st.binary(min_size=1, max_size=len(content) - at))
    whole[damaged * SLOT_SIZE + at : damaged * SLOT_SIZE + at + len(torn)] = torn
    shorter = data.draw(st.sampled_from([0, 1, 600, SLOT_SIZE - 1]))  # the last write was cut
    path.write_bytes(bytes(whole[: len(whole) - shorter]))
    found = [request_id for request_id, *_ in asyncio.run(left(folder))]
    gone = {ids[damaged]} | ({ids[3]} if shorter else set())
    assert [one for one in ids if one not in gone] == [one for one in found if one not in gone]
    assert set(found) <= set(ids)


@given(st.binary(max_size=4 * SLOT_SIZE))
def test_a_file_of_any_bytes_is_no_reason_not_to_start(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("outbox")
    (folder / "000.slots").write_bytes(junk)
    taker = Taker()
    with contextlib.closing(Outbox(folder, taker)) as outbox:
        one = served(outbox)
        asyncio.run(drain(outbox))
    assert one in taker.ids()


@pytest.mark.parametrize("after", [0, 1, 7, 40])
async def test_a_killed_process_loses_nothing_that_it_had_committed(tmp_path: Path, after: int):
    with writer(tmp_path) as doomed:
        ids = [uuid4() for _ in range(60)]
        doomed.told(
            *(f"reserve {one}" for one in ids),
            *(f"commit {tokens}" for tokens, _ in enumerate(ids, 1)),
        )
        said = [doomed.heard() for _ in range(len(ids) + after)]
        said += doomed.kill()  # wherever it is by now
    committed = [UUID(one["committed"]) for one in said if "committed" in one]
    assert len(committed) >= after
    found = await left(tmp_path)
    assert [request_id for request_id, *_ in found] == ids  # each once
    state = {request_id: (tokens, status) for request_id, tokens, status in found}
    for number, one in enumerate(ids, 1):
        if one in committed:
            assert state[one] == (number, "ok")
        else:  # it died before, or between the write and the word
            assert state[one] in [(0, "gateway_died"), (number, "ok")]


async def test_two_processes_side_by_side_each_send_their_own(tmp_path: Path):
    with writer(tmp_path) as one, writer(tmp_path) as two:
        ids = [str(uuid4()) for _ in range(2)]
        one.asked(f"reserve {ids[0]}")
        two.asked(f"reserve {ids[1]}")
        assert two.asked("commit 2") == {"committed": ids[1]}
        assert one.asked("commit 1") == {"committed": ids[0]}
        assert one.asked("take") == {"taken": [ids[0]]}
        assert two.asked("take") == {"taken": [ids[1]]}
    assert await left(tmp_path) == []


async def test_a_new_process_adopts_what_dead_ones_left_and_nothing_of_the_living(tmp_path: Path):
    ids = [str(uuid4()) for _ in range(3)]
    with writer(tmp_path) as living, writer(tmp_path) as dead:
        living.asked(f"reserve {ids[0]}")
        dead.asked(f"reserve {ids[1]}")
        dead.asked(f"reserve {ids[2]}")
        dead.asked("commit 5")
        dead.kill()
        with writer(tmp_path) as heir:
            assert heir.waiting == 2
            assert sorted(heir.asked("take")["taken"]) == sorted(ids[1:])
        living.asked("commit 1")
        assert living.asked("take") == {"taken": [ids[0]]}
    assert await left(tmp_path) == []


async def test_the_files_of_several_dead_processes_become_one(tmp_path: Path):
    with writer(tmp_path) as one, writer(tmp_path) as two, writer(tmp_path) as three:
        ids = [uuid4() for _ in range(3)]
        for process, request_id in zip((one, two, three), ids, strict=True):
            process.asked(f"reserve {request_id}")
            process.kill()
    found = await left(tmp_path)
    assert sorted(request_id for request_id, *_ in found) == sorted(ids)
    assert [path.name for path in tmp_path.glob("*.slots")] == ["000.slots"]


async def test_processes_that_start_at_once_do_not_trip_over_an_adopted_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another process may have adopted and removed a file since this one saw it."""
    with writer(tmp_path) as one, writer(tmp_path) as two:
        two.asked(f"reserve {uuid4()}")
        one.kill()
        two.kill()
    listed = list(tmp_path.glob("*.slots"))
    monkeypatch.setattr(Path, "glob", lambda *_: iter([*listed, tmp_path / "002.slots"]))
    with contextlib.closing(Outbox(tmp_path, Taker())) as outbox:
        assert outbox.backlog()[0] == 1


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


@pytest.mark.parametrize("spare", [0, 1, SLOT_SIZE - 1])
async def test_with_a_full_disk_nothing_new_is_served_and_nothing_reserved_is_lost(
    tmp_path: Path, spare: int
):
    with contextlib.closing(Outbox(tmp_path, Taker())) as outbox:
        slots = [outbox.reserve(Settlement(uuid4(), status="gateway_died")) for _ in range(3)]
        with disk_of(3 * SLOT_SIZE + spare):
            for _ in range(3):  # each time before anything is served
                with pytest.raises(OSError):
                    outbox.reserve(Settlement(uuid4()))
            for tokens, slot in enumerate(slots):
                slot.settlement.completion_tokens = tokens
                slot.settlement.status = "ok"
                outbox.commit(slot)
    expected = [(slot.settlement.request_id, tokens, "ok") for tokens, slot in enumerate(slots)]
    assert await left(tmp_path) == expected


async def test_what_the_disk_takes_no_more_is_sent_from_memory(outbox: Outbox, taker: Taker):
    slot = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
    slot.settlement.completion_tokens = 7
    with disk_of(0):  # as on a disk that breaks: even what is reserved cannot be written
        outbox.commit(slot)
        await drain(outbox)
    assert taker.taken == [(slot.settlement.request_id, 7, "gateway_died")]


async def test_when_the_store_has_taken_some_a_full_disk_serves_again(tmp_path: Path):
    taker = Taker()
    with contextlib.closing(Outbox(tmp_path, taker)) as outbox:
        first = served(outbox)
        with disk_of(SLOT_SIZE):
            with pytest.raises(OSError):
                outbox.reserve(Settlement(uuid4()))
            await drain(outbox)
            second = served(outbox)
        await drain(outbox)
        third = served(outbox)
        served(outbox)
    assert taker.ids() == [first, second]
    assert third in [request_id for request_id, *_ in await left(tmp_path)]


async def test_only_the_owner_can_read_it(outbox: Outbox, tmp_path: Path):
    assert (tmp_path / "000.slots").stat().st_mode & 0o077 == 0
