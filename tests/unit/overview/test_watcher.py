"""What waits for a page that watches is bounded, and its end reaches it also while it is slow."""

import asyncio

import pytest

from gateway.overview.watcher import Watcher, event

pytestmark = pytest.mark.anyio


async def test_a_slow_page_gets_the_newest_status_and_a_bounded_number_of_events():
    watcher = Watcher()
    for number in range(1000):
        watcher.show(event(b"status", number))
        watcher.tell(event(b"request", number))
    news = await watcher.news()
    assert news.count(b"event: request") == 200
    assert b"event: request\ndata: 999\n\n" in news
    assert news.endswith(b"event: status\ndata: 999\n\n")
    assert news.count(b"event: status") == 1


async def test_the_end_is_news_to_who_waits_and_cuts_who_does_not():
    cut: list[str] = []
    watcher, slow = Watcher(), Watcher()
    watcher.cut, slow.cut = (lambda: cut.append("waits")), (lambda: cut.append("sends"))
    waiting = asyncio.create_task(watcher.news())
    await asyncio.sleep(0)
    watcher.end()
    slow.end()
    assert await waiting == b""
    assert (watcher.ended, slow.ended, cut) == (True, True, ["sends"])
