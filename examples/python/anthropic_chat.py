"""Stream an answer with Anthropic's package."""

import os
import sys

from anthropic import Anthropic, APIError

url, key = os.environ.get("LOCALLLM_URL"), os.environ.get("LOCALLLM_KEY")
if not url or not key:
    sys.exit("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.")

client = Anthropic(base_url=url, api_key=key)
try:
    with client.messages.stream(
        model=os.environ.get("LOCALLLM_MODEL", "gemma3:270m"),
        messages=[{"role": "user", "content": "Why is the sky blue?"}],
        max_tokens=50,
    ) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)
        used = stream.get_final_message().usage
        print(f"\n[{used.input_tokens} tokens in, {used.output_tokens} out]")
except APIError as problem:  # refused, or broken off in the middle of the answer
    sys.exit(f"\n{problem}")
