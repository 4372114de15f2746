"""Whose users are visitors of which key, as the store knows it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from gateway.core.errors import Refusal
from gateway.http.jwt.issuer import Issuer
from gateway.http.jwt.issuers import Issuers
from gateway.http.jwt.visitors import VisitorClaims
from gateway.stores import StoreUnavailable

FRESH = 60.0  # seconds after which the store is asked again, beside a request
PAUSE = 5.0  # seconds between two questions that tokens of unknown issuers can cause


class _Site(msgspec.Struct):
    key_id: UUID
    issuer: str
    audience: str


class _Sites(msgspec.Struct):
    data: list[_Site]


class SiteIssuers:
    """`ask`: calls a function of the store by name (Store.admin). Nothing is asked before somebody
    shows a token."""

    def __init__(self, ask: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
        self._ask = ask
        self._issuers = Issuers()
        self._keys: dict[tuple[str, str], UUID] = {}
        self._asked = float("-inf")
        self._problem: StoreUnavailable | None = None  # of the last question
        self._asking: asyncio.Task[None] | None = None

    async def verify(self, token: str) -> tuple[VisitorClaims, UUID] | Refusal:
        """Who shows the token, and the key whose visitor that is. Raises StoreUnavailable where
        its issuer is not known, and the store cannot be asked."""
        issuer = self._issuers.find(token)
        if self._is_due(FRESH if isinstance(issuer, Issuer) else PAUSE):
            asking = self._ask_once()
            if isinstance(issuer, Refusal):
                await asyncio.shield(asking)
                issuer = self._issuers.find(token)
        if isinstance(issuer, Refusal):
            if self._problem is not None:  # it may be of a site that is new
                raise self._problem
            return issuer
        claims = await issuer.verify(token)
        if isinstance(claims, Refusal):
            return claims
        key_id = self._keys.get((claims.issuer, claims.audience))
        if key_id is None:  # it was taken away in this moment
            return Refusal("invalid_visitor_token", "the visitor's token is of no site here.")
        return claims, key_id

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _is_due(self, pause: float) -> bool:
        return time.monotonic() - self._asked >= pause

    def _ask_once(self) -> asyncio.Task[None]:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._learn())
        return self._asking

    async def _learn(self) -> None:
        self._asked = time.monotonic()
        try:
            sites = msgspec.convert(await self._ask("visitor_issuers", {}), _Sites).data
        except StoreUnavailable as problem:
            self._problem = problem
            return
        self._problem = None
        keys: dict[tuple[str, str], UUID] = {}
        for site in sites:  # of several with one issuer and audience, the oldest
            keys.setdefault((site.issuer, site.audience), site.key_id)
        self._keys = keys
        self._issuers.configure(keys)
