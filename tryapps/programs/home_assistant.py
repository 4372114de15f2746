"""The calls of Home Assistant's Ollama integration, in its order and with its fields.

Source: homeassistant/components/ollama, config_flow.py and entity.py: a list of models to check
the address, then chats with `num_ctx`, `keep_alive` and the house's tools, streamed.
"""

import asyncio
import json
import os
from pathlib import Path

from ollama import AsyncClient, Message

READ = {
    "type": "function",
    "function": {
        "name": "HassReadFile",
        "description": "Reads a file",
        "parameters": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        },
    },
}


def read(name: str) -> str:
    return Path(name).read_text("utf-8")


async def main() -> None:
    # What a person types into the integration's form.
    client = AsyncClient(
        host=os.environ["GATEWAY"], headers={"Authorization": f"Bearer {os.environ['KEY']}"}
    )
    listed = await client.list()
    model = os.environ["MODEL"]
    assert model in {one.model for one in listed.models}
    messages = [
        Message(role="system", content="You are a voice assistant for Home Assistant."),
        Message(role="user", content=os.environ["TASK"]),
    ]
    for _ in range(10):
        said, calls = "", []
        async for part in await client.chat(
            model=model,
            messages=messages,
            tools=[READ],
            stream=True,
            keep_alive=-1,
            options={"num_ctx": 8192.0},
            think=False,
            format=None,
        ):
            said += part.message.content or ""
            calls += part.message.tool_calls or ()
        messages.append(Message(role="assistant", content=said, tool_calls=calls or None))
        if not calls:
            print(said)
            return
        for call in calls:
            result = {"data": read(call.function.arguments["name"]), "error": None}
            messages.append(Message(role="tool", content=json.dumps(result)))


asyncio.run(main())
