"""A tool with OpenAI's package, which takes address and key from the environment."""

import json
import os
from pathlib import Path
from typing import Any

from openai import OpenAI

client = OpenAI()
READ: Any = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Reads a file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}
messages: list[Any] = [{"role": "user", "content": os.environ["TASK"]}]
while True:
    answer = client.chat.completions.create(
        model=os.environ["MODEL"], messages=messages, tools=[READ]
    )
    message = answer.choices[0].message
    if not message.tool_calls:
        break
    messages.append(message)
    for call in message.tool_calls:
        text = Path(json.loads(call.function.arguments)["path"]).read_text()
        messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
print(message.content)
