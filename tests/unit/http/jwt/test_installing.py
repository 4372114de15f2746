"""What verifies tokens comes when an issuer is set; until then a visitor is told to wait."""

import asyncio
from typing import Any

import pytest

from gateway.config.extras import ExtraError
from gateway.core.errors import Refusal
from gateway.http.jwt.installing import Installing
from gateway.http.jwt.issuers import Issuers
from tests.support.jwt_issuer import AUDIENCE
from tests.support.steady_clock import Clock
from tests.unit.http.jwt.conftest import World

pytestmark = pytest.mark.anyio


class Missing:
    """An extra that is not there until it is installed, or cannot be."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.there = False
        self.tries = 0

    def is_installed(self) -> bool:
        return self.there

    async def install(self) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        if self.problem:
            raise ExtraError(self.problem)
        self.there = True


def installing(extra: Any, clock: Clock) -> Installing:
    return Installing(extra, clock)


async def finished(one: Installing) -> None:
    while one._task is not None:
        await asyncio.sleep(0)


async def test_without_an_issuer_nothing_is_installed():
    extra = Missing()
    brought = installing(extra, Clock())
    Issuers(brought).configure([])
    await finished(brought)
    assert extra.tries == 0


async def test_the_first_issuer_brings_it_and_visitors_wait(world: World):
    extra = Missing()
    brought = installing(extra, world.clock)
    world.issuers = Issuers(brought, world.clock, world.now)
    world.issuers.configure([(world.server.issuer, AUDIENCE)])
    refusal = await world.refused(world.token())
    assert (refusal.reason, refusal.retry_after_ms) == ("issuer_unavailable", 10_000)
    assert "this server still lacks what verifies them" in refusal.message
    await finished(brought)
    await world.verified(world.token())
    assert extra.tries == 1


async def test_one_that_fails_is_one_line_for_the_owner_and_tried_again_later(
    world: World, caplog: pytest.LogCaptureFixture
):
    extra = Missing("try it yourself: pip install x")
    brought = installing(extra, world.clock)
    world.issuers = Issuers(brought, world.clock, world.now)
    world.issuers.configure([(world.server.issuer, AUDIENCE)])
    await finished(brought)
    for _ in range(5):
        assert isinstance(await world.issuer.verify(world.token()), Refusal)
        await finished(brought)
    assert extra.tries == 1
    errors = [one for one in caplog.records if one.levelname == "ERROR"]
    assert [one.getMessage() for one in errors] == [
        "Tokens of visitors cannot be verified without PyJWT: try it yourself: pip install x"
    ]
    assert errors[0].exc_info is None
    world.clock.now += 601
    extra.problem = ""
    assert isinstance(await world.issuer.verify(world.token()), Refusal)
    await finished(brought)
    await world.verified(world.token())
