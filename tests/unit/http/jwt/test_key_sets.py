"""Keys are fetched when they are needed, by one for all, and serve on without their issuer."""

import asyncio

import pytest

from gateway.core.errors import Refusal
from gateway.http.jwt.key_sets import FRESH, KEPT, PAUSE, KeySet
from gateway.http.jwt.public_keys import Keys
from tests.support.jwt_issuer import Signer
from tests.unit.http.jwt.conftest import FIRST, World

pytestmark = pytest.mark.anyio
SECOND = Signer("second", "EdDSA")


async def settled(world: World) -> None:
    """The fetch beside the requests is over."""
    fetching = world.issuer._keys._fetching
    if fetching is not None:
        await fetching


async def test_a_key_is_fetched_once_for_many_tokens(world: World):
    for number in range(20):
        await world.verified(world.token(sub=f"user-{number}"))
    assert world.server.fetches == 1


async def test_all_who_come_at_once_wait_for_one_fetch(world: World):
    world.server.passing.clear()
    tokens = [world.token(sub=f"user-{number}") for number in range(20)]
    waiting = [asyncio.create_task(world.issuer.verify(token)) for token in tokens]
    while not world.server.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()  # one who leaves takes nothing from the others
    world.server.passing.set()
    found = await asyncio.gather(*waiting[1:])
    assert not any(isinstance(one, Refusal) for one in found)
    assert world.server.fetches == 1


async def test_a_new_key_is_used_at_once(world: World):
    await world.verified(world.token())
    world.server.signers = [FIRST, SECOND]
    world.clock.now += PAUSE + 1
    await world.verified(SECOND.token(world.server.issuer))
    assert world.server.fetches == 2


async def test_made_up_keys_let_no_more_be_fetched_than_once_in_a_few_seconds(world: World):
    await world.verified(world.token())
    for number in range(50):
        world.clock.now += PAUSE / 10
        stranger = world.token({"kid": f"made-up-{number}"})
        assert "unknown signature" in await world.why(stranger)
    assert world.server.fetches <= 1 + 50 / 10


async def test_made_up_keys_lock_nobody_out(world: World):
    """Those of known keys do not wait for the fetch; those of a new key come in with the next."""
    await world.verified(world.token())
    world.clock.now += PAUSE + 1
    world.server.passing.clear()
    stranger = asyncio.create_task(world.issuer.verify(world.token({"kid": "made-up"})))
    while world.issuer._keys._fetching is None:
        await asyncio.sleep(0)
    await world.verified(world.token(sub="known"))
    world.server.passing.set()
    assert isinstance(await stranger, Refusal)
    world.server.signers = [SECOND]
    new = SECOND.token(world.server.issuer)
    assert "unknown signature" in await world.why(new)  # they were fetched just now
    world.clock.now += PAUSE + 1
    await world.verified(new)  # the refusal was not remembered


async def test_keys_are_renewed_beside_the_requests(world: World):
    token = world.token()
    await world.verified(token)
    world.clock.now += FRESH + 1
    world.server.passing.clear()
    await world.verified(token)  # remembered, and nobody waits
    await world.verified(world.token(sub="another"))
    world.server.passing.set()
    await settled(world)
    assert world.server.fetches == 2


async def test_a_withdrawn_key_ends_the_tokens_that_were_verified_with_it(world: World):
    token = world.token()
    await world.verified(token)
    world.server.signers = [SECOND]
    world.clock.now += FRESH + 1
    await world.verified(token)  # asks for new keys, and does not wait
    await settled(world)
    assert "unknown signature" in await world.why(token)


async def test_known_keys_serve_on_for_a_day_while_the_issuer_is_away(
    world: World, caplog: pytest.LogCaptureFixture
):
    token = world.token()
    await world.verified(token)
    world.server.status = 503
    for _ in range(100):
        world.clock.now += (KEPT - 60) / 100
        await world.verified(token)
        await settled(world)
    assert "answered 503; those known go on" in caplog.text
    world.clock.now += 120
    refusal = await world.refused(token)
    assert refusal.kind.status == 503
    world.server.status = 200
    world.clock.now += PAUSE + 1
    await world.verified(token)


async def test_without_keys_it_is_no_fault_of_the_visitor(
    world: World, caplog: pytest.LogCaptureFixture
):
    world.server.status = 500
    refusal = await world.refused(world.token())
    assert (refusal.reason, refusal.kind.status) == ("issuer_unavailable", 503)
    assert refusal.retry_after_ms == PAUSE * 1000 + 1  # as long as until the next try
    world.clock.now += PAUSE - 1
    assert (await world.refused(world.token())).retry_after_ms == 1001
    assert world.server.fetches == 1
    world.server.status = 200
    world.clock.now += 2
    await world.verified(world.token())
    assert "answered 500; nobody can be let in" in caplog.text


async def test_a_server_that_is_not_there_is_told(world: World, caplog: pytest.LogCaptureFixture):
    issuer = "http://127.0.0.1:9"
    world.issuers.configure([(issuer, "authenticated")])
    found = world.issuers.get(issuer, "authenticated")
    assert found is not None
    refusal = await found.verify(FIRST.token(issuer))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "issuer_unavailable"
    assert "The keys of http://127.0.0.1:9:" in caplog.text


async def test_keys_that_stay_the_same_are_the_same_version() -> None:
    async def fetch() -> Keys:
        return {}

    keys = KeySet("x", fetch)
    before = keys.version()
    await keys.find("a")
    assert keys.version() is before
