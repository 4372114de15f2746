"""What the route that pulls says before any Ollama is asked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest

from gateway.backends.backend import Backend
from gateway.core import keys
from gateway.services import Services
from gateway.stores import AuthorizationRequest, Identity, Store, Verdict
from tests.support.bare_gateway import bare_gateway, served
from tests.support.fake_upstream import fake_upstream

PATH = "/v1/models/pull"
KEY = keys.make_key("llm")
pytestmark = pytest.mark.anyio


class Yes:
    """A store that lets everybody in, and what it was asked."""

    def __init__(self) -> None:
        self.gateways = 1
        self.asked: list[AuthorizationRequest] = []

    async def authorize(self, ask: AuthorizationRequest) -> Verdict:
        self.asked.append(ask)
        return Verdict(True, key_id=uuid4())

    async def identify(
        self, key_hash: str, scope: str | None, origin: str | None, claim: object = None
    ) -> Identity:
        return Identity(True, key_id=uuid4())


@pytest.fixture
def gateway(tmp_path: Path) -> Any:
    with bare_gateway(tmp_path) as made:
        made.verdict_cache._store = cast(Store, Yes())
        yield made


@pytest.fixture
async def client(gateway: Services) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        served(gateway) as url,
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=30) as made,
    ):
        yield made


async def test_the_store_is_asked_for_a_request_of_no_tokens(
    gateway: Services, client: httpx.AsyncClient
) -> None:
    await client.post(PATH, json={"model": "Library/X"})
    [ask] = gateway.verdict_cache._store.asked
    assert (ask.scope, ask.model, ask.endpoint) == ("models:pull", "x:latest", PATH)
    assert (ask.prompt_bound, ask.max_output) == (0, 0)


async def test_the_demo_model_is_said_not_to_pull(
    gateway: Services, client: httpx.AsyncClient
) -> None:
    gateway.pool.backends[0].point_to("http://127.0.0.1:9", listed_only=True)
    answer = await client.post(PATH, json={"model": "x"})
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == "not_supported"
    assert "demo model" in answer.json()["error"]["message"]


async def test_an_ollama_that_is_away_is_told_with_a_time_to_come_back(
    client: httpx.AsyncClient,
) -> None:
    for stream in (False, True):
        answer = await client.post(PATH, json={"model": "x", "stream": stream})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


async def test_a_machine_that_never_told_what_it_has_keeps_nobody_from_pulling_to_another(
    gateway: Services, client: httpx.AsyncClient
) -> None:
    with fake_upstream() as ollama:
        there = Backend(ollama.url, 60.0, slots=1)
        gateway.pool.backends = (*gateway.pool.backends, there)
        await asyncio.gather(*(one.models.refresh() for one in gateway.pool.backends))
        answer = await client.post(PATH, json={"model": "x"})
        assert answer.json()["done"]
        assert len(ollama.pulls) == 1
        await there.close()


async def test_no_pull_is_begun_that_cannot_be_counted(
    gateway: Services, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(gateway.outbox, "reserve", full)
    begun: list[object] = []
    monkeypatch.setattr(gateway.pulls, "join", begun.append)
    answer = await client.post(PATH, json={"model": "x"})
    assert answer.status_code == 503
    assert "disk" in answer.json()["error"]["message"]
    assert begun == []


async def test_what_a_pull_came_to_at_first_is_counted(
    gateway: Services, client: httpx.AsyncClient
) -> None:
    gateway.pool.backends[0].point_to("http://127.0.0.1:9", listed_only=True)
    await client.post(PATH, json={"model": "x"})
    with fake_upstream() as ollama:
        gateway.pool.backends[0].point_to(ollama.url)
        await client.post(PATH, json={"model": "x"})
    waiting = [slot.settlement for slot in gateway.outbox._pending]
    assert [one.status for one in waiting] == ["refused", "ok"]
    for one in waiting:
        assert (one.prompt_tokens, one.completion_tokens, one.usage_source) == (0, 0, "none")
        assert one.key_id is not None
