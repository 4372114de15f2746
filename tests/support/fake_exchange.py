"""One request that the fake model server received, and the ways of answering it."""

import asyncio
import json
from typing import Any

WORDS = ("Hello", " there", ",", " friend", ".")
PROMPT_TOKENS = 11


class Exchange:
    """One request that was received, and the ways of answering it."""

    def __init__(self, writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = [
            (name.lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines if line)
        ]
        self.raw = head + b"\r\n\r\n" + body
        self.body = body
        self.gone = False  # the gateway closed the connection before the answer was whole
        self.ended = False
        self._writer = writer
        self._spoke = False

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """What the last message says."""
        return self.json["messages"][-1]["content"]

    async def whole(self, value: object, status: int = 200) -> None:
        """A complete answer; bytes go out as they are, anything else as JSON."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        await self._write(
            b"HTTP/1.1 %d Fake\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, len(body), body)
        )

    async def head(self, content_type: str = "text/event-stream") -> None:
        """Begin an answer of unknown length."""
        await self._write(
            b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
            % content_type.encode()
        )

    async def send(self, data: bytes) -> None:
        """Some bytes of it."""
        await self._write(b"%x\r\n%s\r\n" % (len(data), data))

    async def event(self, value: object) -> None:
        """One server-sent event; text as it is, anything else as JSON."""
        text = value if isinstance(value, str) else json.dumps(value)
        await self.send(f"data: {text}\n\n".encode())

    async def words(self, words: tuple[str, ...] = WORDS) -> None:
        """One event for each word; the first of all names the role, as Ollama's does."""
        for word in words:
            role = {} if self._spoke else {"role": "assistant"}
            self._spoke = True
            await self.event(self.chunk([{"index": 0, "delta": {**role, "content": word}}]))

    async def usage(self, prompt: int = PROMPT_TOKENS, completion: int = len(WORDS)) -> None:
        """The finish, the usage, the end: a stream as Ollama ends it."""
        await self.event(self.chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        await self.event(self.chunk([], usage(prompt, completion)))
        await self.event("[DONE]")
        await self.end()

    async def end(self) -> None:
        """The end as HTTP says it."""
        await self._write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Drop the connection in the middle of whatever it was."""
        self._writer.transport.abort()

    def chunk(self, choices: list[Any], reported: object = None) -> dict[str, Any]:
        """One chunk of a stream."""
        made = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1}
        more = {} if reported is None else {"usage": reported}
        return {**made, "model": self.json["model"], "choices": choices, **more}

    def completion(
        self, text: str = "".join(WORDS), prompt: int = PROMPT_TOKENS, completion: int = len(WORDS)
    ) -> dict[str, Any]:
        """A whole answer, as it is when nothing is streamed."""
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": self.json["model"],
            "choices": [choice],
            "usage": usage(prompt, completion),
        }

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Token counts as OpenAI words them."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


async def answer(exchange: Exchange) -> None:
    """What a model does on a good day."""
    if not exchange.json.get("stream"):
        await exchange.whole(exchange.completion())
        return
    await exchange.head()
    await exchange.words()
    await exchange.usage()
