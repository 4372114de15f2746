"""A model that is being loaded is waited for, and one that is silent is not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pytest_httpx import HTTPXMock

from gateway.backends import backend as module
from gateway.backends.backend import Backend
from gateway.backends.client import BackendClient, ModelResponse
from gateway.backends.patience import Patience
from gateway.core.errors import Refusal
from tests.support.told_transport import ToldTransport

pytestmark = pytest.mark.anyio
URL, PATH = "http://models:11434", "/v1/chat/completions"
LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}


async def test_what_is_being_loaded_is_waited_for_again_and_again():
    answered = asyncio.Event()
    looks = 0

    async def loading() -> bool:
        nonlocal looks
        looks += 1
        if looks == 3:
            answered.set()
        return True

    async with asyncio.timeout(None) as limit:
        with Patience(limit, 0.001, loading):
            await answered.wait()
    assert looks == 3


async def test_who_is_silent_without_loading_anything_is_waited_for_once():
    async def loading() -> bool:
        return False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as limit:
            with Patience(limit, 0.001, loading):
                await asyncio.Event().wait()


@pytest.fixture
async def backend(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Backend]:
    monkeypatch.setattr(module, "LOADING_PAUSE", 0)
    made = Backend(URL, timeout=60, slots=1)
    made.client = BackendClient(made.client.target, timeout=60, transport=ToldTransport())
    yield made
    await made.close()


async def post(backend: Backend, *, alone: bool) -> ModelResponse | Refusal:
    return await backend.post(PATH, b"{}", "m:latest", whole=True, alone=alone)


async def test_a_server_that_says_it_is_loading_is_asked_again(
    backend: Backend, httpx_mock: HTTPXMock
):
    for _ in range(2):
        httpx_mock.add_response(503, json=LOADING)
    httpx_mock.add_response(200, json={})
    response = await post(backend, alone=True)
    assert isinstance(response, ModelResponse)
    assert response.status == 200


@pytest.mark.parametrize(
    ("alone", "body"), [(False, LOADING), (True, {"error": {"message": "server busy"}})]
)
async def test_another_server_is_not_waited_for_nor_one_that_is_busy(
    backend: Backend, httpx_mock: HTTPXMock, alone: bool, body: object
):
    httpx_mock.add_response(503, json=body)
    response = await post(backend, alone=alone)
    assert isinstance(response, ModelResponse)
    assert response.status == 503
