"""Ask a running cloudflared for its state, at its metrics port.

Another program of this machine may have that port, so every answer is checked.
"""

import asyncio
import json
import re
import ssl
from types import TracebackType
from typing import Any, Self, cast

import httpx

from tunnel.hostname import hostname
from tunnel.log_line import printable

_SECONDS = 3.0  # for one whole answer
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a default one takes long to load certificates
_LARGEST = 4 * 1024**2  # bytes of an answer; the metrics have some 100 KB
_MOST = 1000  # connections; it makes four
_BUSY = re.compile(r"^cloudflared_tunnel_concurrent_requests_per_tunnel (\d+)", re.MULTILINE)


class Probe:
    """No method raises: None, or an empty value, where cloudflared gives no usable answer."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(
            base_url=self._url,
            headers={"Accept-Encoding": "identity"},
            timeout=_SECONDS,
            trust_env=False,
            verify=_NO_TLS,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def connections(self) -> int | None:
        """How many connections to Cloudflare are ready to carry requests."""
        answer = await self._json("/ready")
        count: object = answer.get("readyConnections")
        return count if isinstance(count, int) and 0 <= count <= _MOST else None

    async def quick_hostname(self) -> str:
        """The name of a trial tunnel; empty until it has one, and for what is not a valid name: it
        is printed in a command line that people copy."""
        try:
            return hostname(printable((await self._json("/quicktunnel")).get("hostname")))
        except ValueError:
            return ""

    async def routes(self) -> list[tuple[str, str]]:
        """The routes of the tunnel as (hostname, service), in the order in which they are tried."""
        config: Any = (await self._json("/config")).get("config") or {}
        try:
            return [
                (printable(rule["hostname"]), printable(rule["service"]))
                for rule in config.get("ingress") or ()
            ]
        except (AttributeError, KeyError, TypeError):
            return []

    async def busy(self) -> int | None:
        """How many requests it is carrying now, open streams among them."""
        found = _BUSY.search(await self._text("/metrics"))
        return int(found[1]) if found else None

    async def _json(self, path: str) -> dict[str, Any]:
        try:
            answer: object = json.loads(await self._text(path))
        except (ValueError, RecursionError):
            return {}
        return cast(dict[str, Any], answer) if isinstance(answer, dict) else {}

    async def _text(self, path: str) -> str:
        try:
            async with asyncio.timeout(_SECONDS), self._client.stream("GET", path) as response:
                text = bytearray()
                async for chunk in response.aiter_raw():
                    text += chunk
                    if len(text) > _LARGEST:
                        return ""
                return text.decode("utf-8", "replace")
        except (httpx.HTTPError, TimeoutError, RuntimeError):  # RuntimeError: closed meanwhile
            return ""
