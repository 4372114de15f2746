"""Asks as the gateway asks a model server, and reads all of it."""

import asyncio

from gateway.backends.http1 import Http1Client, Response, Silence
from tests.support.byte_server import OK

FOUND = OK + b"Content-Length: 3\r\n\r\nabc"
PATIENT = Silence(30.0, 30.0)


async def ask(
    client: Http1Client,
    url: str,
    body: bytes = b"",
    *,
    method: str = "",
    silence: Silence = PATIENT,
    connect: float = 30.0,
) -> Response:
    headers = {"Host": "localhost", "X-Y": "z"}
    async with asyncio.timeout(30):
        return await client.send(
            method or ("POST" if body else "GET"),
            url,
            headers,
            body,
            connect=connect,
            silence=silence,
        )


async def read(response: Response) -> bytes:
    async with asyncio.timeout(30):
        return b"".join([part async for part in response])
