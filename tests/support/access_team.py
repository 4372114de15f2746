"""A team of Cloudflare Access: keys that sign, and a server that publishes them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.serving import serving

ISSUER = "https://team.cloudflareaccess.com"
AUDIENCE = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"


class Key:
    def __init__(self, kid: str, bits: int = 2048) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(65537, bits)

    def public(self) -> dict[str, Any]:
        """As the certs address tells it."""
        told = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"kid": self.kid, "kty": "RSA", "alg": "RS256", "use": "sig",
                "n": told["n"], "e": told["e"]}  # fmt: skip

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """One that lets in, but for what is said; a claim of None is left out."""
        now = int(time.time())
        whole = {
            "aud": [AUDIENCE], "iss": ISSUER, "iat": now, "nbf": now, "exp": now + 600,
            "email": "a@example.com", "type": "app", "sub": "someone", **claims,
        }  # fmt: skip
        given = {name: value for name, value in whole.items() if value is not None}
        payload = json.dumps(given).encode()  # jwt.encode would refuse some of them
        return jwt.PyJWS().encode(
            payload, self.private, "RS256", {"kid": self.kid, **(headers or {})}
        )


class Certs:
    """What is asked of it is counted; `passing` set to an event that is not set holds answers."""

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        self.status = 200
        self.body: bytes | None = None
        self.asked = 0
        self.passing = asyncio.Event()
        self.passing.set()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.passing.wait()
        if self.body is not None:
            return web.Response(body=self.body)
        told = {"keys": [key.public() for key in self.keys], "public_certs": []}
        return web.json_response(told, status=self.status)


@asynccontextmanager
async def published(*keys: Key) -> AsyncIterator[Certs]:
    certs = Certs(*keys)
    app = web.Application()
    app.router.add_get("/cdn-cgi/access/certs", certs.answer)
    async with serving(web.AppRunner(app)) as url:
        certs.url = f"{url}/cdn-cgi/access/certs"
        yield certs
