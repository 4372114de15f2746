"""What several model servers have is shown as one; what would leave for the cloud is not asked."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.callers import bearer, connect, make_key, served
from tests.support.fake_upstream import CLOUD_MODEL, MODEL, fake_upstream
from tests.support.gateway_process import fresh_directory
from tests.support.several_backends import Machines, two_machines, two_servers

MIXED = "innocent:latest"  # of the cloud on the first machine, local on the second
REMOTE: dict[str, Any] = {"remote_host": "https://ollama.com", "remote_model": "big"}


def context(name: str, tokens: int) -> dict[str, Any]:
    return {"name": name, "details": {"context_length": tokens}}


@pytest.fixture(scope="module")
def running(shared_dsn: str) -> Iterator[Machines]:
    with two_servers() as (first, second):
        first.models += [
            {"name": "only-first:latest", "digest": "first"},
            {"name": MIXED, **REMOTE},
            context("narrow", 4096),
            context("narrower", 64),
        ]
        second.models += [
            {"name": "only-second:latest"},
            {"name": MIXED},
            context("narrow", 64),
            context("narrower", 64),
        ]
        second.version = "0.9.1"
        with two_machines(shared_dsn, first, second) as scene:
            yield scene


@pytest.fixture
def scene(running: Machines) -> Machines:
    running.reset()
    return running


@pytest.fixture
def client(scene: Machines) -> Iterator[httpx.Client]:
    with connect(scene.gateway.url) as connected:
        connected.headers.update(bearer(scene.books.key))
        yield connected


ALL = [MODEL, "only-first:latest", "narrow", "narrower", "only-second:latest", MIXED]


def test_every_list_names_each_model_once(client: httpx.Client) -> None:
    openai = client.get("/v1/models").json()["data"]
    assert [model["id"] for model in openai] == ALL
    for path in ("/api/tags", "/api/ps"):
        models = client.get(path).json()["models"]
        assert [model["name"] for model in models] == ALL
        assert not any("remote_host" in model for model in models)
        [narrow] = [model for model in models if model["name"] == "narrow"]
        assert narrow["details"]["context_length"] == 4096  # as the first machine tells it
    assert client.get("/v1/models/only-second").json()["id"] == "only-second:latest"


def test_the_version_is_the_lowest_for_a_request_may_come_to_it(client: httpx.Client) -> None:
    assert client.get("/api/version").json() == {"version": "0.9.1"}


@pytest.mark.parametrize("name", ["only-second", MIXED])
def test_a_model_is_shown_by_a_machine_that_has_it(
    scene: Machines, client: httpx.Client, name: str
) -> None:
    assert client.post("/api/show", json={"model": name}).status_code == 200
    asked = [[one.target for one in server.received] for server in scene.both]
    assert "/api/show" not in asked[0]
    assert "/api/show" in asked[1]


def test_a_model_of_the_cloud_on_one_machine_is_asked_only_where_it_is_local(
    scene: Machines,
) -> None:
    for number in range(1, 4):
        seen, _ = asyncio.run(scene.ask(model=MIXED))
        assert seen.complete
        assert scene.chats == (0, number)
    seen, _ = asyncio.run(scene.ask(model=MIXED, stream=False))
    assert seen.complete


def test_it_is_not_asked_there_either_when_the_machine_that_has_it_fails(scene: Machines) -> None:
    scene.second.behave = lambda exchange: exchange.whole({"error": "busy"}, 503)
    seen, _ = asyncio.run(scene.ask(model=MIXED))
    assert seen.status == 503
    assert scene.chats == (0, 1)


@pytest.mark.parametrize("name", [CLOUD_MODEL, f"{MODEL}-cloud", "any:cloud"])
def test_what_is_of_the_cloud_everywhere_is_refused(
    scene: Machines, client: httpx.Client, name: str
) -> None:
    body = {"model": name, "messages": [{"role": "user", "content": "Hi"}]}
    assert client.post("/v1/chat/completions", json=body).status_code == 403
    assert scene.chats == (0, 0)


def test_where_the_owner_allows_the_cloud_either_machine_may_send_it_there(
    running: Machines, shared_dsn: str
) -> None:
    running.reset()
    urls = f"{running.first.url},{running.second.url}"
    with served(urls, shared_dsn, ALLOW_CLOUD_MODELS=True) as gateway:
        key = make_key(gateway.url)
        with connect(gateway.url) as client:
            body = {"model": MIXED, "messages": [{"role": "user", "content": "Hi"}]}
            answer = client.post("/v1/chat/completions", json=body, headers=bearer(key))
    assert answer.status_code == 200
    assert running.chats == (1, 0)


@pytest.mark.parametrize(("model", "status"), [("narrow", 429), ("narrower", 200)])
def test_what_is_held_is_enough_for_whichever_machine_serves_it(
    scene: Machines, model: str, status: int
) -> None:
    """The prompt is cut to a model's context: of two machines the longer one is to be paid."""
    key = make_key(scene.gateway.url, monthly_token_limit=1000)
    body = {
        "model": model,
        "max_tokens": 20,
        "messages": [{"role": "user", "content": "x" * 3000}],
    }
    with connect(scene.gateway.url) as client:
        answer = client.post("/v1/chat/completions", json=body, headers=bearer(key))
    assert answer.status_code == status, answer.text


def test_health_shows_each_machine_and_where_none_of_them_is(scene: Machines) -> None:
    async def play() -> None:
        await scene.mended()
        health = await scene.gateway.health()
        machines = health["ollama"]["machines"].values()
        assert all(one.pop("loaded") for one in machines)
        each = {"state": "ok", "running": 0}
        assert health["status"] == "ok"
        assert health["ollama"]["machines"] == {"ollama-1": each, "ollama-2": each}
        assert str(scene.first.port) not in json.dumps(health)

    asyncio.run(play())


def test_with_one_machine_away_the_rest_is_listed_and_health_is_degraded(
    shared_dsn: str,
) -> None:
    with fake_upstream() as there, fake_upstream() as gone:
        gone.stop()
        with (
            served(f"{gone.url},{there.url}", shared_dsn) as gateway,
            connect(gateway.url) as client,
        ):
            health = client.get("/health")
            assert health.status_code == 200
            state = health.json()
            assert (state["status"], state["ollama"]["state"]) == ("degraded", "degraded")
            machines = state["ollama"]["machines"]
            assert [one["state"] for one in machines.values()] == ["unavailable", "ok"]
            assert "Ready" in client.get("/", headers={"accept": "text/html"}).text
            listed = client.get("/v1/models", headers=bearer(make_key(gateway.url)))
            assert [model["id"] for model in listed.json()["data"]] == [MODEL]


def doctor(*servers: str) -> dict[str, tuple[str, str]]:
    """What it says of each machine."""
    with fresh_directory() as home:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DATA_DIR": str(home / "data"),
            "OLLAMA_BASE_URL": " ".join(servers),
            "OLLAMA_DEFAULT_MODEL": "only-here",
        }
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "doctor", "--json"],
            env=environ,
            capture_output=True,
            timeout=60,
        )
    checks = json.loads(done.stdout)["checks"]
    return {
        check["check"]: (check["state"], check["text"])
        for check in checks
        if check["check"].startswith("ollama")
    }


def test_doctor_tells_of_each_machine_by_its_address() -> None:
    with fake_upstream() as upstream, fake_upstream() as other:
        other.models.append({"name": "only-here:latest"})
        upstream.stop()
        found = doctor(upstream.url, other.url)
        upstream.start()
        assert list(found) == ["ollama-1", "ollama-2"]
        (first, gone), (second, well) = found.values()
        assert (first, second) == ("warn", "ok")
        assert upstream.url in gone
        assert "demo" not in gone  # `up` does without it while one answers
        assert other.url in well
        # That it is on one of them is enough.
        assert [state for state, _ in doctor(upstream.url, other.url).values()] == ["ok", "ok"]
        state, text = doctor(upstream.url)["ollama"]
        assert state == "warn"
        assert "ollama pull only-here" in text
