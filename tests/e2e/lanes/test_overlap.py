"""With a distant store: what cannot be taken back waits for its verdict, and for a key whose
answers are capped the model is asked once."""

import asyncio
from typing import Any

import pytest

from tests.support.books import Books
from tests.support.callers import bearer, connect
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.overlapping import gateway, project, reached, sees_nothing, undecided
from tests.support.postgres import execute
from tests.support.postgrest.stand_in import StandIn
from tests.support.watching_client import Client, ask

__all__ = ["gateway", "project"]
pytestmark = pytest.mark.anyio


async def native(gateway: GatewayProcess, key: str, **fields: Any) -> int:
    """The status of a request to Ollama's chat."""
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": MODEL, "messages": messages, "stream": False, **fields}

    def post() -> int:
        with connect(gateway.url) as client:
            answer = client.post("/api/chat", headers=bearer(key), json=body)
        return answer.status_code

    return await asyncio.to_thread(post)


@pytest.mark.parametrize(
    "fields", [{"keep_alive": 0}, {"messages": []}, {"options": {"num_gpu": 0}}]
)
async def test_what_changes_the_machine_reaches_it_only_after_the_yes(
    gateway: GatewayProcess,
    upstream: FakeUpstream,
    dsn: str,
    project: StandIn,
    fields: dict[str, Any],
):
    books = Books(dsn)
    await books.make_key(scopes=["chat", "ollama:native"])
    assert await native(gateway, books.key, **fields) == 200
    assert await native(gateway, books.key) == 200
    await books.settled(2)
    upstream.received.clear()
    with undecided(project):
        usual = asyncio.create_task(native(gateway, books.key))  # this one is begun meanwhile
        await reached(upstream, "hi")
        waiting = asyncio.create_task(native(gateway, books.key, **fields))
        while sum(call.function == "authorize_request" for call in list(project.calls)) < 4:
            await asyncio.sleep(0.001)
        await execute(dsn, "update gateway.api_keys set scopes = '{chat}'")
    assert await waiting == 403
    assert await usual == 200
    assert len(upstream.chats) == 1


async def test_a_capped_key_is_overlapped_with_its_cap_and_the_model_is_asked_once(
    gateway: GatewayProcess, upstream: FakeUpstream, dsn: str, project: StandIn
):
    books = Books(dsn)
    await books.make_key(max_output_tokens=7)
    assert (await ask(gateway.url, books.key, "first")).complete
    await books.settled(1)
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "early")
        exchange = await reached(upstream, "early")
        assert await sees_nothing(client, gateway)
    assert (await client.answer()).complete
    assert exchange.json["max_tokens"] == 7
    assert [one.json["max_tokens"] for one in upstream.chats] == [7, 7]
    assert [one.text for one in upstream.chats] == ["first", "early"]
    assert len(await books.settled(2)) == 2


async def test_a_cap_that_was_lowered_meanwhile_is_kept(
    gateway: GatewayProcess, upstream: FakeUpstream, dsn: str, project: StandIn
):
    books = Books(dsn)
    await books.make_key()
    assert (await ask(gateway.url, books.key, "first")).complete
    await books.settled(1)
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "lowered")
        await reached(upstream, "lowered")
        await execute(dsn, "update gateway.api_keys set max_output_tokens = 9")
    assert (await client.answer()).complete
    again = await ask(gateway.url, books.key, "again")
    assert again.complete
    assert [one.json["max_tokens"] for one in upstream.chats] == [50, 50, 9, 9]
