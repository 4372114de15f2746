"""A tool with Ollama's package, which takes address and key from the environment."""

import os
from pathlib import Path

import ollama


def read_file(path: str) -> str:
    """Read a text file.

    Args:
        path: where it is
    """
    return Path(path).read_text()


messages = [{"role": "user", "content": os.environ["TASK"]}]
while True:
    answer = ollama.chat(os.environ["MODEL"], messages=messages, tools=[read_file])
    messages.append(answer.message)
    if not answer.message.tool_calls:
        break
    for call in answer.message.tool_calls:
        text = read_file(**call.function.arguments)
        messages.append({"role": "tool", "tool_name": call.function.name, "content": text})
print(answer.message.content)
