"""Zed's requests to an Ollama, field by field.

Source: crates/ollama/src/ollama.rs: models, what each can do, then chats with `keep_alive: -1` and
`num_ctx`, streamed. Fields without a value are null, and a tool call has no type.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx

client = httpx.Client(
    base_url=os.environ["GATEWAY"], headers={"Authorization": f"Bearer {os.environ['KEY']}"}
)
READ = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Reads a file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
        },
    },
}


def chat(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """One turn; the message in one piece."""
    request = {
        "model": os.environ["MODEL"],
        "messages": messages,
        "stream": True,
        "keep_alive": -1,
        "options": {
            "num_ctx": 16384,
            "num_predict": None,
            "stop": [],
            "temperature": None,
            "top_p": None,
        },
        "tools": [READ],
        "think": None,
    }
    said, calls = "", []
    with client.stream("POST", "/api/chat", json=request) as answer:
        if answer.status_code != 200:
            raise SystemExit(f"{answer.status_code} {answer.read().decode()}")
        for line in answer.iter_lines():
            message = json.loads(line)["message"]
            said += message["content"]
            calls += message.get("tool_calls") or []
    return {"role": "assistant", "content": said, "tool_calls": calls or None, "thinking": None}


models = client.get("/api/tags").raise_for_status().json()["models"]
shown = client.post("/api/show", json={"model": models[0]["name"]}).raise_for_status().json()
assert "tools" in shown["capabilities"]
messages: list[dict[str, Any]] = [
    {"role": "system", "content": "You are a highly skilled software engineer."},
    {"role": "user", "content": os.environ["TASK"]},
]
while (answer := chat(messages))["tool_calls"]:
    calls = answer["tool_calls"]
    messages.append({**answer, "tool_calls": [{"function": call["function"]} for call in calls]})
    for call in calls:
        text = Path(call["function"]["arguments"]["path"]).read_text()
        name = call["function"]["name"]
        messages.append({"role": "tool", "tool_name": name, "content": text})
print(answer["content"])
