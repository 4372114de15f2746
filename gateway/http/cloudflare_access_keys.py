"""The keys with which Cloudflare Access signs, as its team's address publishes them."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from gateway.core.read_at_most import read_at_most

if TYPE_CHECKING:
    from jwt import PyJWK

_MOST = 256 * 1024  # bytes; two keys and their certificates have about ten thousand
_SHORTEST = 2048  # bits
_SECONDS = 10.0  # for the whole answer


class KeysUnavailable(Exception):
    """They cannot be had now; the text says why."""


class _Published(msgspec.Struct):
    keys: list[dict[str, Any]]


async def fetch_keys(url: str) -> "dict[str, PyJWK]":
    """The usable ones by their names, at least one. Raises KeysUnavailable."""
    tls = await asyncio.to_thread(ssl.create_default_context)
    body = bytearray()
    try:
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(verify=tls, trust_env=False, timeout=_SECONDS) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status_code != 200:
                raise KeysUnavailable(f"answered {response.status_code}")
            if not await read_at_most(_MOST, response.aiter_raw(), body):
                raise KeysUnavailable("too large")
    except (httpx.TimeoutException, TimeoutError):
        raise KeysUnavailable("no answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise KeysUnavailable(str(problem) or type(problem).__name__) from None
    return await asyncio.to_thread(_usable, bytes(body))


def _usable(body: bytes) -> "dict[str, PyJWK]":
    from jwt import PyJWK, PyJWTError

    try:
        published = msgspec.json.decode(body, type=_Published).keys
    except (msgspec.MsgspecError, RecursionError):
        raise KeysUnavailable("not a set of keys") from None
    keys: dict[str, PyJWK] = {}
    for one in published:
        if one.get("kty") != "RSA" or one.get("alg", "RS256") != "RS256" or not one.get("kid"):
            continue
        try:
            key = PyJWK(one, algorithm="RS256")
        except (PyJWTError, ValueError, TypeError):
            continue
        if getattr(key.key, "key_size", 0) >= _SHORTEST:
            keys[str(one["kid"])] = key
    if not keys:
        raise KeysUnavailable("holds no key that can be used")
    return keys
