"""POST /admin/doctor: what `localllm doctor` finds of the gateway's own machine."""

from tests.support.callers import admin
from tests.support.failing_parts import GatewayProcess


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
