"""`GET /health` as events: the same state, and when each of them was sent."""

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.routes.support import health_events
from tests.support.bare_gateway import bare_gateway, served

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    with bare_gateway(tmp_path) as gateway:
        async with (
            served(gateway) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
        ):
            yield client


async def test_events_tell_the_state_the_process_and_when_they_were_sent(client: httpx.AsyncClient):
    answer = await client.get("/health", headers={"accept": "text/event-stream"})
    assert answer.status_code == 503  # nothing behind this gateway is there
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-length" not in answer.headers  # cloudflared would hold it back
    events = [json.loads(part.removeprefix("data: ")) for part in answer.text.split("\n\n")[:-1]]
    assert len(events) == health_events.EVENTS
    assert {event["status"] for event in events} == {"unavailable"}
    assert {event["instance"] for event in events} == {health_events.INSTANCE}
    sent = [event["sent_ms"] for event in events]
    gaps = [later - sooner for sooner, later in itertools.pairwise(sent)]
    assert min(gaps) >= health_events.GAP * 1000 * 0.9
    assert answer.text.isascii()


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html"])
async def test_who_does_not_ask_for_events_gets_json(client: httpx.AsyncClient, accept: str):
    answer = await client.get("/health", headers={"accept": accept})
    assert answer.json()["status"] == "unavailable"
    assert "instance" not in answer.text


async def test_a_head_request_has_no_body(client: httpx.AsyncClient):
    answer = await client.head("/health", headers={"accept": "text/event-stream"})
    assert answer.status_code == 503
    assert answer.content == b""
