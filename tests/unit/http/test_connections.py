"""Who goes first when there are too many connections, or too much that nobody reads."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.http import connections
from gateway.http.connections import Connections
from tests.support.bare_gateway import bare_gateway, served

pytestmark = pytest.mark.anyio
PATIENCE = 60


class One:
    """A connection that does as it is told."""

    def __init__(self, of: "Crowd", *, trusted: bool = False, unsent: int = 0) -> None:
        self.until = math.inf
        self.trusted = trusted
        self.left = unsent
        self.dropped = False
        self.looks = 0
        self._of = of
        of.opened.add(self)

    def expire(self) -> None:
        self.drop()

    def drop(self) -> None:
        self.dropped = True
        self._of.opened.discard(self)
        self._of.all.lost(self)

    def unsent(self) -> int:
        self.looks += 1
        return self.left


class Crowd:
    def __init__(self, most: int) -> None:
        self.opened: set[One] = set()
        self.all = Connections(self.opened)
        self.all.most = most

    def come(self, **how: bool) -> One:
        one = One(self, **how)
        self.all.waits(one)
        self.all.made(one, asyncio.get_running_loop())
        return one


async def test_the_stranger_who_has_waited_longest_makes_room():
    crowd = Crowd(most=3)
    trusted = crowd.come(trusted=True)
    first, second = crowd.come(), crowd.come()
    serves = crowd.come()  # one too many
    assert first.dropped
    crowd.all.serves(serves)
    third = crowd.come()
    assert second.dropped
    fourth = crowd.come()
    assert third.dropped
    assert not trusted.dropped
    assert not serves.dropped
    assert crowd.opened == {trusted, serves, fourth}


async def test_one_that_came_last_goes_where_all_others_are_served():
    crowd = Crowd(most=2)
    for _ in range(2):
        crowd.all.serves(crowd.come())
    assert crowd.come().dropped


async def test_what_nobody_reads_is_bounded_in_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "MOST_UNREAD", 10)
    crowd = Crowd(most=100)
    read, *unread = [One(crowd, unsent=4) for _ in range(4)]
    crowd.all.leaves_unread(read)
    read.left = 0
    for one in unread:
        crowd.all.leaves_unread(one)
    assert [one.dropped for one in (read, *unread)] == [False, True, False, False]


async def test_an_answer_that_nobody_reads_costs_no_look_at_all_others():
    crowd = Crowd(most=1000)
    unread = [One(crowd, unsent=64 * 1024) for _ in range(500)]
    for one in unread:
        crowd.all.leaves_unread(one)
    assert {one.looks for one in unread} == {1}


async def test_what_was_read_or_closed_makes_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "MOST_UNREAD", 10)
    crowd = Crowd(most=100)
    first, second, third, last = [One(crowd, unsent=4) for _ in range(4)]
    crowd.all.leaves_unread(first)
    crowd.all.leaves_unread(second)
    crowd.all.leaves_unread(second)  # its next answer: the same bytes
    crowd.all.lost(first)
    crowd.all.leaves_unread(third)
    second.left = third.left = 1
    crowd.all.leaves_unread(last)
    assert not any(one.dropped for one in (first, second, third, last))


async def test_heads_that_do_not_end_are_bounded_in_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "MOST_OF_HEADS", 10)
    crowd = Crowd(most=100)
    trusted = crowd.come(trusted=True)
    ended, closed, *others = [crowd.come() for _ in range(5)]
    everybody = [trusted, ended, closed, *others]
    for one in everybody[:3]:
        crowd.all.holds_head(one, 1)
        crowd.all.holds_head(one, 3)
    crowd.all.serves(ended)
    crowd.all.lost(closed)
    for one in others:
        crowd.all.holds_head(one, 3)
    assert [one.dropped for one in everybody] == [False, False, False, True, False, False]
    crowd.all.holds_head(trusted, 30)
    assert [one.dropped for one in everybody] == [True, False, False, True, True, True]


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Of a gateway that keeps three connections."""
    made = Connections.__init__

    def few(self: Connections, opened: set[object]) -> None:
        made(self, opened)
        self.most = 3

    monkeypatch.setattr(Connections, "__init__", few)
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway) as url:
            yield urlsplit(url).port or 0


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_caller_is_served_whatever_crowd_was_there_before(
    port: int, sent: bytes, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    crowd = []
    async with asyncio.timeout(PATIENCE):
        for _ in range(20):
            crowd.append(await asyncio.open_connection("127.0.0.1", port))
            crowd[-1][1].write(sent)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        while not caplog.records:  # once a second, with what was done in it
            await asyncio.sleep(0.01)
    assert "idle connections were closed for new ones" in caplog.text
    for _, other in (*crowd, (reader, writer)):
        other.transport.abort()
