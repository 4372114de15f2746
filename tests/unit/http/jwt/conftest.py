"""An issuer's server, and what a gateway has of its tokens."""

import time
from collections.abc import AsyncGenerator

import pytest

from gateway.core.errors import Refusal
from gateway.http.jwt.issuer import Issuer
from gateway.http.jwt.issuers import Issuers
from gateway.http.jwt.visitors import VisitorClaims
from tests.support.jwt_issuer import AUDIENCE, IssuerServer, Signer, issuer_server
from tests.support.steady_clock import Clock


class World:
    """`clock`: for the age of keys; `now`: for the times in tokens."""

    def __init__(self, server: IssuerServer) -> None:
        self.server = server
        self.signer = server.signers[0]
        self.clock = Clock()
        self.now = Clock(float(int(time.time())))
        self.issuers = Issuers(clock=self.clock, now=self.now)
        self.issuers.configure([(server.issuer, AUDIENCE)])

    @property
    def issuer(self) -> Issuer:
        found = self.issuers.get(self.server.issuer, AUDIENCE)
        assert found is not None
        return found

    def token(self, header: dict[str, object] | None = None, **claims: object) -> str:
        return self.signer.token(self.server.issuer, header, **claims)

    async def verified(self, token: str) -> VisitorClaims:
        found = await self.issuer.verify(token)
        assert isinstance(found, VisitorClaims), found
        return found

    async def refused(self, token: str) -> Refusal:
        found = await self.issuer.verify(token)
        assert isinstance(found, Refusal), found
        return found

    async def why(self, token: str) -> str:
        """Why it is no good; the status is 401."""
        refusal = await self.refused(token)
        assert refusal.kind.status == 401
        assert refusal.message.startswith("Incorrect API key provided: the visitor's token ")
        return refusal.message


FIRST = Signer("first")


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    async with issuer_server(FIRST) as server:
        yield World(server)
