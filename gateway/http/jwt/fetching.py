"""Fetches the keys of an issuer: of a known address, or found by OpenID Connect Discovery.

What an issuer answers is bounded in size and time, never unpacked, and no redirect is followed.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from gateway.core.decoding import decode
from gateway.core.read_at_most import read_at_most
from gateway.http.jwt.public_keys import Keys, KeysUnavailable, read_keys

if TYPE_CHECKING:
    import httpx

_MOST = 256 * 1024  # bytes; two keys and their certificates have about ten thousand
_SECONDS = 5.0  # for all answers together


class _Discovered(msgspec.Struct):
    issuer: str
    jwks_uri: str


async def fetch_keys(url: str) -> Keys:
    """The usable ones of a key set, at least one. Raises KeysUnavailable."""
    async with _asking() as client:
        return await _keys(client, url)


async def fetch_keys_of(issuer: str) -> Keys:
    """The same of an issuer, whose place for them is asked for first. Raises KeysUnavailable."""
    base = issuer.rstrip("/")
    async with _asking() as client:
        status, body = await _get(client, f"{base}/.well-known/openid-configuration")
        if status >= 500 or status == 429:
            raise KeysUnavailable(f"answered {status}")
        found = decode(body, _Discovered) if status == 200 else None
        if found is None:  # it has no such document; many have the keys here all the same
            return await _keys(client, f"{base}/.well-known/jwks.json")
        if found.issuer != issuer:
            raise KeysUnavailable(f"its document is of {found.issuer[:200]!r}: set that as issuer")
        if not _may_hold_keys(found.jwks_uri, issuer):
            raise KeysUnavailable("its document names no https address for its keys")
        return await _keys(client, found.jwks_uri)


def _may_hold_keys(url: str, issuer: str) -> bool:
    try:
        place, own = urlsplit(url), urlsplit(issuer)
    except ValueError:
        return False
    same = (place.scheme, place.netloc) == (own.scheme, own.netloc)
    return (place.scheme == "https" or same) and bool(place.hostname) and "@" not in place.netloc


@asynccontextmanager
async def _asking() -> "AsyncGenerator[httpx.AsyncClient]":
    import httpx  # 10 MB, where nobody's keys are fetched

    try:
        tls = await asyncio.to_thread(ssl.create_default_context)
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(verify=tls, trust_env=False, timeout=_SECONDS) as client,
        ):
            yield client
    except (httpx.TimeoutException, TimeoutError):
        raise KeysUnavailable("no answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
        raise KeysUnavailable(str(problem) or type(problem).__name__) from None


async def _keys(client: "httpx.AsyncClient", url: str) -> Keys:
    status, body = await _get(client, url)
    if status != 200:
        raise KeysUnavailable(f"answered {status}")
    return await asyncio.to_thread(read_keys, body)


async def _get(client: "httpx.AsyncClient", url: str) -> tuple[int, bytes]:
    """Status and body; empty where the status is not 200."""
    body = bytearray()
    async with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
        if response.status_code != 200:
            return response.status_code, b""
        if not await read_at_most(_MOST, response.aiter_raw(), body):
            raise KeysUnavailable("too large")
    return 200, bytes(body)
