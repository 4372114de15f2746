"""Download one file of known size over HTTPS, and resume where the connection broke."""

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from tunnel.errors import TunnelError, explained

TRIES = 5  # in a row that bring no byte
PAUSE = 1.0  # seconds before the second try; each later one waits twice as long
_CHUNK = 256 * 1024
_HOPS = 5
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=30)
_MOVED = {301, 302, 303, 307, 308}

Progress = Callable[[int, int], None]  # bytes that are here, bytes of the whole


class Unreachable(TunnelError):
    """The file could not be downloaded: the network or the server failed again and again."""


class _Broken(Exception):
    """This try failed; another may succeed."""


async def download(
    url: str, target: Path, size: int, progress: Progress, tls: ssl.SSLContext | None = None
) -> None:
    """Append to `target`, of mode 0600, until it has `size` bytes; never write more.

    What it holds already is kept. Raises Unreachable where another network may help, TunnelError
    for an answer that must not be used.
    """
    failures = 0
    with explained(target):
        while True:
            with _opened(target) as file:
                before = file.seek(0, os.SEEK_END)
                try:
                    await _go_on(url, file, size, progress, tls)
                    return
                except (_Broken, aiohttp.ClientError, TimeoutError) as problem:
                    came_further = file.seek(0, os.SEEK_END) > before
                    reason = str(problem) or type(problem).__name__
            failures = 1 if came_further else failures + 1
            if failures == TRIES:
                raise Unreachable(reason)
            await asyncio.sleep(PAUSE * 2 ** (failures - 1))


def _opened(target: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(target, flags, 0o600), "r+b")


async def _go_on(
    url: str, file: BinaryIO, size: int, progress: Progress, tls: ssl.SSLContext | None
) -> None:
    have = file.seek(0, os.SEEK_END)
    if have > size:
        have = file.truncate(0)
    if have == size:
        return
    connector = aiohttp.TCPConnector(ssl=tls or True)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        response = await _get(session, url, have)
        try:
            have = _begin(response, file, have, size)
            async for chunk in response.content.iter_chunked(_CHUNK):
                have += len(chunk)
                if have > size:
                    raise TunnelError(f"{url} is larger than the {size} bytes that it should be.")
                await asyncio.to_thread(file.write, chunk)
                progress(have, size)
        finally:
            response.close()
    if have < size:
        raise _Broken(f"the connection ended after {have} of {size} bytes")


async def _get(session: aiohttp.ClientSession, url: str, have: int) -> aiohttp.ClientResponse:
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    for _ in range(_HOPS):
        if urlsplit(url).scheme != "https":
            raise TunnelError(f"The download leads to {url}, which is not HTTPS: not followed.")
        response = await session.get(
            url, headers=headers, allow_redirects=False, proxy=_proxy_for(url)
        )
        if response.status not in _MOVED:
            return response
        response.close()
        goal = response.headers.get("Location", "")
        try:
            url = urljoin(url, goal)
        except ValueError:
            raise TunnelError(f"The download leads to {goal}, which is no address.") from None
    raise TunnelError(f"The download is redirected more than {_HOPS} times, last to {url}.")


def _begin(response: aiohttp.ClientResponse, file: BinaryIO, have: int, size: int) -> int:
    """Where the body belongs in the file. The file is ready to be written there."""
    status = response.status
    if status == 206 and have:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            file.truncate(0)
            raise _Broken("the server continued at another place than was asked for")
    elif status == 200:
        have = file.truncate(0)
    elif status == 416 or status in {408, 429} or status >= 500:
        if status == 416:
            file.truncate(0)
        raise _Broken(f"the server answers {status}")
    else:
        raise Unreachable(f"the server answers {status}")
    length = response.content_length
    if length is not None and have + length > size:
        raise TunnelError(f"{response.url} is larger than the {size} bytes that it should be.")
    return file.seek(have)


def _proxy_for(url: str) -> str | None:
    """The proxy that the system names for this host. Nothing is read from a .netrc."""
    host = urlsplit(url).hostname or ""
    return None if proxy_bypass(host) else getproxies().get("https")
