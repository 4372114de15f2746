"""What only the Supabase store has to withstand: each failure has a name, and nothing hangs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from gateway.stores import Settlement, StoreMisconfigured, StoreUnavailable
from gateway.stores import supabase as module
from gateway.stores.supabase import SupabaseStore
from tests.support.postgres import execute
from tests.support.postgrest.fixtures import supabase
from tests.support.postgrest.stand_in import Fault, StandIn
from tests.support.sql.ledger import Key, new_hash
from tests.support.store_calls import ask, create, month
from tests.support.stream_server import serving

__all__ = ["supabase"]
pytestmark = pytest.mark.anyio

WITHOUT_A_RUN = [Fault.ERROR_500, Fault.BUSY_503, Fault.HTML_502, Fault.REFUSE]
AFTER_COMMIT = [Fault.LOSE_ANSWER, Fault.CUT_BODY]


@pytest.fixture
async def store(supabase: StandIn) -> AsyncIterator[SupabaseStore]:
    opened = SupabaseStore(supabase.url, supabase.secret_key)
    yield opened
    await opened.close()


def once(fault: Fault):
    """The fault for the first call only."""
    left = [fault]
    return lambda call: left.pop() if left else None


@pytest.mark.parametrize("kind", ["secret_key", "service_jwt"])
async def test_both_kinds_of_key_are_taken(supabase: StandIn, kind: str):
    store = SupabaseStore(supabase.url, getattr(supabase, kind))
    await store.check()
    key = await create(store)
    assert (await store.authorize(ask(key))).allowed
    assert {call.role for call in supabase.calls} == {"service_role"}
    await store.close()


@pytest.mark.parametrize(
    ("fault", "words", "for_the_owner"),
    [
        (Fault.PAUSED_540, r"is paused: restore it in Supabase's dashboard", False),
        (Fault.WRONG_KEY_401, r"does not accept the key .*check SUPABASE_SERVICE_KEY", True),
        (Fault.HTML_200, r"answers, but not as a Supabase project does: check SUPABASE_URL", False),
        (Fault.HTML_502, r"reported an error \(502: status 502\)", False),
        (Fault.ERROR_500, r"reported an error \(500 40P01: deadlock detected\)", False),
        (Fault.BUSY_503, r"the database of .* does not answer", False),
        (Fault.REFUSE, r"the connection to .* was lost", False),
        (Fault.LOSE_ANSWER, r"the connection to .* was lost", False),
        (Fault.CUT_BODY, r"the connection to .* was lost", False),
    ],
)
async def test_each_failure_is_named_for_the_owner_in_one_line(
    supabase: StandIn, store: SupabaseStore, fault: Fault, words: str, for_the_owner: bool
):
    supabase.fault = lambda call: fault
    with pytest.raises(StoreUnavailable, match=words) as caught:
        await store.check()
    assert isinstance(caught.value, StoreMisconfigured) == for_the_owner
    assert "\n" not in str(caught.value)
    assert supabase.secret_key not in str(caught.value)
    supabase.fault = None
    await store.check()


async def test_a_project_that_is_not_there_is_named(supabase: StandIn, store: SupabaseStore):
    supabase.stop()
    with pytest.raises(StoreUnavailable, match=r"refuses the connection .*check the network"):
        await store.check()
    supabase.start()
    await store.check()


async def test_an_address_that_is_none_is_named(supabase: StandIn):
    store = SupabaseStore("http://no-such-project.invalid", supabase.secret_key)
    with pytest.raises(StoreUnavailable, match=r"no-such-project.invalid cannot be found"):
        await store.check()
    await store.close()


async def test_an_address_with_another_service_behind_it_is_named(supabase: StandIn):
    store = SupabaseStore(f"{supabase.url}/not/here", supabase.secret_key)
    with pytest.raises(StoreMisconfigured, match=r"has no database API .*check SUPABASE_URL"):
        await store.check()
    await store.close()


@pytest.mark.parametrize("kind", ["publishable_key", "anon_jwt"])
async def test_a_public_key_is_told_from_the_secret_one(supabase: StandIn, kind: str):
    store = SupabaseStore(supabase.url, getattr(supabase, kind))
    with pytest.raises(StoreMisconfigured, match=r"SUPABASE_SERVICE_KEY"):
        await store.check()
    await store.close()


@pytest.mark.parametrize(
    "body",
    [
        b"Portail d'acc\xe8s",
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b"",
        b"[]",
        b"null",
        b"NaN",
        b'{"allowed": true, "granted": 5}',
        b'{"allowed": "yes"}',
    ],
    ids=["no UTF-8", "deep", "long number", "empty", "list", "null", "NaN", "no key", "no bool"],
)
async def test_an_answer_that_is_none_is_no_verdict(body: bytes):
    """As a login page of a network gives, or a proxy that broke."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await writer.drain()
        writer.close()

    async with serving(answer) as port:
        store = SupabaseStore(f"http://127.0.0.1:{port}", "sb_secret_x")
        with pytest.raises(StoreUnavailable, match="not as a Supabase project does"):
            await store.authorize(ask(Key(uuid4(), new_hash())))
        with pytest.raises(StoreUnavailable):
            await store.settle([Settlement(uuid4())])
        await store.close()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (b"301 Moved\r\nLocation: https://login.example/x", "redirects to login.example"),
        (b"403 Forbidden", r"reported an error \(403"),
        (b"500 Flood", r"reported an error \(500"),
    ],
)
async def test_other_servers_on_the_way_are_told_from_the_project(status: bytes, words: str):
    """The last one never stops talking."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(1 if b"Flood" not in status else 100_000):
                writer.write(b"<html>" * 1000)
                await writer.drain()
        writer.close()

    async with serving(answer) as port:
        store = SupabaseStore(f"http://127.0.0.1:{port}", "sb_secret_x")
        with pytest.raises(StoreUnavailable, match=words):
            await store.check()
        await store.close()


async def test_a_proxy_that_is_named_without_its_scheme_is_used(
    supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", supabase.url.removeprefix("http://"))
    store = SupabaseStore("http://somewhere.invalid", supabase.secret_key)
    await store.check()
    supabase.stop()
    with pytest.raises(StoreUnavailable, match=r"the proxy cannot reach .*HTTPS_PROXY"):
        await store.check()
    supabase.start()
    await store.close()
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(StoreMisconfigured, match="HTTP_PROXY should name an http proxy"):
        SupabaseStore("http://somewhere.invalid", supabase.secret_key)


async def test_a_project_without_our_schema_is_told_to_push_it(
    supabase: StandIn, store: SupabaseStore, database: str
):
    connection = await asyncpg.connect(database)
    await connection.execute("drop function public.applied_migrations()")
    with pytest.raises(StoreMisconfigured, match="npx supabase@3 db push --remote"):
        await store.check()
    await connection.close()


async def test_a_full_database_is_told_from_a_broken_one(
    supabase: StandIn, store: SupabaseStore, database: str
):
    """Supabase makes a database read-only that has outgrown its plan."""
    await execute(
        database,
        "create or replace function public.applied_migrations() returns jsonb language plpgsql "
        "as $$ begin raise read_only_sql_transaction; end $$",
    )
    with pytest.raises(StoreUnavailable, match=r"accepts no more data .*USAGE_RETENTION_MONTHS"):
        await store.check()


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HANG_AFTER])
async def test_a_call_that_gets_no_answer_ends_in_time_and_is_not_sent_again(
    supabase: StandIn, store: SupabaseStore, fault: Fault, monkeypatch: pytest.MonkeyPatch
):
    await store.check()  # what is sent on its connection is on its way at once
    monkeypatch.setattr(module, "DECISION_TIMEOUT", 0.2)
    supabase.fault = lambda call: fault
    with pytest.raises(StoreUnavailable, match="did not answer in time"):
        await store.check()
    monkeypatch.setattr(module, "DECISION_TIMEOUT", 60.0)
    supabase.fault = None
    await store.check()  # answered when all that was sent before has arrived
    assert len(supabase.calls) == 3


@pytest.mark.parametrize("fault", WITHOUT_A_RUN + AFTER_COMMIT)
async def test_what_broke_on_the_way_is_sent_again_and_holds_nothing_twice(
    supabase: StandIn, store: SupabaseStore, fault: Fault
):
    key = await create(store)
    supabase.fault = once(fault)
    assert (await store.authorize(ask(key))).granted == 20
    assert await month(store, key) == (0, 30, 0)


@pytest.mark.parametrize("fault", WITHOUT_A_RUN + AFTER_COMMIT)
async def test_a_settlement_that_broke_on_the_way_is_counted_once(
    supabase: StandIn, store: SupabaseStore, fault: Fault
):
    key = await create(store)
    request = ask(key)
    await store.authorize(request)
    supabase.fault = once(fault)
    await store.settle([Settlement(request.request_id, 3, 4, "reported", key_id=key.id)])
    assert await month(store, key) == (7, 0, 1)


@pytest.mark.parametrize("fault", AFTER_COMMIT)
async def test_a_key_whose_making_was_lost_on_the_way_is_made_once(
    supabase: StandIn, store: SupabaseStore, fault: Fault
):
    supabase.fault = once(fault)
    await create(store)
    page = await store.admin("list_api_keys", {"p_cursor": None, "p_limit": 10})
    assert len(page["data"]) == 1


async def test_calls_go_side_by_side_over_connections_that_are_kept(
    supabase: StandIn, store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "DECISION_TIMEOUT", 60.0)  # the last of them on a busy machine
    key = await create(store)
    with supabase.holding("authorize_request"):  # none is answered before all have arrived
        asked = [asyncio.create_task(store.authorize(ask(key))) for _ in range(50)]
        await asyncio.to_thread(supabase.wait_until, lambda: len(supabase.calls) == 51)
    verdicts = await asyncio.gather(*asked)
    assert all(verdict.allowed for verdict in verdicts)
    connections = store._http._transport._session.connector._conns  # type: ignore[attr-defined]
    assert sum(map(len, connections.values())) == 50


async def test_a_call_after_the_end_says_so(store: SupabaseStore):
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.check()


@pytest.mark.parametrize("named", ["http_proxy", "HTTP_PROXY"])
async def test_a_proxy_of_the_environment_is_used_unless_it_is_told_not_to(
    supabase: StandIn, monkeypatch: pytest.MonkeyPatch, named: str
):
    """The stand-in is the proxy, for a name that has no address."""
    monkeypatch.delenv("REQUEST_METHOD", raising=False)
    monkeypatch.setenv(named, supabase.url)
    far = SupabaseStore("http://somewhere.invalid", supabase.secret_key)
    await far.check()
    assert len(supabase.calls) == 1
    await far.close()
    monkeypatch.setenv("no_proxy", "somewhere.invalid")
    near = SupabaseStore("http://somewhere.invalid", supabase.secret_key)
    with pytest.raises(StoreUnavailable, match="cannot be found"):
        await near.check()
    assert len(supabase.calls) == 1
    await near.close()
