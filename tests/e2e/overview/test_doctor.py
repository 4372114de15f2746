"""POST /admin/doctor: what `localllm doctor` finds of the gateway's own machine."""

import asyncio

import httpx

from tests.support.callers import admin
from tests.support.failing_parts import GatewayProcess
from tests.support.watching_owner import SECRET


def test_it_says_what_doctor_says(gateway: GatewayProcess) -> None:
    told = admin(gateway.url, "POST", "/doctor")
    assert told["object"] == "doctor"
    found = {one["title"]: one for one in told["findings"]}
    assert {"python", "settings", "store", "outbox", "ollama", "port"} <= found.keys()
    assert {one["state"] for one in told["findings"]} <= {"ok", "warning", "failed"}
    assert found["store"]["state"] == "ok"
    assert "qwen2.5:7b" in found["ollama"]["text"]  # the default model is not installed
    assert found["ollama"]["state"] == "warning"
    assert all(one["text"] for one in told["findings"])


def test_two_who_ask_at_once_get_one_examination(gateway: GatewayProcess) -> None:
    async def scene() -> list[object]:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, verify=False) as client:
            asked = [client.post("/admin/doctor", headers=SECRET, timeout=90) for _ in range(2)]
            return [answer.json() for answer in await asyncio.gather(*asked)]

    one, other = asyncio.run(asyncio.wait_for(scene(), 100))
    assert one == other
