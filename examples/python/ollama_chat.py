"""Stream an answer with Ollama's package."""

import os
import sys

from httpx import HTTPError
from ollama import Client, ResponseError

url, key = os.environ.get("LOCALLLM_URL"), os.environ.get("LOCALLLM_KEY")
if not url or not key:
    sys.exit("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.")

client = Client(host=url, headers={"Authorization": f"Bearer {key}"})
try:
    stream = client.chat(
        model=os.environ.get("LOCALLLM_MODEL", "gemma3:270m"),
        messages=[{"role": "user", "content": "Why is the sky blue?"}],
        options={"num_predict": 50},
        stream=True,
    )
    for part in stream:
        print(part.message.content, end="", flush=True)
        if part.done:
            print(f"\n[{part.prompt_eval_count} tokens in, {part.eval_count} out]")
except (ResponseError, HTTPError) as problem:  # refused, or broken off in the middle
    sys.exit(f"\n{problem}")
