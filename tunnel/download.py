"""Download one file of known size over HTTPS, and resume where the connection broke."""

import asyncio
import os
import re
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin
from urllib.request import getproxies, proxy_bypass

import httpx

from tunnel.errors import TunnelError, explained

TRIES = 5  # in a row that bring no byte
PAUSE = 1.0  # seconds before the second try; each later one waits twice as long
_HOPS = 5
_TIMEOUT = httpx.Timeout(30, connect=15)  # seconds of silence; there is no limit for the whole
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
                    await _resume(url, file, size, progress, tls)
                    return
                except (_Broken, httpx.TransportError) as problem:
                    came_further = file.seek(0, os.SEEK_END) > before
                    # httpx quotes the system's number too, which tells an owner nothing.
                    told = re.sub(r"^\[Errno -?\d+\] ", "", str(problem))
                    reason = told or type(problem).__name__
            failures = 1 if came_further else failures + 1
            if failures == TRIES:
                raise Unreachable(reason)
            await asyncio.sleep(PAUSE * 2 ** (failures - 1))


def _opened(target: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(target, flags, 0o600), "r+b")


async def _resume(
    url: str, file: BinaryIO, size: int, progress: Progress, tls: ssl.SSLContext | None
) -> None:
    have = file.seek(0, os.SEEK_END)
    if have > size:
        have = file.truncate(0)
    if have == size:
        return
    async with _get(url, have, tls or ssl.create_default_context()) as response:
        have = _begin(response, file, have, size)
        async for chunk in response.aiter_raw():
            have += len(chunk)
            if have > size:
                raise _too_large(response, size)
            await asyncio.to_thread(file.write, chunk)
            progress(have, size)
    if have < size:
        raise _Broken(f"the connection ended after {have} of {size} bytes")


@asynccontextmanager
async def _get(address: str, have: int, tls: ssl.SSLContext) -> AsyncGenerator[httpx.Response]:
    """The answer, after redirects, to a request for what follows the first `have` bytes."""
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    for _ in range(_HOPS):
        url = _https_url(address)
        async with (
            httpx.AsyncClient(
                verify=tls, proxy=_proxy_for(url), trust_env=False, timeout=_TIMEOUT
            ) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code not in _MOVED:
                yield response
                return
            location = response.headers.get("Location", "")
        try:
            address = urljoin(address, location)
        except ValueError:
            raise _no_address(location) from None
    raise TunnelError(f"The download is redirected more than {_HOPS} times, last to {address}.")


def _https_url(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise _no_address(address) from None
    if url.scheme != "https":
        raise TunnelError(f"The download leads to {address}, which is not HTTPS: not followed.")
    return url


def _no_address(text: str) -> TunnelError:
    return TunnelError(f"The download leads to {text}, which is no address.")


def _begin(response: httpx.Response, file: BinaryIO, have: int, size: int) -> int:
    """Where the body belongs in the file. The file is ready to be written there."""
    status = response.status_code
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
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and have + int(length) > size:
        raise _too_large(response, size)
    return file.seek(have)


def _too_large(response: httpx.Response, size: int) -> TunnelError:
    return TunnelError(f"{response.url} is larger than the {size} bytes that it should be.")


def _proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the system names for this host. Nothing is read from a .netrc."""
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(url.host):
        return None
    try:
        found = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
    except (ValueError, httpx.InvalidURL):
        found = None
    if found is None or found.url.scheme not in {"http", "https"}:
        raise Unreachable("the proxy of this system is not one that HTTPS can go through")
    return found
