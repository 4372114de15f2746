"""A server of release files over HTTPS on loopback, which can cut, redirect and lie.

`localhost.pem` is a key that anybody can read: nothing trusts it but these tests.
"""

import asyncio
import hashlib
import io
import ssl
import tarfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tunnel.releases import Release

PEM = Path(__file__).with_name("localhost.pem")
PROGRAM = b"#!/bin/sh\necho cloudflared version 2026.8.2\n" + bytes(300_000)


def client_tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(PEM))


@dataclass
class ReleaseServer:
    """`cuts`: for each request in turn, after how many bytes it is cut. `asked`: Range headers."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    redirect: str = ""
    ranges: bool = True
    wrong_range: bool = False
    asked: list[str | None] = field(default_factory=list)
    port: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)  # open, unless a test closes it
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def url(self, name: str) -> str:
        return f"https://localhost:{self.port}/{name}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.headers.get("Range"))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        if self.redirect and request.path != "/moved":
            return web.Response(status=302, headers={"Location": self.redirect})
        body = self.files["file" if request.path == "/moved" else request.path[1:]]
        start, status, headers = 0, 200, {}
        asked = request.headers.get("Range")
        if asked and self.ranges:
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(body):
                return web.Response(status=416)
            told = 0 if self.wrong_range else start
            headers = {"Content-Range": f"bytes {told}-{len(body) - 1}/{len(body)}"}
        answer = web.StreamResponse(status=status, headers=headers)
        answer.content_length = len(body) - start
        await answer.prepare(request)
        self.reached.set()
        await self.gate.wait()
        cut = self.cuts.pop(0) if self.cuts else None
        await answer.write(body[start : None if cut is None else start + cut])
        if cut is not None:
            assert request.transport is not None
            request.transport.close()
        return answer


@asynccontextmanager
async def release_server(**files: bytes) -> AsyncGenerator[ReleaseServer]:
    server = ReleaseServer(files)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(PEM)
    runner = web.ServerRunner(web.Server(server.handle, access_log=None))  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


class Served(Release):
    """A release whose file lies on a server of ours."""

    where = ""

    @property
    def url(self) -> str:
        return self.where


def served(server: ReleaseServer, file: str, body: bytes, program: bytes = PROGRAM) -> Release:
    server.files["file"] = body
    release = Served(file, len(body), hashlib.sha256(program).hexdigest())
    object.__setattr__(release, "where", server.url("file"))
    return release


def archive(program: bytes = PROGRAM, name: str = "cloudflared", kind: bytes = b"0") -> bytes:
    """A .tgz with one member."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.type = kind
        member.linkname = "/etc/passwd" if kind != b"0" else ""
        member.size = len(program) if kind == b"0" else 0
        tar.addfile(member, io.BytesIO(program))
    return packed.getvalue()
