"""The demo model: real tokens from a child process that only we can use and that ends with us."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from gateway.demo import DemoModel, Endpoint
from gateway.demo.model_file import assemble
from tests.support.processes import is_alive, within

pytestmark = pytest.mark.demo
QUESTION = {
    "model": "gemma3:270m",
    "messages": [{"role": "user", "content": "Why is the sky blue?"}],
    "max_tokens": 12,
}


def silent(_: object) -> None:
    pass


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the model's file in place."""
    data_dir = tmp_path_factory.mktemp("demo")
    assemble(data_dir, silent)
    return data_dir


def with_model(
    data_dir: Path, use: Callable[[DemoModel, Endpoint, httpx.AsyncClient], Awaitable[None]]
) -> None:
    async def run() -> None:
        model = DemoModel()
        try:
            endpoint = await model.start(data_dir, silent, silent)
            async with httpx.AsyncClient(base_url=endpoint.base_url, timeout=60) as client:
                await use(model, endpoint, client)
        finally:
            await model.stop()

    asyncio.run(run())


def descendants() -> list[psutil.Process]:
    return within(os.getpid(), "gateway.demo")


def test_answers_and_streams_with_usage_under_its_name(data_dir: Path) -> None:
    async def use(_: DemoModel, endpoint: Endpoint, client: httpx.AsyncClient) -> None:
        headers = endpoint.headers
        listed = (await client.get("/v1/models", headers=headers)).json()
        assert [entry["id"] for entry in listed["data"]] == ["gemma3:270m"]

        whole = await client.post("/v1/chat/completions", json=QUESTION, headers=headers)
        answer = whole.json()
        assert answer["choices"][0]["message"]["content"].strip()
        assert 0 < answer["usage"]["completion_tokens"] <= 12
        assert answer["usage"]["prompt_tokens"] > 5

        asked = QUESTION | {"stream": True, "stream_options": {"include_usage": True}}
        streamed = await client.post("/v1/chat/completions", json=asked, headers=headers)
        events = [line[6:] for line in streamed.text.splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        usage = [json.loads(event).get("usage") for event in events[:-1]]
        assert usage[-1]["prompt_tokens"] == answer["usage"]["prompt_tokens"]

    with_model(data_dir, use)


def test_only_we_can_use_it(data_dir: Path) -> None:
    async def use(_: DemoModel, endpoint: Endpoint, client: httpx.AsyncClient) -> None:
        key = endpoint.headers["Authorization"].removeprefix("Bearer ")
        for headers in ({}, {"Authorization": f"Bearer {key[:-1]}"}):
            refused = await client.post("/v1/chat/completions", json=QUESTION, headers=headers)
            assert refused.status_code == 401
        website = endpoint.headers | {"Origin": "https://site.example"}
        models = await client.get("/v1/models", headers=website)
        assert not models.headers.get("access-control-allow-origin")
        assert (await client.get("/slots", headers=endpoint.headers)).status_code == 501
        assert (await client.get("/", headers=endpoint.headers)).status_code == 404

        assert key not in repr(endpoint)
        [child] = descendants()
        assert {listening.laddr.ip for listening in child.net_connections()} == {"127.0.0.1"}
        assert key not in " ".join(child.cmdline())
        assert key not in " ".join(child.environ().values())
        assert key not in (data_dir / "demo.log").read_text()

    with_model(data_dir, use)


def test_our_secrets_stay_with_us(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_SECRET", "hush-hush-hush")

    async def use(*_: Any) -> None:
        [child] = descendants()
        assert "hush-hush-hush" not in child.environ().values()

    with_model(data_dir, use)


def test_a_killed_child_is_noticed_and_started_again(data_dir: Path) -> None:
    async def use(model: DemoModel, endpoint: Endpoint, _: httpx.AsyncClient) -> None:
        assert model.returncode is None
        [child] = descendants()
        child.kill()
        assert await model.wait() == -signal.SIGKILL
        assert model.returncode == -signal.SIGKILL
        again = await model.restart()
        assert model.returncode is None
        async with httpx.AsyncClient(base_url=again.base_url, timeout=60) as client:
            models = await client.get("/v1/models", headers=again.headers)
        assert models.status_code == 200

    with_model(data_dir, use)
    assert not descendants()


def test_the_child_ends_with_its_parent_even_a_killed_one(data_dir: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from gateway.demo import DemoModel
async def main():
    model = DemoModel()
    await model.start(Path(sys.argv[1]), print, print)
    print("ready", flush=True)
    await model.wait()
asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert "ready\n" in iter(parent.stdout.readline, "")
        [child] = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    deadline = time.monotonic() + 60
    while is_alive(child.pid):
        assert time.monotonic() < deadline
