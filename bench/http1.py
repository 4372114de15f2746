"""`python -m bench.http1`: what asking the model server costs, ours beside aiohttp's client.

CPU of one request with a short answer, and of a stream of 200 chunks, in microseconds; in turn, in
one process. The same bytes come from the same server. Compare ratios only.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import aiohttp
import uvloop

from bench.servers import Direct
from bench.workloads import Target
from gateway.backends.http1 import Http1Client, Silence

ROUNDS, CALLERS = 7, 16
LOADS = {"answer-1024": 1600, "burst-200": 320}
_JSON = {"Content-Type": "application/json"}


async def _cpu(call: Callable[[], Awaitable[int]], count: int) -> float:
    """Microseconds of CPU for one call, of many callers at once."""

    async def caller() -> None:
        for _ in range(count // CALLERS):
            assert await call() > 1024, "that was not the whole answer"

    began = time.process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (time.process_time() - began) / count * 1e6


async def measure(port: int) -> None:
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    ours = Http1Client(keep_alive=60.0)
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(sock_read=60.0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as theirs:
        for model, count in LOADS.items():
            body = Target(port).request(model, model.startswith("burst")).partition(b"\r\n\r\n")[2]

            async def by_ours(body: bytes = body) -> int:
                silence = Silence(60.0, 60.0)
                answer = await ours.send("POST", url, _JSON, body, connect=5.0, silence=silence)
                return sum([len(part) async for part in answer])

            async def by_aiohttp(body: bytes = body) -> int:
                async with theirs.post(url, data=body, headers=_JSON) as answer:
                    return sum([len(part) async for part in answer.content.iter_any()])

            costs: dict[str, list[float]] = {"ours": [], "aiohttp": []}
            for _ in range(ROUNDS):
                costs["ours"].append(await _cpu(by_ours, count))
                costs["aiohttp"].append(await _cpu(by_aiohttp, count))
            mine, other = median(costs["ours"]), median(costs["aiohttp"])
            print(f"{model:<12} ours {mine:5.0f} µs, aiohttp {other:5.0f} µs: {mine / other:.2f}")
    ours.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="localllm-bench-") as scratch:
        direct = Direct(Path(scratch))
        try:
            uvloop.run(measure(direct.target.port))
        finally:
            direct.stop()


if __name__ == "__main__":
    main()
