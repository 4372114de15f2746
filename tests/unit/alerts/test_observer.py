"""What a gateway sees around it, and from when on it is worth a word."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts import Seen
from gateway.alerts.observer import LOW_DISK, Observer
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.http.failed_keys import FAILURES, FailedKeyLimiter
from gateway.proxy.outbox import Outbox
from gateway.stores import Settlement
from tests.support.fake_upstream import FakeUpstream, fake_upstream
from tests.support.steady_clock import Clock
from tests.unit.http.test_failed_keys import exchange_from
from tunnel import status_file
from tunnel.status_file import TunnelStatus

pytestmark = pytest.mark.anyio


class Scene:
    """An observer and all that it looks at."""

    def __init__(self, folder: Path, *urls: str) -> None:
        self.clock = Clock()
        self.free = 10 * LOW_DISK
        self.folder = folder
        self.failed_keys = FailedKeyLimiter(lambda: False)
        self.outbox = Outbox(folder / "outbox", self.settle)
        self.pool = BackendPool(Settings(ollama_base_url=urls, data_dir=folder))
        self.observer = Observer(
            folder,
            self.pool,
            self.outbox,
            self.failed_keys,
            machine="home",
            clock=self.clock,
            free=lambda _: self.free,
        )

    async def settle(self, batch: Any) -> None:
        pass

    async def see(self, kind: str) -> list[Seen]:
        return [one for one in await self.observer.look() if one.kind == kind]

    async def holds(self, kind: str) -> list[bool]:
        return [one.holds for one in await self.see(kind)]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        yield running


NOBODY = "http://127.0.0.1:1"


@pytest.fixture
async def scene(tmp_path: Path, upstream: FakeUpstream) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path, NOBODY, upstream.url)
    yield scene
    scene.outbox.close()
    await scene.pool.close()


async def test_a_model_server_that_is_down_for_a_minute_is_seen_without_any_request(
    scene: Scene, upstream: FakeUpstream
):
    assert await scene.holds("model_server") == [False]  # the first has only just gone
    scene.clock.now += 59
    assert await scene.holds("model_server") == [False]
    scene.clock.now += 1
    down, up = await scene.see("model_server")
    assert (down.holds, up.holds) == (True, False)
    assert down.about == {"machine": "home", "url": NOBODY}
    assert down.topic == f"model_server home {NOBODY}"  # another machine's is another one
    scene.pool.backends[0].point_to(upstream.url)
    assert await scene.holds("model_server") == [False, False]


@pytest.mark.parametrize(
    ("url", "topic"),
    [
        ("http://nas.invalid:11434", "http://nas.invalid:11434"),
        ("http://100.64.0.7:11434", "http://100.64.0.7:11434"),
        ("http://192.168.1.20:11434", "home http://192.168.1.20:11434"),
        ("http://[fd00::7]:11434", "home http://[fd00::7]:11434"),
        ("http://gpu.local:11434", "home http://gpu.local:11434"),
        ("http://ollama:11434", "home http://ollama:11434"),
    ],
)
async def test_a_server_is_the_same_one_for_all_gateways_if_its_address_is_the_same_everywhere(
    tmp_path: Path, url: str, topic: str
):
    scene = Scene(tmp_path, url)
    (seen,) = [scene.observer._model_server(one) for one in scene.pool.backends]
    assert seen is not None
    assert seen.topic == f"model_server {topic}"
    scene.outbox.close()
    await scene.pool.close()


async def test_a_demo_model_that_stands_in_is_no_server_that_is_down(
    scene: Scene, upstream: FakeUpstream
):
    scene.pool.backends[0].point_to(NOBODY, listed_only=True)
    await scene.see("model_server")
    scene.clock.now += 100
    assert [one.about["url"] for one in await scene.see("model_server")] == [upstream.url]


def tunnel(state: str, pid: int = 0, kind: str = "named") -> TunnelStatus:
    own = pid or os.getpid()
    started = status_file.start_time(own)
    return TunnelStatus(state, 0.0, kind, "llm.example.com", 4, "", "1", own, started)


async def test_a_tunnel_that_does_not_connect_for_a_minute_is_seen(scene: Scene):
    folder = scene.folder / status_file.FOLDER
    folder.mkdir()
    status_file.write(folder, tunnel("connected"))
    assert await scene.holds("tunnel") == [False]
    status_file.write(folder, tunnel("reconnecting"))
    assert await scene.holds("tunnel") == []
    scene.clock.now += 60
    (down,) = await scene.see("tunnel")
    assert down.holds
    assert down.about["hostname"] == "llm.example.com"
    status_file.write(folder, tunnel("connected"))
    assert await scene.holds("tunnel") == [False]


async def test_a_tunnel_whose_process_died_is_down_and_one_that_was_stopped_is_no_matter(
    scene: Scene,
):
    folder = scene.folder / status_file.FOLDER
    folder.mkdir()
    status_file.write(folder, tunnel("connected", pid=2**22 + 1))
    await scene.see("tunnel")
    scene.clock.now += 60
    assert await scene.holds("tunnel") == [True]
    status_file.remove(folder)
    (none,) = await scene.see("tunnel")
    assert (none.holds, none.told) == (False, True)


async def test_a_trial_tunnel_that_is_gone_is_no_matter(scene: Scene):
    folder = scene.folder / status_file.FOLDER
    folder.mkdir()
    status_file.write(folder, tunnel("connected", pid=2**22 + 1, kind="quick"))
    await scene.see("tunnel")
    scene.clock.now += 60
    assert await scene.holds("tunnel") == [False]


async def test_a_disk_is_low_below_a_gigabyte_and_has_room_again_well_above(scene: Scene):
    seen: list[list[bool]] = []
    for free in (LOW_DISK, LOW_DISK - 1, LOW_DISK, int(LOW_DISK * 1.5)):
        scene.free = free
        seen.append(await scene.holds("disk"))
    assert seen == [[], [True], [], [False]]
    scene.free = 7 * 1024**2
    (low,) = await scene.see("disk")
    assert low.about == {"machine": "home", "free_mb": 7}


async def test_an_outbox_that_is_not_emptied_for_five_minutes_is_seen(scene: Scene):
    from uuid import uuid4

    entry = scene.outbox.reserve(Settlement(uuid4()))
    entry.commit()
    assert await scene.holds("outbox") == [False]
    entry.since -= 300
    (seen,) = await scene.see("outbox")
    assert seen.holds
    assert (seen.about["waiting"], seen.about["oldest_seconds"]) == (1, 300)


@pytest.mark.parametrize(("apart", "holds"), [(299, False), (301, True), (-301, True)])
async def test_clocks_five_minutes_apart_are_seen(scene: Scene, apart: int, holds: bool):
    assert await scene.see("clock") == []  # the store has not said
    scene.observer.told_at = datetime(2030, 1, 1, tzinfo=UTC)
    scene.observer.store_time = scene.observer.told_at - timedelta(seconds=apart)
    (seen,) = await scene.see("clock")
    assert (seen.holds, seen.about["seconds"]) == (holds, apart)


async def test_who_has_to_wait_for_guessing_is_seen_once(scene: Scene):
    for number in range(FAILURES + 5):
        scene.failed_keys.note(exchange_from("198.51.100.7"), f"wrong {number}", "invalid_api_key")
    (seen,) = await scene.see("guesses")
    assert seen.about == {"of": "keys", "address": "198.51.100.7"}
    assert await scene.see("guesses") == []


async def test_a_store_that_is_away_is_worth_a_word_after_a_minute(scene: Scene):
    assert scene.observer.store_away(True) is None
    scene.clock.now += 60
    away = scene.observer.store_away(True)
    assert away is not None
    assert away.holds
    back = scene.observer.store_away(False)
    assert back is not None
    assert not back.holds
