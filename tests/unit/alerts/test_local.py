"""While the store is away the gateway tells what is new, once, and forgets none of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.alerts import Seen
from gateway.alerts.local import Local
from tests.support.steady_clock import Clock

STORE = Seen("store", "store", True, {"machine": "home"})
BACK = Seen("store", "store", False, {"machine": "home"})
DOWN = Seen("a", "model_server", True, {"url": "a"})
UP = Seen("a", "model_server", False, {"url": "a"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[..., Local]


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens another one in the same folder, as another gateway or a restarted one does."""
    made: list[Local] = []

    def opened(*channels: str) -> Local:
        made.append(Local(tmp_path / "alerts.json", channels or ("a", "b"), clock))
        made[-1].open()
        return made[-1]

    yield opened
    for one in made:
        one.close()


@pytest.fixture
def local(opened: Open) -> Local:
    return opened()


def told(local: Local) -> list[str]:
    """What waits for the first channel."""
    waiting = (one.delivery for one in local.due())
    return [f"{one.kind} {one.state}" for one in waiting if one.channel == "a"]


def test_it_is_told_once_to_each_channel_and_so_is_its_end(local: Local):
    for _ in range(3):
        local.decide([STORE, DOWN])
    assert told(local) == ["store began", "model_server began"]
    assert [one.delivery.channel for one in local.due()] == ["a", "b", "a", "b"]
    for _ in range(3):
        local.decide([STORE, UP])
    local.noted([UP, BACK])
    local.noted([UP, BACK])
    assert told(local)[2:] == ["model_server over", "store over"]


def test_one_alert_has_one_id_in_all_its_channels(local: Local):
    local.decide([STORE])
    assert len({one.delivery.id for one in local.due()}) == 1


def test_the_end_says_since_when_it_was(local: Local, clock: Clock):
    local.decide([STORE])
    clock.now += 600
    local.noted([BACK])
    over = local.due()[-1].delivery
    assert over.state == "over"
    assert over.about["since"] == "1970-01-01T00:16:40+00:00"


def test_what_the_store_has_told_is_not_told_again_without_it(local: Local):
    local.noted([DOWN])
    local.decide([STORE, DOWN])
    assert told(local) == ["store began"]


def test_the_store_learns_what_the_owner_knows_already(local: Local):
    assert [one.told for one in local.for_store([DOWN])] == [False]
    local.decide([STORE, DOWN])
    assert [one.told for one in local.for_store([DOWN])] == [True]
    local.noted([DOWN])
    assert [one.told for one in local.for_store([DOWN])] == [False]
    local.decide([UP])
    assert [one.told for one in local.for_store([UP])] == [True]
    assert told(local)[2:] == ["model_server over"]


def test_what_began_and_ended_with_the_outage_is_told_although_the_store_knows_nothing(
    local: Local,
):
    local.decide([STORE, DOWN])
    local.noted([UP, BACK])
    assert told(local)[2:] == ["model_server over", "store over"]


def test_a_tunnel_that_was_stopped_is_not_called_up_again(local: Local):
    down = Seen("t", "tunnel", True, {"machine": "home"})
    local.decide([STORE, down])
    gone = Seen("t", "tunnel", False, {}, told=True)
    local.decide([gone])
    local.noted([gone])
    assert told(local) == ["store began", "tunnel began"]


def test_what_only_the_store_makes_a_matter_is_left_to_it(local: Local):
    local.decide([Seen(kind, kind, True, {}) for kind in ("guesses", "outbox", "clock")])
    assert told(local) == []


def test_a_restart_tells_nothing_again_and_forgets_nothing(opened: Open):
    local = opened()
    local.decide([STORE])
    waiting = local.due()
    local.came(waiting[0], None)
    local.close()
    again = opened()
    again.decide([STORE])
    assert [one.delivery for one in again.due()] == [waiting[1].delivery]


class Taken:
    """In the place of the lock, as another process has it (those of one process share it)."""

    by_another = True

    def acquire(self, *, blocking: bool) -> bool:
        return not self.by_another

    def release(self) -> None:
        pass


def test_of_two_gateways_with_one_directory_one_tells_and_then_the_other(
    opened: Open, tmp_path: Path, clock: Clock
):
    first, lock = opened(), Taken()
    second = Local(tmp_path / "alerts.json", ("a", "b"), clock)
    second._lock = cast(Any, lock)
    assert not second.open()
    for one in (first, second):
        one.decide([STORE, DOWN])
    assert told(first) == ["store began", "model_server began"]
    assert not second.open()
    assert told(second) == []
    assert [one.told for one in second.for_store([DOWN])] == [True]
    lock.by_another = False  # the first has died
    assert second.open()
    second.decide([STORE, DOWN])
    assert [one.delivery for one in second.due()] == [one.delivery for one in first.due()]


def test_what_is_not_delivered_is_tried_again_after_longer_and_longer_pauses(
    local: Local, clock: Clock
):
    local.decide([STORE])
    pauses: list[float] = []
    for _ in range(9):
        (first, *_) = local.due()
        local.came(first, "no answer in time")
        assert first not in local.due()
        before = clock.now
        while first not in local.due():
            clock.now += 30
        pauses.append(clock.now - before)
    assert pauses == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]


def test_a_clock_that_was_ahead_puts_nothing_off(local: Local, clock: Clock):
    clock.now += 1e9
    local.decide([STORE])
    for one in local.due():
        local.came(one, "refused")
    clock.now -= 1e9
    assert told(local) == ["store began"]


def test_a_channel_that_is_gone_is_forgotten(opened: Open):
    local = opened()
    local.decide([STORE])
    local.close()
    assert [one.delivery.channel for one in opened("b").due()] == ["b"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"known":{"a":1}}', "\x00"])
def test_a_broken_file_is_an_empty_one(opened: Open, tmp_path: Path, text: str):
    (tmp_path / "alerts.json").write_text(text)
    local = opened()
    local.decide([STORE])
    assert told(local) == ["store began"]


def test_nobody_else_can_read_it(opened: Open, tmp_path: Path):
    opened().decide([STORE])
    assert (tmp_path / "alerts.json").stat().st_mode & 0o077 == 0
