"""The fake model: speaks Ollama's OpenAI chat from bytes made beforehand, in a process of its own.

It has to be far cheaper than what stands before it, so it parses with httptools, looks for three
things in the body without decoding it, and answers with one write where it can.
`python -m bench.upstream` prints its port and lives until its standard input ends.
"""

import asyncio
import re
import sys
from typing import Any, cast

import httptools

from bench import plans

MODELS = ("answer-1024", "burst-200", "burst-20", "paced-20x3", "paced-20x10")
MODELS += ("paced-40x1", "paced-40x4", "late-200x20", "spends-1024")
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]+)"')
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_MOST = re.compile(rb'"max_tokens"\s*:\s*([0-9]+)')
_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_RUNS = '{"name":"%s:latest","model":"%s:latest","size":1,"size_vram":0,"context_length":4096}'
_TAG = '{"name":"%s:latest","model":"%s:latest","modified_at":"2026-11-23T11:04:22Z","size":1}'
_FIXED = {
    b"/api/version": b'{"version":"0.33.0"}',
    b"/api/ps": f'{{"models":[{",".join(_RUNS % (m, m) for m in MODELS)}]}}'.encode(),
    b"/api/tags": f'{{"models":[{",".join(_TAG % (m, m) for m in MODELS)}]}}'.encode(),
    b"/api/show": b'{"details":{},"capabilities":["completion"],"model_info":'
    b'{"general.architecture":"fake","fake.context_length":131072}}',
    b"/v1/models": b'{"object":"list","data":[%s]}'
    % b",".join(
        b'{"id":"%s","object":"model","created":1795431862,"owned_by":"library"}' % m.encode()
        for m in MODELS
    ),
    b"/": b'"Ollama is running"',
}
_UNKNOWN = plans.json_response(
    b'{"error":{"message":"not found","type":"not_found_error","param":null,"code":null}}',
    b"404 Not Found",
)
_ANSWERS = {path: plans.json_response(body) for path, body in _FIXED.items()}


class Connection(asyncio.Protocol):
    """One connection. Requests on it are answered one after the other."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpRequestParser(self)
        self.url = b""
        self.body: list[bytes] = []
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()

    def on_message_begin(self) -> None:
        self.url = b""
        self.body.clear()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        if self.url == b"/v1/chat/completions":
            self.chat(b"".join(self.body))
        else:
            self.transport.write(_ANSWERS.get(self.url, _UNKNOWN))

    def chat(self, body: bytes) -> None:
        found = _MODEL.search(body)
        plan = plans.parse(found[1].decode("utf-8", "replace")) if found else None
        if plan is None:
            self.transport.write(_UNKNOWN)
        elif not _STREAM.search(body):
            most = _MOST.search(body) if plan.kind == "spends" else None
            self.transport.write(plans.answer(plan, int(most[1]) if most else None))
        elif plan.interval:
            self.transport.write(plans.stream_head())
            self.pace(plan, bool(_USAGE.search(body)), 0, asyncio.get_running_loop().time())
        elif plan.thinking:
            pieces = plans.burst(plan, bool(_USAGE.search(body)))
            self.timer = asyncio.get_running_loop().call_later(plan.thinking, self.rush, pieces, 0)
        else:
            self.rush(plans.burst(plan, bool(_USAGE.search(body))), 0)

    def rush(self, pieces: tuple[bytes, ...], sent: int) -> None:
        """One write in each turn of the loop."""
        self.transport.write(pieces[sent])
        if sent + 1 < len(pieces) and not self.transport.is_closing():
            asyncio.get_running_loop().call_soon(self.rush, pieces, sent + 1)

    def pace(self, plan: plans.Plan, with_usage: bool, sent: int, start: float) -> None:
        """Send one chunk and call again at the next beat, counted from the start: no drift."""
        if sent == plan.size:
            self.timer = None
            self.transport.write(plans.stream_end(plan, with_usage))
            return
        self.transport.write(plans.chunk(plan))
        beat = start + (sent + 1) * plan.interval
        loop = asyncio.get_running_loop()
        self.timer = loop.call_at(beat, self.pace, plan, with_usage, sent + 1, start)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # nothing is ever written: readable is the end
    await ended.wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())
