"""What a gateway knows of the presets: never older than ten seconds, and kept while the store is
away."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.proxy import presets as module
from gateway.proxy.presets import Presets
from gateway.stores import StoreUnavailable

pytestmark = pytest.mark.anyio


class Clock:
    """Instead of the machine's."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class FakeStore:
    """It has presets by name, with the text of each; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.texts = {"a": "one", "b": "two"}
        self.away = False
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert function == "current_presets"
        known = arguments["p_known"]
        self.asked.append(list(known))
        if self.away:
            raise StoreUnavailable("away")
        rows = [_row(name, text) for name, text in self.texts.items()]
        await self.gate.wait()
        return {
            "revisions": [row["revision"] for row in rows],
            "changed": [row for row in rows if row["revision"] not in known],
        }


def _row(name: str, text: str) -> dict[str, Any]:
    return {
        **{"name": name, "version": 1, "model": "m", "system": text, "parameters": {}},
        **{"variables": {}, "locked": False, "template": None, "revision": f"{name} {text}"},
        **{"created_at": "2030-01-01T00:00:00Z", "updated_at": "2030-01-01T00:00:00Z"},
    }


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def presets(store: FakeStore, clock: Clock) -> Presets:
    asked: Any = store
    return Presets(asked, grace=300)


async def systems(presets: Presets) -> dict[str, str]:
    return {name: one.system for name, one in (await presets.read()).items()}


async def test_they_are_read_once_for_many_and_again_after_ten_seconds(
    presets: Presets, store: FakeStore, clock: Clock
):
    assert presets.known() is None
    wanted = {"@preset/a": "one", "@preset/b": "two"}
    assert await asyncio.gather(*(systems(presets) for _ in range(5))) == [wanted] * 5
    assert store.asked == [[]]
    clock.now += 10
    assert presets.known() is not None
    clock.now += 0.1
    assert presets.known() is None


async def test_what_changed_is_sent_and_what_is_gone_is_forgotten(
    presets: Presets, store: FakeStore, clock: Clock
):
    await presets.read()
    store.texts = {"b": "three", "c": "four"}
    clock.now += 11
    assert await systems(presets) == {"@preset/b": "three", "@preset/c": "four"}
    assert store.asked[1] == ["a one", "b two"]


async def test_one_in_use_is_read_again_before_somebody_has_to_wait(
    presets: Presets, store: FakeStore, clock: Clock
):
    await presets.read()
    clock.now += 4
    presets.used()
    assert len(store.asked) == 1
    clock.now += 2
    presets.used()
    await asyncio.sleep(0)
    assert len(store.asked) == 2
    await presets.close()


async def test_a_change_through_this_gateway_counts_at_once(
    presets: Presets, store: FakeStore, clock: Clock
):
    await presets.read()
    store.texts["a"] = "changed"
    clock.now += 0.1
    presets.changed()
    clock.now += 0.1
    assert (await systems(presets))["@preset/a"] == "changed"


async def test_a_reading_that_began_before_a_change_is_not_enough(
    presets: Presets, store: FakeStore, clock: Clock
):
    store.gate.clear()
    waiting = asyncio.create_task(systems(presets))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(store.asked) == 1  # and it has looked already
    store.texts["a"] = "changed"
    clock.now += 0.1
    presets.changed()
    clock.now += 0.1
    store.gate.set()
    assert (await waiting)["@preset/a"] == "changed"


async def test_while_the_store_is_away_the_old_ones_do_for_the_grace(
    presets: Presets, store: FakeStore, clock: Clock
):
    await presets.read()
    store.away = True
    clock.now += 200
    assert (await systems(presets))["@preset/a"] == "one"
    assert presets.known() is not None  # nobody else waits for it in the next moment
    clock.now += 101
    with pytest.raises(StoreUnavailable):
        await presets.read()
    store.away = False
    clock.now += 3
    assert (await systems(presets))["@preset/a"] == "one"


async def test_without_old_ones_a_store_that_is_away_is_said(presets: Presets, store: FakeStore):
    store.away = True
    with pytest.raises(StoreUnavailable):
        await presets.read()


async def test_a_store_that_does_not_answer_holds_nobody_up_for_long(
    presets: Presets, store: FakeStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    await presets.read()
    monkeypatch.setattr(module, "_AWAY", 0.01)
    store.gate.clear()
    clock.now += 50
    assert (await systems(presets))["@preset/a"] == "one"
    await presets.close()


async def test_a_row_that_is_none_is_passed_over(presets: Presets, store: FakeStore):
    store.texts[""] = "no name"
    assert set(await systems(presets)) == {"@preset/a", "@preset/b"}
