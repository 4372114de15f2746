"""A whole gateway works as localllm_gateway, and its calls need nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.books import Books
from tests.support.callers import bearer, connect
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.supabase_project import gateway_of
from tests.support.watching_client import ask

pytestmark = pytest.mark.anyio

SERVING = {
    *("applied_migrations", "authorize_request", "current_presets", "identify_key"),
    *("keep_house", "settle_requests", "sweep_holds", "usage_report"),
}


@pytest.fixture
async def project(dsn: str) -> AsyncIterator[StandIn]:
    with stand_in(dsn) as running:
        running.is_hosted = False
        yield running


@pytest.fixture
async def gateway(
    project: StandIn, home: Path, upstream: FakeUpstream
) -> AsyncIterator[GatewayProcess]:
    async with gateway_of(project, home, upstream, token=True) as running:
        yield running


async def test_it_serves_counts_sweeps_and_keeps_house(
    gateway: GatewayProcess, project: StandIn, dsn: str
):
    books = Books(dsn)
    key = await books.make_key()
    for stream in (True, False):
        assert (await ask(gateway.url, key, "hello", stream=stream)).complete
    assert len(await books.settled(2)) == 2

    def gets(path: str) -> httpx.Response:
        with connect(gateway.url) as client:
            return client.get(path, headers=bearer(key))

    usage = await asyncio.to_thread(gets, "/v1/usage")
    assert usage.json()["month"]["requests"] == 2
    assert (await asyncio.to_thread(gets, "/v1/models")).status_code == 200
    assert (await gateway.health())["store"] == {"kind": "supabase", "state": "ok"}
    called = project.wait_until(
        lambda: (names := {call.function for call in project.calls}) >= SERVING and names
    )
    assert called == SERVING
    assert {call.role for call in project.calls} == {"localllm_gateway"}
    assert {call.status for call in project.calls if call.ended} == {200}


@pytest.mark.parametrize("secret", [{}, {"X-Admin-Secret": "for-tests-only"}])
async def test_the_admin_routes_name_the_function_and_ask_nobody(
    gateway: GatewayProcess, project: StandIn, secret: dict[str, str]
):
    def answer() -> httpx.Response:
        with connect(gateway.url) as client:
            return client.post("/admin/api-keys", json={"label": "x"}, headers=secret)

    refused = await asyncio.to_thread(answer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (501, "not_supported")
    assert "Supabase function 'admin'" in refused.json()["error"]["message"]
    assert "admin_login" not in {call.function for call in project.calls}
