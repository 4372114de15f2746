"""What a test can let go wrong, and what of it the database and the client get to see."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.support.gateway_process import PATIENCE
from tests.support.postgres import execute
from tests.support.postgrest.stand_in import Call, Fault, StandIn

pytestmark = pytest.mark.anyio
ADD, COUNT = "/rpc/add_one", "/rpc/count_them"


@pytest.fixture
async def rpc(database: str, http: httpx.AsyncClient) -> httpx.AsyncClient:
    """Two functions: one leaves something behind that the other counts."""
    await execute(
        database,
        """
        create table public.them (x int);
        create function public.add_one() returns text security definer language sql
        as $$ insert into them values (1) returning 'added' $$;
        create function public.count_them() returns int security definer language sql
        as 'select count(*) from them';
        """,
    )
    return http


def on_adding(fault: Fault):
    return lambda call: fault if call.function == "add_one" else None


@asynccontextmanager
async def leaving(rpc: httpx.AsyncClient, supabase: StandIn) -> AsyncIterator[Call]:
    """The call of a client that leaves at the end of this."""
    calling = asyncio.create_task(rpc.post(ADD))
    yield (await asyncio.to_thread(supabase.wait_until, lambda: supabase.calls[:1]))[0]
    calling.cancel()
    await asyncio.wait([calling])
    assert calling.cancelled()


ANSWERED = {
    Fault.ERROR_500: (500, "40P01"),
    Fault.BUSY_503: (503, "PGRST000"),
    Fault.PAUSED_540: (540, None),
    Fault.WRONG_KEY_401: (401, None),
    Fault.HTML_502: (502, "<html>"),
    Fault.HTML_200: (200, "<html>"),
}
CUT = {Fault.REFUSE: 0, Fault.LOSE_ANSWER: 1, Fault.CUT_BODY: 1}
HUNG = {Fault.HANG: 0, Fault.HANG_AFTER: 1}


def test_every_fault_is_tested():
    assert set(Fault) == {*ANSWERED, *CUT, *HUNG}


@pytest.mark.parametrize("fault", ANSWERED)
async def test_an_answer_in_place_of_the_function_is_given_and_nothing_runs(
    rpc: httpx.AsyncClient, supabase: StandIn, fault: Fault
):
    status, sign = ANSWERED[fault]
    assert (await rpc.post(COUNT)).json() == 0
    supabase.fault = on_adding(fault)
    answer = await rpc.post(ADD)
    assert answer.status_code == supabase.calls[-1].status == status
    if sign == "<html>":
        assert answer.text.startswith(sign)
        assert answer.headers["content-type"].startswith("text/html")
    else:
        assert answer.json().get("code") == sign
    assert (await rpc.post(COUNT)).json() == 0  # on the same connection


@pytest.mark.parametrize("fault", CUT)
async def test_a_connection_is_cut_before_or_after_the_commit(
    rpc: httpx.AsyncClient, supabase: StandIn, fault: Fault
):
    assert (await rpc.post(COUNT)).json() == 0
    supabase.fault = on_adding(fault)
    with pytest.raises(httpx.RemoteProtocolError):
        await rpc.post(ADD)
    assert supabase.calls[-1].status == (200 if fault is Fault.CUT_BODY else None)
    supabase.reset()
    assert (await rpc.post(COUNT)).json() == CUT[fault]


@pytest.mark.parametrize("fault", HUNG)
async def test_a_hung_call_ends_when_its_client_leaves(
    rpc: httpx.AsyncClient, supabase: StandIn, fault: Fault
):
    supabase.fault = on_adding(fault)
    async with leaving(rpc, supabase) as call:
        async with asyncio.timeout(PATIENCE):
            while (await rpc.post(COUNT)).json() != HUNG[fault]:
                pass
        assert not call.ended
    await asyncio.to_thread(supabase.wait_until, lambda: call.ended)
    assert call.status is None
    assert (await rpc.post(COUNT)).json() == HUNG[fault]


async def test_a_fault_is_asked_once_for_every_call_and_knows_it(
    rpc: httpx.AsyncClient, supabase: StandIn
):
    asked: list[Call] = []
    supabase.fault = asked.append
    await rpc.post("/rpc/list_api_keys", json={"p_cursor": None, "p_limit": 3})
    await rpc.post(COUNT, headers={"apikey": "wrong"})
    assert asked == supabase.calls
    assert [(call.function, call.role, call.arguments) for call in asked] == [
        ("list_api_keys", "service_role", {"p_cursor": None, "p_limit": 3}),
        ("count_them", None, {}),
    ]


async def test_latency_is_waited_by_each_call_and_by_all_at_once(
    rpc: httpx.AsyncClient, supabase: StandIn
):
    await rpc.post(COUNT)
    supabase.latency = 0.2
    began = time.monotonic()
    await asyncio.gather(*(rpc.post(COUNT) for _ in range(100)))
    assert 0.2 <= time.monotonic() - began < 10  # one by one it would be 20
    assert all(call.ended - call.arrived >= 0.2 for call in supabase.calls[1:])


async def test_stopped_it_refuses_and_started_again_it_is_where_it_was(
    rpc: httpx.AsyncClient, supabase: StandIn
):
    assert (await rpc.post(COUNT)).json() == 0
    for _ in range(2):
        supabase.stop()
        with pytest.raises((httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError)):
            await rpc.post(COUNT)
        with pytest.raises(httpx.ConnectError):
            await rpc.post(COUNT)
        supabase.start()
        assert (await rpc.post(COUNT)).json() == 0


@pytest.mark.parametrize("latency", [0.0, 60.0])
async def test_stopping_cuts_what_is_under_way_and_nothing_of_it_is_kept(
    database: str, rpc: httpx.AsyncClient, supabase: StandIn, latency: float
):
    await execute(
        database,
        "create function public.add_slowly() returns void security definer language sql "
        "as 'insert into them values (1); select pg_sleep(60)'",
    )
    supabase.latency = latency
    calling = asyncio.ensure_future(rpc.post("/rpc/add_slowly"))
    await asyncio.to_thread(supabase.wait_until, lambda: supabase.calls)
    supabase.stop()
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await calling
    assert supabase.calls[0].ended
    supabase.reset()
    supabase.start()
    assert (await rpc.post(COUNT)).json() == 0


async def test_a_client_that_leaves_does_not_stop_its_function(
    rpc: httpx.AsyncClient, supabase: StandIn
):
    supabase.latency = 0.5
    async with leaving(rpc, supabase) as call:
        pass
    await asyncio.to_thread(supabase.wait_until, lambda: call.ended)
    assert call.status is None
    assert (await rpc.post(COUNT)).json() == 1
