"""What an owner and a caller do in tests: make a key, ask, look at what was counted."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.failing_parts import GatewayProcess
from tests.support.gateway_process import fresh_directory

ADMIN_SECRET = "for-tests-only"
QUESTION: dict[str, Any] = {
    "model": "fake:latest",
    "messages": [{"role": "user", "content": "Say hello."}],
}


@contextmanager
def served(upstream: str, dsn: str = "", **settings: object) -> Generator[GatewayProcess]:
    """A running `localllm serve`, stopped in good order at the end."""
    with fresh_directory() as home:
        gateway = GatewayProcess(home, upstream, dsn, **settings)
        asyncio.run(gateway.start())
        try:
            yield gateway
            assert asyncio.run(gateway.stop()) == 0
        finally:
            if gateway.running is not None:
                gateway.running.kill()


def connect(url: str) -> httpx.Client:
    """A plain client: no proxy of the machine's, no retries. It speaks HTTP only: to read the
    certificates of all authorities would take it 20 ms."""
    return httpx.Client(base_url=url, trust_env=False, timeout=60, verify=False)


def admin(url: str, method: str, path: str, body: object = None) -> Any:
    """One call of the owner's, which has to succeed."""
    with connect(url) as client:
        headers = {"X-Admin-Secret": ADMIN_SECRET}
        answer = client.request(method, f"/admin{path}", json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


def make_key(url: str, label: str = "a test", **fields: object) -> str:
    """A new key, which may call as often as it likes unless the fields say otherwise."""
    return make_keys(url, label, **fields)["key"]


def make_keys(url: str, label: str = "a test", **fields: object) -> Any:
    """The same with all that the owner is told of it."""
    body = {"label": label, "rate_limit_per_min": 1_000_000, **fields}
    return admin(url, "POST", "/api-keys", body)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def counted(url: str, key: str) -> tuple[int, int, int]:
    """Requests, prompt tokens and completion tokens of a key, as `GET /v1/usage` tells them."""
    with connect(url) as client:
        report = client.get("/v1/usage", headers=bearer(key)).json()
    days = report["by_day"]
    prompt = sum(row["prompt_tokens"] for row in days)
    completion = sum(row["completion_tokens"] for row in days)
    assert report["month"]["tokens_used"] == prompt + completion
    assert report["month"]["tokens_held"] == 0
    return report["month"]["requests"], prompt, completion
