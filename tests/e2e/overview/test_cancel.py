"""POST /admin/requests/{id}/cancel: the client is told, the model stops, what came is counted."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.callers import admin, bearer, connect, make_keys, served
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.gateway_process import PATIENCE
from tests.support.watching_client import Client
from tests.support.watching_owner import SECRET

ENDED = "The owner of this server has ended this request."
CHAT = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 9}
ROUTES = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": {"prompt": "x"},
    "/v1/responses": {"input": "x"},
    "/v1/messages": CHAT,
    "/api/chat": CHAT,
    "/api/generate": {"prompt": "x"},
    "/v1/generate": {"prompt": "x"},
}


async def silent(exchange: Exchange) -> None:
    """Says nothing, as long as it is asked."""
    await asyncio.Event().wait()


async def begins(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.words()
    await asyncio.Event().wait()


async def status_with(url: str, name: str, count: int) -> Any:
    async def look() -> Any:
        told = await asyncio.to_thread(admin, url, "GET", "/status")
        return told if len(told[name]) == count else None

    return await eventually(look)


async def running_of(url: str, key: Any) -> str:
    """The id of the request of this key, as soon as it runs. The gateway is not ours alone: one of
    another test may still be ending there."""

    async def look() -> str | None:
        told = await asyncio.to_thread(admin, url, "GET", "/status")
        mine = [one["id"] for one in told["running"] if one["key"]["id"] == key["id"]]
        return mine[0] if mine else None

    found = await eventually(look)
    assert found is not None
    return found


async def cancel(url: str, request: str) -> None:
    told = await asyncio.to_thread(admin, url, "POST", f"/requests/{request}/cancel")
    assert told == {"object": "request", "id": request, "cancelled": True}


async def row_of(url: str, request: str) -> Any:
    return await asyncio.to_thread(admin, url, "GET", f"/requests/{request}")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ROUTES)
def test_who_waits_for_the_model_gets_an_error_in_the_form_of_the_route(
    upstream: FakeUpstream, gateway: GatewayProcess, path: str, stream: bool
) -> None:
    upstream.behave = silent

    async def scene() -> httpx.Response:
        key = await asyncio.to_thread(make_keys, gateway.url)
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, verify=False) as client:
            body = {"model": MODEL, "stream": stream, **ROUTES[path]}
            asked = client.post(path, json=body, headers=bearer(key["key"]), timeout=PATIENCE)
            asking = asyncio.create_task(asked)
            request = await running_of(gateway.url, key)
            await asyncio.to_thread(upstream.wait_for_chats, 1)
            await cancel(gateway.url, request)
            answer = await asking
        row = await row_of(gateway.url, request)
        assert row["status"] == "cancelled"
        assert row["prompt_tokens"] > 0  # the model had it
        return answer

    answer = asyncio.run(asyncio.wait_for(scene(), PATIENCE))
    assert answer.status_code == 403
    assert ENDED in answer.text
    assert answer.headers["x-should-retry"] == "false"
    upstream.wait_until(lambda: upstream.chats[-1].gone)


def test_a_stream_ends_with_an_error_and_what_came_is_counted(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    upstream.behave = begins

    async def scene() -> None:
        key = await asyncio.to_thread(make_keys, gateway.url)
        client = await Client.ask(gateway.url, key["key"], "x" * 400)
        await client.until(b"data: ")
        request = await running_of(gateway.url, key)
        await cancel(gateway.url, request)
        seen = await client.answer()
        assert seen.failed and seen.whole
        assert seen.events[-1]["error"]["code"] == "request_cancelled"
        row = await row_of(gateway.url, request)
        assert (row["status"], row["usage_source"]) == ("cancelled", "estimated")
        assert row["prompt_tokens"] > 0 and row["completion_tokens"] > 0
        again = await asyncio.to_thread(_cancel_status, gateway.url, request)
        assert again == 404

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))
    upstream.wait_until(lambda: upstream.chats[-1].gone)


def test_one_that_waits_for_a_slot_leaves_the_line_and_reaches_no_model(
    upstream: FakeUpstream, dsn: str
) -> None:

    upstream.behave = begins

    async def scene(url: str) -> None:
        key = await asyncio.to_thread(make_keys, url)
        first = await Client.ask(url, key["key"], "first")
        await first.until(b"data: ")
        second = await Client.ask(url, key["key"], "second", stream=False)
        (waiting,) = (await status_with(url, "waiting", 1))["waiting"]
        await cancel(url, waiting["id"])
        seen = await second.answer()
        assert json.loads(seen.body)["error"]["message"] == ENDED
        row = await row_of(url, waiting["id"])
        assert (row["status"], row["charged_tokens"], row["backend"]) == ("cancelled", 0, None)
        assert (await status_with(url, "waiting", 0))["queue"]["waiting"] == 0
        await first.leave()

    with served(upstream.url, dsn, UPSTREAM_CONCURRENCY=1) as gateway:
        asyncio.run(asyncio.wait_for(scene(gateway.url), PATIENCE))
    assert [one.text for one in upstream.chats] == ["first"]


@pytest.mark.parametrize("request_id", [str(UUID(int=1)), "x", "%00", "..%2f"])
def test_what_does_not_run_here_is_not_found(gateway: GatewayProcess, request_id: str) -> None:
    assert _cancel_status(gateway.url, request_id) == 404


def _cancel_status(url: str, request: str) -> int:
    with connect(url) as client:
        return client.post(f"/admin/requests/{request}/cancel", headers=SECRET).status_code
