"""A tool with Anthropic's package, which takes address and key from the environment."""

import os
from pathlib import Path

from anthropic import Anthropic, beta_tool


@beta_tool
def read_file(path: str) -> str:
    """Read a text file.

    Args:
        path: where it is
    """
    return Path(path).read_text()


runner = Anthropic().beta.messages.tool_runner(
    model=os.environ["MODEL"],
    max_tokens=1000,
    tools=[read_file],
    messages=[{"role": "user", "content": os.environ["TASK"]}],
)
for message in runner:
    print(*(block.text for block in message.content if block.type == "text"))
