"""The yardstick: what any Litestar gateway pays. It checks one key by its hash, in memory, forwards
with aiohttp's client, streams, and reads the usage; it holds, limits and keeps nothing.

`python -m bench.bare PORT UPSTREAM` serves until it is stopped; its key is KEY.
"""

import json
import re
import sys
from hashlib import sha256
from typing import Any

import aiohttp
import uvicorn
from litestar import Litestar, asgi

KEY = "bare-key"
_TOKENS = re.compile(rb'"(?:prompt|completion)_tokens"\s*:\s*(\d+)')
_known = {sha256(KEY.encode()).hexdigest()}
_counted: list[int] = []


def make_app(upstream: int) -> Litestar:
    url = f"http://127.0.0.1:{upstream}/v1/chat/completions"
    clients: list[aiohttp.ClientSession] = []

    def client() -> aiohttp.ClientSession:
        if not clients:
            connector = aiohttp.TCPConnector(limit=0)
            timeout = aiohttp.ClientTimeout(total=None)
            clients.append(aiohttp.ClientSession(connector=connector, timeout=timeout))
        return clients[0]

    @asgi("/v1/chat/completions", copy_scope=False)
    async def chat(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        shown = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if sha256(shown).hexdigest() not in _known:
            await _whole(send, 401, b'{"error":{"message":"Who is this?"}}')
            return
        parts: list[bytes] = []
        more = True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        asked = json.loads(b"".join(parts))
        streams = bool(asked.get("stream"))
        if streams:
            asked["stream_options"] = {"include_usage": True}
        body = json.dumps(asked).encode()
        async with client().post(
            url, data=body, headers={"Content-Type": "application/json"}
        ) as answer:
            if not streams:
                told = await answer.read()
                _counted.append(sum(map(int, _TOKENS.findall(told))))
                await _whole(send, answer.status, told)
                return
            kind = answer.headers.get("Content-Type", "").encode()
            start = {"type": "http.response.start", "status": 200}
            await send({**start, "headers": [(b"content-type", kind)]})
            async for told in answer.content.iter_any():
                if b'"usage"' in told:
                    _counted.append(sum(map(int, _TOKENS.findall(told))))
                await send({"type": "http.response.body", "body": told, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    @asgi("/health", copy_scope=False)
    async def health(scope: Any, receive: Any, send: Any) -> None:
        await _whole(send, 200, b"{}")

    return Litestar([chat, health], openapi_config=None, logging_config=None)


async def _whole(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def main() -> None:
    port, upstream = int(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(
        make_app(upstream),
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
