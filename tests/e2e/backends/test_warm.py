"""Models that should be ready are loaded at the start and kept; health tells what is in memory."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.callers import served
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_exchange import Exchange
from tests.support.fake_upstream import CLOUD_MODEL, MODEL, FakeUpstream, answer, fake_upstream

VECTORS = "vectors:latest"


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        running.models.append({"name": VECTORS})
        running.loaded = []
        yield running


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    async def behave(exchange: Exchange) -> None:
        if exchange.target == "/api/generate" and exchange.json["model"] == VECTORS:
            await exchange.whole({"error": f'"{VECTORS}" does not support generate'}, 400)
        else:
            await answer(exchange)

    shared_upstream.behave = behave
    wanted = f"fake,{VECTORS},not-installed,{CLOUD_MODEL}"
    with served(shared_upstream.url, shared_dsn, PRELOAD_MODELS=wanted) as running:
        shared_upstream.wait_for_chats(3)
        yield running


@pytest.fixture(autouse=True)
def forgetful_upstream() -> None:
    """What was received at the start is looked at here."""


def test_models_are_loaded_without_a_prompt_and_for_ever(
    gateway: GatewayProcess, shared_upstream: FakeUpstream
) -> None:
    asked = [(one.target, one.json["model"]) for one in shared_upstream.chats]
    assert asked == [("/api/generate", MODEL), ("/api/generate", VECTORS), ("/api/embed", VECTORS)]
    assert all(one.json["keep_alive"] == -1 for one in shared_upstream.chats)
    assert not any(one.json.get("prompt") for one in shared_upstream.chats)


def test_health_tells_what_is_in_memory_and_where_it_runs(
    gateway: GatewayProcess, shared_upstream: FakeUpstream
) -> None:
    shared_upstream.loaded = [
        {"name": MODEL, "context_length": 4096, "size": 1000, "size_vram": 250},
        {"name": VECTORS, "context_length": 512, "size": 1000, "size_vram": 0},
    ]
    told = [
        {"model": MODEL, "context": 4096, "processor": "75%/25% CPU/GPU"},
        {"model": VECTORS, "context": 512, "processor": "100% CPU"},
    ]

    async def tells_it() -> bool:
        return (await gateway.health())["ollama"]["loaded"] == told

    asyncio.run(eventually(tells_it))  # it looks once a second
