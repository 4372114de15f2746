"""An issuer of visitors' tokens, as Supabase Auth is one: keys that sign, and a server of them."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.support.serving import serving

AUDIENCE = "authenticated"
_NAMES = {"ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: object) -> str:
    """As a token holds it; text goes in as it is."""
    return base64url((value if isinstance(value, str) else json.dumps(value)).encode())


class Signer:
    """One key of an issuer. `algorithm`: ES256, RS256 or EdDSA."""

    def __init__(self, kid: str = "first", algorithm: str = "ES256", bits: int = 2048) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: Any = {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "RS256": lambda: rsa.generate_private_key(65537, bits),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }[algorithm]()
        self.tool = jwt.algorithms.get_default_algorithms()[algorithm]

    def public(self, **more: Any) -> dict[str, Any]:
        """As the key set tells it; what is None is left out."""
        told = self.tool.to_jwk(self.private.public_key(), as_dict=True)
        told = {**told, "kid": self.kid, "alg": self.algorithm, "use": "sig", **more}
        return {name: value for name, value in told.items() if value is not None}

    def sign(self, header: object, claims: object) -> str:
        """Whatever they are, with a signature that is right."""
        signed = f"{part(header)}.{part(claims)}"
        return f"{signed}.{base64url(self.tool.sign(signed.encode(), self.private))}"

    def token(self, issuer: str, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """One of a user who has logged in, but for what is said; what is None is left out."""
        now = int(time.time())
        head = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid, **(header or {})}
        whole = {
            "iss": issuer, "aud": AUDIENCE, "sub": "3f1c-user", "role": "authenticated",
            "is_anonymous": False, "iat": now, "exp": now + 3600, **claims,
        }  # fmt: skip
        return self.sign(
            *({k: v for k, v in one.items() if v is not None} for one in (head, whole))
        )


class IssuerServer:
    """What is asked of it is noted. `documents`: what it answers at a path of its own. `passing`:
    an event that, while not set, holds answers."""

    def __init__(self, *signers: Signer) -> None:
        self.signers = list(signers)
        self.asked: list[str] = []
        self.documents: dict[str, Any] = {}
        self.status = 200
        self.body: bytes | None = None
        self.passing = asyncio.Event()
        self.passing.set()
        self.place = ""

    @property
    def issuer(self) -> str:
        return f"{self.place}/auth/v1"

    @property
    def fetches(self) -> int:
        """How often its keys were asked for."""
        return sum(path.endswith("jwks.json") for path in self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        await self.passing.wait()
        document = self.documents.get(request.path)
        if isinstance(document, web.Response):
            return document
        if document is not None:
            return web.json_response(document)
        if request.path != "/auth/v1/.well-known/jwks.json":
            return web.Response(status=404)
        if self.body is not None:
            return web.Response(body=self.body)
        keys = [signer.public() for signer in self.signers]
        return web.json_response({"keys": keys}, status=self.status)

    async def flood(self, request: web.Request) -> web.StreamResponse:
        """An answer without end."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        with suppress(ConnectionError):
            while True:
                await answer.write(b" " * 65536)
        return answer


@asynccontextmanager
async def issuer_server(*signers: Signer) -> AsyncGenerator[IssuerServer]:
    server = IssuerServer(*signers)
    app = web.Application()
    app.router.add_get("/flood", server.flood)
    app.router.add_get("/{path:.*}", server.answer)
    async with serving(web.AppRunner(app)) as server.place:
        yield server
