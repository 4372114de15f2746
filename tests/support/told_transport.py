"""What `httpx_mock` tells, in the place of the transport to the model servers."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import httpx

from gateway.backends.http1 import (
    ConnectError,
    Http1Client,
    ReadError,
    ReadTimeout,
    Silence,
    TransportError,
)


def _named(problem: httpx.TransportError) -> TransportError:
    if isinstance(problem, httpx.ReadTimeout):
        return ReadTimeout(str(problem))
    kind = ReadError if isinstance(problem, httpx.ReadError) else ConnectError
    return kind(str(problem))


class ToldResponse:
    """One response of httpx's, as one of ours."""

    coded = False

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.content_type: str = response.headers.get("content-type", "")
        self._stream = cast(Any, response.stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except httpx.TransportError as problem:
            raise _named(problem) from problem

    def close(self) -> None:
        self._stream.close()


class ToldTransport(Http1Client):
    """Asks httpx, which pytest-httpx answers for; what it was asked is in `httpx_mock`."""

    def __init__(self) -> None:
        super().__init__(keep_alive=60.0)

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect: float,
        silence: Silence,
    ) -> ToldResponse:
        limits = {"connect": connect, "read": silence.body}
        request = httpx.Request(
            method,
            url,
            headers=headers,
            stream=httpx.ByteStream(body),
            extensions={"timeout": limits},
        )
        try:
            return ToldResponse(await httpx.AsyncHTTPTransport().handle_async_request(request))
        except httpx.TransportError as problem:
            raise _named(problem) from problem
