"""Killed processes, and several at once: no settlement is lost."""

import contextlib
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.proxy.outbox import Outbox
from tests.support.outbox import Taker, left, writer

pytestmark = pytest.mark.anyio


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
