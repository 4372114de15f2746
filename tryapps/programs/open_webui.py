"""Starts Open WebUI and talks with its API as one of its users."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
READ = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Reads a file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}
client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)


def start() -> subprocess.Popen[bytes]:
    command = ["open-webui", "serve", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(command)


def wait(server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise SystemExit("Open WebUI did not start")


def sign_up() -> None:
    """The first user is the administrator."""
    person = {"name": "a", "email": "a@example.com", "password": "not-a-secret-1"}
    token = client.post("/api/v1/auths/signup", json=person).raise_for_status().json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"


def chat(messages: list[dict[str, Any]], model: str) -> dict[str, Any]:
    body = {"model": model, "messages": messages, "tools": [READ], "stream": False}
    answer = client.post("/api/chat/completions", json=body)
    if answer.status_code != 200:
        raise SystemExit(f"{answer.status_code} {answer.text}")
    return answer.json()["choices"][0]["message"]


server = start()
try:
    wait(server)
    sign_up()
    listed = client.get("/api/models").raise_for_status().json()["data"]
    print("models:", [one["id"] for one in listed])
    messages: list[dict[str, Any]] = [{"role": "user", "content": os.environ["TASK"]}]
    while (message := chat(messages, listed[0]["id"])).get("tool_calls"):
        messages.append(message)
        for call in message["tool_calls"]:
            text = Path(json.loads(call["function"]["arguments"])["path"]).read_text()
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
    print(message["content"])
finally:
    server.terminate()
    server.wait(20)
