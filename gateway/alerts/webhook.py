"""ALERT_WEBHOOK: a POST of JSON, signed as Standard Webhooks 1.0 says.

The receiver computes HMAC-SHA256 over `ID.TIMESTAMP.BODY` and compares. The id stays the same in
every attempt: who has seen it has the alert.
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from gateway.alerts import Alert
from gateway.alerts.harmless import harmless
from gateway.alerts.texts import text
from gateway.config.alert_addresses import secret_bytes

NAME = "webhook"
_SECONDS = 15.0  # for a whole attempt


class Webhook:
    """A channel. `url` is never shown: whoever knows it may be let in."""

    name = NAME

    def __init__(self, url: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._secret = secret_bytes(secret)
        self._clock = clock

    async def send(self, alert: Alert) -> str | None:
        """Why it was not delivered; None: it was. Redirects are not followed."""
        now = self._clock()
        body = _body(alert, datetime.fromtimestamp(now, UTC))
        headers = {
            "content-type": "application/json",
            "user-agent": "localllm",
            "webhook-id": alert.id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": signature(self._secret, alert.id, int(now), body),
        }
        try:
            tls = await asyncio.to_thread(ssl.create_default_context)
            async with (
                asyncio.timeout(_SECONDS),
                httpx.AsyncClient(verify=tls, timeout=_SECONDS) as client,
                client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                if response.is_success:
                    return None
                return f"it answered {response.status_code}"
        except (httpx.TimeoutException, TimeoutError):
            return "no answer in time"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
            return f"it cannot be reached ({type(problem).__name__})"  # its text may name the url


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    mac = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def _body(alert: Alert, now: datetime) -> bytes:
    data = {
        "id": alert.id,
        "kind": alert.kind,
        "state": alert.state,
        "level": alert.level,
        "text": text(alert, now),
        "about": _about(alert),
    }
    message = {"type": f"{alert.kind}.{alert.state}", "timestamp": alert.time, "data": data}
    return msgspec.json.encode(message)


def _about(alert: Alert) -> dict[str, Any]:
    """With the name of a key as texts have it: somebody may show it."""
    key = alert.about.get("key")
    return alert.about | {"key": key | {"name": harmless(key["name"])}} if key else alert.about
