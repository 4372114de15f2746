"""How many requests a model server runs at once. It does not tell, so it is tried out."""

import asyncio
import json
from typing import TYPE_CHECKING

from gateway.checks.finding import Finding, ok, warn
from gateway.config.settings import Settings
from gateway.core.errors import Refusal

if TYPE_CHECKING:
    from gateway.backends.client import BackendClient
    from gateway.backends.probe import Found

_MOST = 8  # requests that are tried
_FEW = 4  # events of an answer that are too few to tell
_SPOKEN = 0.4  # seconds after an answer's first event in which all that run at once begin too
_LENGTH = 64  # tokens: no model says so many in less time, and it is stopped before
_TRIES = 2  # one that had to wait for something else may have begun late
_PATIENCE = 5.0  # seconds for each try
_QUESTION = "Count from one to a hundred in words."


async def parallel(loaded: Settings, found: "dict[str, Found]") -> Finding:
    """Whether the machines run as many as they are given. One that has no model in memory is not
    asked: it would have to load one."""
    slots = min(loaded.upstream_concurrency, _MOST)
    in_memory = {url: next(iter(one.loaded)) for url, one in found.items() if one.loaded}
    if slots == 1:
        return ok("parallel", "one request at a time")
    tried = await asyncio.gather(*(at_once(url, model, slots) for url, model in in_memory.items()))
    for url, count in zip(in_memory, tried, strict=True):
        if count is not None and count < slots:
            return warn(
                "parallel",
                f"{url} ran {count} of {slots} requests at once: the others wait in its own queue, "
                f"where keys do not take turns. Start Ollama with OLLAMA_NUM_PARALLEL={slots}, or "
                f"set UPSTREAM_CONCURRENCY={count}, unless it was busy just now.",
            )
    if any(tried):
        return ok("parallel", f"{slots} requests run at once")
    return ok("parallel", "not known: no model is in memory, or none said enough")


async def at_once(url: str, model: str, slots: int) -> int | None:
    """How many of so many short requests run at once; None: that cannot be told."""
    from gateway.backends.client import BackendClient, Target

    client = BackendClient(Target(url), _PATIENCE)
    try:
        found = [await _try(client, model, slots) for _ in range(_TRIES)]
    finally:
        client.close()
    return max((one for one in found if one is not None), default=None)


async def _try(client: "BackendClient", model: str, slots: int) -> int | None:
    """How many have begun when the first of them has spoken for long enough. An answer that ends
    sooner tells only when all have begun: one that is late may have waited for the network."""
    question = {"role": "user", "content": _QUESTION}
    asked = {"model": model, "messages": [question], "stream": True, "max_tokens": _LENGTH}
    body = json.dumps(asked).encode()
    begun: set[int] = set()
    loop = asyncio.get_running_loop()

    async def ask(number: int) -> int | None:
        response = await client.post("/v1/chat/completions", body)
        if isinstance(response, Refusal):
            return None
        events, first = 0, 0.0
        try:
            async for chunk in response.chunks():
                events += chunk.count(b"data: {") if response.status == 200 else 0
                if events and number not in begun:
                    begun.add(number)
                    first = loop.time()
                if events >= _FEW and loop.time() - first >= _SPOKEN:
                    return len(begun)
        finally:
            response.close()
        return slots if len(begun) == slots and events >= _FEW else None

    tasks = [asyncio.create_task(ask(number)) for number in range(slots)]
    try:
        done, _ = await asyncio.wait(tasks, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        return max((one.result() or 0 for one in done if not one.exception()), default=0) or None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
