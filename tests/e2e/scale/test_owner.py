"""What the owner sees at one of several gateways, and what only at the one that did it."""

import asyncio
from contextlib import ExitStack
from typing import Any

from tests.e2e.scale.conftest import Pair
from tests.support.callers import admin, bearer, connect, make_key, served
from tests.support.failing_parts import eventually
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.prometheus_text import scrape
from tests.support.visitors import ask
from tests.support.watching_client import Client
from tests.support.watching_owner import SECRET, watching


async def begins(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.words()
    await asyncio.Event().wait()


async def called(url: str, method: str, path: str) -> Any:
    return await asyncio.to_thread(admin, url, method, path)


def test_a_request_is_seen_and_ended_where_it_runs_and_its_row_is_at_both(
    pair: Pair, upstream: FakeUpstream
):
    first, second = (one.url for one in pair)
    upstream.behave = begins

    async def scene() -> None:
        key = await asyncio.to_thread(make_key, first)
        async with watching(first) as page:  # whichever gateway the page was logged in at
            client = await Client.ask(second, key, "x")
            await client.until(b"data: ")
            assert (await page.until("status"))["running"] == []
            (running,) = (await called(second, "GET", "/status"))["running"]
            path = f"/admin/requests/{running['id']}/cancel"
            with connect(first) as elsewhere:
                told = elsewhere.post(path, headers=SECRET)
            assert (told.status_code, "here" in told.json()["error"]["message"]) == (404, True)
            assert (await called(second, "GET", "/status"))["running"], "it goes on"
            await called(second, "POST", f"/requests/{running['id']}/cancel")
            assert (await client.answer()).failed

            async def row() -> Any:
                with connect(first) as elsewhere:
                    found = elsewhere.get(f"/admin/requests/{running['id']}", headers=SECRET)
                return found.json() if found.is_success else None

            assert (await eventually(row))["status"] == "cancelled"

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_the_metrics_of_each_are_its_own_requests(pair: Pair):
    first, second = pair
    key = make_key(first.url, "metrics of each")

    def count(url: str) -> float:
        with connect(url) as client:
            return scrape(client).total("localllm_requests_total", status="ok")

    before = [count(one.url) for one in pair]
    for gateway, times in ((first, 1), (second, 3)):
        with connect(gateway.url) as client:
            for _ in range(times):
                assert ask(client, bearer(key)).is_success
    assert [count(one.url) - old for one, old in zip(pair, before, strict=True)] == [1, 3]


def test_wrong_admin_secrets_are_added_up_over_both(upstream: FakeUpstream, dsn: str):
    with ExitStack() as stack:
        urls = [stack.enter_context(served(upstream.url, dsn)).url for _ in range(2)]

        def log_in(url: str, secret: str) -> int:
            with connect(url) as client:
                return client.get("/admin/api-keys", headers={"X-Admin-Secret": secret}).status_code

        right = SECRET["X-Admin-Secret"]
        assert [log_in(url, right) for url in urls] == [200, 200]
        wrong = [log_in(url, "wrong") for url in urls * 5]  # ten are borne
        assert set(wrong[:9]) == {401}
        assert [log_in(url, right) for url in urls] == [429, 429]
