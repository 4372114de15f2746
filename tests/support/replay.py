"""A model server that says, byte for byte, what a real Ollama was recorded to say."""

import asyncio
import contextlib
import json
import re
import threading
from base64 import b64decode
from collections.abc import Coroutine, Iterator
from functools import cache
from typing import Any

from gateway.dialects import all_dialects
from tests.support.paths import RECORDINGS
from tests.support.stream_server import StreamServer

CHAT = "/v1/chat/completions"
ANSWERED = {dialect.upstream for dialect in all_dialects()}
PATIENCE = 60.0  # seconds after which something did not happen
_NO_ROUTE = (
    b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 18\r\n\r\n404 page not found"
)


class Recording:
    """One case of the recordings' folder."""

    def __init__(self, name: str) -> None:
        folder = RECORDINGS / name
        meta = json.loads(folder.joinpath("meta.json").read_text("utf-8"))
        self.name = name
        self.path: str = meta["path"]
        self.request = folder.joinpath("request.http").read_bytes()
        self.head = folder.joinpath("response.head").read_bytes()
        self.body = folder.joinpath("response.body").read_bytes()
        self.status: int | None = meta["status"]
        self.framing: str = meta["framing"]
        self.cut: bool = meta["end"] == "server-closed-early"
        self.streams = meta["content_type"] == "text/event-stream"
        chunks = folder / "chunks.jsonl"
        self.chunks = [self.body]
        if chunks.exists():
            lines = map(json.loads, chunks.read_text("utf-8").splitlines())
            self.chunks = [
                line["data"].encode() if "data" in line else b64decode(line["data_b64"])
                for line in lines
            ]
        assert b"".join(self.chunks) == self.body

    @property
    def asked(self) -> dict[str, Any]:
        """What the client asked for, where that is JSON in one piece."""
        return json.loads(self.request.partition(b"\r\n\r\n")[2])

    @property
    def usage(self) -> tuple[int, int] | None:
        """Prompt and completion tokens as Ollama reported them."""
        texts = [self.body]
        if self.streams:
            texts = [one[6:] for one in self.body.split(b"\n\n") if one.startswith(b"data: {")]
        for text in texts:
            counts = json.loads(text).get("usage") or {}
            if counts.get("completion_tokens"):
                return counts["prompt_tokens"], counts["completion_tokens"]
        return None


def cases(path: str) -> list[str]:
    """The names of all recordings of one route."""
    return sorted(name for name, route in _routes().items() if route == path)


@cache
def _routes() -> dict[str, str]:
    """The route of each recording."""
    metas = {folder.name: folder / "meta.json" for folder in RECORDINGS.iterdir()}
    return {name: json.loads(meta.read_text("utf-8"))["path"] for name, meta in metas.items()}


class Replay:
    """The server, on a thread with a loop of its own. Put a `recording` in, and ask it."""

    def __init__(self) -> None:
        self.recording: Recording | None = None
        self.received: list[tuple[bytes, bytes]] = []  # head and body of each chat
        self._server = StreamServer(self._serve)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    @contextlib.contextmanager
    def running(self) -> Iterator["Replay"]:
        self._thread.start()
        self._call(self._server.start())
        try:
            yield self
        finally:
            self._call(self._server.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self._answer(reader, writer):
            pass

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection lives on."""
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        ]
        body = await reader.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)
        if head.split(b" ")[1].decode() not in ANSWERED:
            writer.write(_NO_ROUTE)
            return True
        self.received.append((head, body))
        recording = self.recording
        assert recording is not None
        writer.write(recording.head)
        for chunk in recording.chunks:
            framed = recording.framing == "chunked" and chunk
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if framed else chunk)
            await writer.drain()
        if recording.cut or recording.framing == "eof":
            return False
        if recording.framing == "chunked":
            writer.write(b"0\r\n\r\n")
        return True


def is_about_the_context(said: str, told: str) -> bool:
    """Whether the model server `said` that a prompt does not fit, and the client is `told` so with
    what can be done about it."""
    return "context" in said and "context length" in told and "OLLAMA_CONTEXT_LENGTH" in told


def one_way(words: str) -> str:
    """Ollama's words for a model that is not there, which differ from route to route, and those of
    its runner, which it passes on as JSON, as the gateway tells them; any others as they are."""
    if words.startswith('{"error":'):
        words = json.loads(words)["error"]["message"].replace("\n", " ")
    return re.sub(r"""model ['"](.*?)['"] not found.*""", r"model '\1' not found", words)
