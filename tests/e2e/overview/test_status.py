"""GET /admin/status: what runs and waits, for whom and where; and nothing that was said."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.callers import admin, make_keys, served
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.gateway_process import PATIENCE
from tests.support.watching_client import Client

PROMPT = "the-words-of-a-prompt"
HOSTILE = '<script>alert("x")</script>'


async def until(url: str, true: Callable[[Any], bool]) -> Any:
    """The first status that fits."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status = await asyncio.to_thread(admin, url, "GET", "/status")
            if true(status):
                return status


@pytest.fixture
def held(upstream: FakeUpstream) -> Any:
    """Answers begin, and end when the gate is opened."""
    gate = upstream.gate()

    async def hold(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words()
        await gate.passed()
        await exchange.usage()

    upstream.behave = hold
    return gate


def all_is_told(status: Any) -> bool:
    """Also of the machine: one that is slow to tell is shown as it was."""
    [running], [machine] = status["running"], status["backends"]
    begun = running["ttft_ms"] is not None
    return begun and len(status["waiting"]) == 2 and bool(machine["loaded"])


def test_it_shows_who_runs_and_who_waits_and_no_word_of_them(
    upstream: FakeUpstream, dsn: str, held: Any
) -> None:
    async def scene(url: str, key: Any) -> tuple[Any, Any]:
        clients = [await Client.ask(url, key["key"], PROMPT)]
        await clients[0].until(b"data: ")
        clients += [await Client.ask(url, key["key"], PROMPT) for _ in range(2)]
        busy = await until(url, all_is_told)
        held.open()
        for client in clients:
            assert (await client.answer()).complete
        done = await until(url, lambda told: not told["running"])
        return busy, done

    with served(upstream.url, dsn, UPSTREAM_CONCURRENCY=1) as gateway:
        key = make_keys(gateway.url, HOSTILE)
        busy, done = asyncio.run(scene(gateway.url, key))
    (running,), waiting = busy["running"], busy["waiting"]
    (machine,) = busy["backends"]
    assert (
        running.items()
        >= {
            "key": {"id": key["id"], "name": HOSTILE},
            "visitor": None,
            "route": "/v1/chat/completions",
            "model": MODEL,
            "backend": machine["name"],
            "stream": True,
            "place": None,
        }.items()
    )
    assert running["completion_tokens"] > 0
    assert [(one["place"], one["backend"]) for one in waiting] == [(1, None), (2, None)]
    assert busy["queue"]["waiting"] == 2
    assert (machine["state"], machine["kind"], machine["used"]) == ("up", "ollama", 1)
    assert MODEL in [one["model"] for one in machine["loaded"]]
    for told in (busy, done):
        assert PROMPT not in str(told)
        assert key["key"] not in str(told)


def test_it_tells_of_a_store_that_is_there_and_a_model_server_that_is_not(dsn: str) -> None:
    with served("http://127.0.0.1:9", dsn) as gateway:
        away = until(gateway.url, lambda told: told["backends"][0]["state"] == "down")
        told = asyncio.run(away)
    assert (told["store"]["kind"], told["store"]["state"]) == ("postgres", "up")
    assert told["store"]["latency_ms"] > 0
    assert told["backends"][0]["error"]
    assert told["tunnel"] == {"state": "none", "hostname": None, "detail": None}
    assert told["address"] == gateway.url
    assert told["month"] == {"requests": 0, "total_tokens": 0, "charged_tokens": 0}
