"""A gateway behind a tunnel: `up --tunnel`, the stand-in for cloudflared, and Cloudflare's edge.

`through`: a caller from outside, whose bytes the edge takes apart. `marked`: the same bytes on the
way from cloudflared to the gateway, as if the edge had passed them on as they are, and had only put
its own headers in front.
"""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.cloudflared import scenario
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway_process import PATIENCE, ask, fresh_directory
from tests.support.raw_client import Answer, parse
from tests.support.tunnel.up import Up, up

CALLER = "203.0.113.5"
MARKS = (
    f"CF-Connecting-IP: {CALLER}",
    "CF-Ray: 8c1f00aa11bb22cc-FRA",
    'CF-Visitor: {"scheme":"https"}',
    "CF-IPCountry: DE",
    "CDN-Loop: cloudflare; loops=1",
)
SECRET = "X-Admin-Secret: for-tests-only"  # the right one: the door alone has to hold


@contextmanager
def behind(
    upstream: FakeUpstream, dsn: str, silence: float = 60.0, **settings: object
) -> Generator[Up]:
    """`silence`: seconds without a byte after which the edge gives up."""
    with fresh_directory() as folder:
        scenario.install(folder / "stand-in", silence=silence)
        with up(upstream, dsn, folder / "stand-in", **settings) as it:
            # The gateway looks once a second whether there is one; this makes it look now.
            assert ask(f"{it.gateway.url}/health")[1]["tunnel"] == {"state": "connected"}
            yield it


def port(url: str) -> int:
    return urlsplit(url).port or 0


class Way(NamedTuple):
    """How bytes get to the gateway: to which port, and with which headers put in front."""

    port: int
    marks: tuple[str, ...]

    def request(self, method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
        """One that asks for the connection to be closed behind its answer."""
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *self.marks, *headers]
        lines.append("Connection: close")
        if body or method in {"POST", "PUT", "PATCH"}:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def ways(it: Up) -> dict[str, Way]:
    return {"through": Way(port(it.edge), ()), "marked": Way(port(it.gateway.url), MARKS)}


async def send(way: Way, *parts: bytes) -> bytes:
    """All that comes back until the connection is closed, also where it is reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
    received = b""
    try:
        async with asyncio.timeout(PATIENCE):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0)
            while piece := await reader.read(65536):
                received += piece
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return received


def ask_all(way: Way, requests: Sequence[bytes]) -> list[Answer]:
    """The answer to each, in order."""

    async def answered(request: bytes) -> Answer:
        received = await send(way, request)
        assert received.startswith(b"HTTP/1."), request
        return parse(received)

    async def main() -> list[Answer]:
        return [await answered(request) for request in requests]

    return asyncio.run(main())
