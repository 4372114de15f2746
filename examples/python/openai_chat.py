"""Stream an answer with OpenAI's package."""

import os
import sys

from openai import APIError, OpenAI

url, key = os.environ.get("LOCALLLM_URL"), os.environ.get("LOCALLLM_KEY")
if not url or not key:
    sys.exit("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.")

client = OpenAI(base_url=f"{url}/v1", api_key=key)
try:
    stream = client.chat.completions.create(
        model=os.environ.get("LOCALLLM_MODEL", "gemma3:270m"),
        messages=[{"role": "user", "content": "Why is the sky blue?"}],
        max_tokens=50,
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
        if chunk.usage:
            used = chunk.usage
            print(f"\n[{used.prompt_tokens} tokens in, {used.completion_tokens} out]")
except APIError as problem:  # refused, or broken off in the middle of the answer
    sys.exit(f"\n{problem}")
