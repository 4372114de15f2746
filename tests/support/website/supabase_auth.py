"""A stand-in for Supabase Auth: what its package asks for in a page, and the keys of its tokens."""

import itertools
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.support.jwt_issuer import Signer
from tests.support.serving import serving

EMAIL, PASSWORD = "anna@example.com", "correct horse"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "*",
}


class SupabaseAuth:
    """`refreshes`: how often a new token was asked for in place of an old one. `lifetime`: seconds
    that the next access token has by its `exp`, whatever the page is told of it."""

    def __init__(self) -> None:
        self.signer = Signer()
        self.lifetime = 3600
        self.refreshes = 0
        self.url = ""
        self._numbers = itertools.count(1)
        self._sessions: dict[str, dict[str, Any]] = {}  # users by their refresh token

    @property
    def issuer(self) -> str:
        return f"{self.url}/auth/v1"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_CORS)
        made = await self._made(request)
        status = 400 if "error_code" in made else 200
        return web.json_response(made, status=status, headers=_CORS)

    async def _made(self, request: web.Request) -> dict[str, Any]:
        asked = await request.json() if request.can_read_body else {}
        match (request.path.removeprefix("/auth/v1"), request.query.get("grant_type")):
            case "/.well-known/jwks.json", _:
                return {"keys": [self.signer.public()]}
            case "/signup", _ if not asked.get("email"):
                return self._session({"id": f"guest-{next(self._numbers)}", "is_anonymous": True})
            case "/token", "password" if asked["password"] == PASSWORD:
                return self._session({"id": "anna", "email": EMAIL, "is_anonymous": False})
            case "/token", "refresh_token":
                self.refreshes += 1
                return self._session(self._sessions.pop(asked["refresh_token"]))
            case "/logout", _:
                return {}
            case _:
                told = "Invalid login credentials"
                return {"code": 400, "error_code": "invalid_credentials", "msg": told}

    def _session(self, user: dict[str, Any]) -> dict[str, Any]:
        refresh = f"refresh-{next(self._numbers)}"
        self._sessions[refresh] = user
        now = int(time.time())
        token = self.signer.token(
            self.issuer, sub=user["id"], is_anonymous=user["is_anonymous"], exp=now + self.lifetime
        )
        self.lifetime = 3600
        return {
            "access_token": token, "token_type": "bearer", "expires_in": 3600,
            "expires_at": now + 3600, "refresh_token": refresh,
            "user": {"aud": "authenticated", "role": "authenticated", **user},
        }  # fmt: skip


@asynccontextmanager
async def supabase_auth() -> AsyncGenerator[SupabaseAuth]:
    server = SupabaseAuth()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with serving(web.AppRunner(app, access_log=None)) as server.url:
        yield server
