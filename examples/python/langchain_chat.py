"""Stream an answer through a chain of LangChain."""

import os
import sys

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from openai import APIError

url, key = os.environ.get("LOCALLLM_URL"), os.environ.get("LOCALLLM_KEY")
if not url or not key:
    sys.exit("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.")

prompt = ChatPromptTemplate([("system", "Answer in one sentence."), ("user", "{question}")])
model = ChatOpenAI(
    base_url=f"{url}/v1",
    api_key=key,
    model=os.environ.get("LOCALLLM_MODEL", "gemma3:270m"),
    max_completion_tokens=50,
    stream_usage=True,
)
chain = prompt | model
try:
    for chunk in chain.stream({"question": "Why is the sky blue?"}):
        print(chunk.content, end="", flush=True)
        if used := chunk.usage_metadata:
            print(f"\n[{used['input_tokens']} tokens in, {used['output_tokens']} out]")
except APIError as problem:  # refused, or broken off in the middle of the answer
    sys.exit(f"\n{problem}")
