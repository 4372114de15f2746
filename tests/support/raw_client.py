"""Requests as bytes, so that they can be as wrong as we like, and answers taken apart."""

import asyncio
import json
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.support.callers import QUESTION
from tests.support.gateway_process import PATIENCE


class Answer(NamedTuple):
    """One HTTP answer; `rest`: what came after it."""

    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes = b""

    @property
    def error(self) -> dict[str, Any]:
        """The error in it, which has all four keys."""
        error = json.loads(self.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
        return error


def request(
    method: str, target: str, body: bytes = b"", *headers: str, version: str = "1.1"
) -> bytes:
    """A request that asks for the connection to be closed after its answer."""
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", "Connection: close", *headers]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def exchange(port: int, parts: Iterable[bytes], *, keep: bool = False) -> bytes:
    """Send the parts over one connection; all that comes back until it is closed.

    `keep`: the request asks for no closing, and one answer to it is all.
    """

    async def talk() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.create_task(_read_one(reader) if keep else _read_all(reader))
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
        except OSError:
            pass  # the other side has had enough of it
        try:
            async with asyncio.timeout(PATIENCE):
                return await reading
        finally:
            writer.close()

    return asyncio.run(talk())


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while part := await reader.read(65536):
            received += part
    except OSError:
        pass
    return received


async def _read_one(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(int(parse(head).headers["content-length"]))


def ask_without_closing(port: int, *parts: bytes) -> Answer:
    """The same for a request whose body is not read to its end: closing would reset it."""
    first, *more = parts
    return parse(exchange(port, [first.replace(b"Connection: close\r\n", b""), *more], keep=True))


def ask(port: int, *parts: bytes) -> Answer:
    """The one answer to a request that was sent in these parts."""
    answer = parse(exchange(port, parts))
    assert answer.rest == b""
    return answer


def chat(port: int, key: str, body: bytes | None = None, *headers: str) -> Answer:
    """Ask the model; a good question unless the body says otherwise."""
    body = json.dumps(QUESTION).encode() if body is None else body
    target = "/v1/chat/completions"
    return ask(port, request("POST", target, body, f"Authorization: Bearer {key}", *headers))


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The error in the answer, which is the one expected."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-request-id"]) == 36
    assert answer.error["code"] == code
    return answer.error


def parse(received: bytes) -> Answer:
    """The first answer in what was received."""
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    length = int(headers.get("content-length", len(body)))
    return Answer(int(lines[0].split()[1]), headers, body[:length], body[length:])


def leave_in_the_middle(port: int, part: bytes) -> None:
    """Send a part of a request and go."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(part)
