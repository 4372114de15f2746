"""The keys with which Cloudflare Access signs, as its team's address publishes them."""

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

if TYPE_CHECKING:
    from jwt import PyJWK

_MOST = 256 * 1024  # bytes; two keys and their certificates have about ten thousand
_SHORTEST = 2048  # bits
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class KeysUnavailable(Exception):
    """They cannot be had now; the text says why."""


class _Published(msgspec.Struct):
    keys: list[dict[str, Any]]


async def fetch_keys(url: str) -> "dict[str, PyJWK]":
    """The usable ones by their names, at least one. Raises KeysUnavailable."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise KeysUnavailable(f"answered {answer.status}")
            body = b""
            async for part in answer.content.iter_any():
                body += part
                if len(body) > _MOST:
                    raise KeysUnavailable("too large")
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        raise KeysUnavailable(str(problem) or "no answer in time") from None
    return await asyncio.to_thread(_usable, body)


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
