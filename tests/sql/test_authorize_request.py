"""authorize_request: who is let through, what is held for it, and what the answer says."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, new_hash, settlement

pytestmark = pytest.mark.anyio


async def test_holds_the_prompt_and_the_granted_output(ledger: Ledger):
    key = await ledger.key(limit=1000, rate=60)
    verdict = await ledger.authorize(key, prompt=100, output=500)
    assert (verdict.allowed, verdict.reason, verdict.granted) == (True, None, 500)
    assert await ledger.month(key) == (0, 600, 0)
    assert verdict.key_id == key.id
    assert (verdict.token_limit, verdict.tokens_remaining) == (1000, 400)
    assert (verdict.rate_limit, verdict.rate_remaining) == (60, 59)
    assert verdict.month_resets_at == datetime(2030, 2, 1, tzinfo=UTC)
    assert verdict.retry_after_ms is None


async def test_grants_no_more_output_than_the_limit_leaves(ledger: Ledger):
    key = await ledger.key(limit=1000)
    assert (await ledger.authorize(key, prompt=400, output=500)).granted == 500
    cut = await ledger.authorize(key, prompt=60, output=500)
    assert (cut.allowed, cut.granted, cut.tokens_remaining) == (True, 40, 0)
    assert await ledger.month(key) == (0, 1000, 0)


async def test_the_last_token_can_be_granted_and_nothing_after_it(ledger: Ledger):
    key = await ledger.key(limit=11)
    assert (await ledger.authorize(key, prompt=10, output=20)).granted == 1
    denied = await ledger.authorize(key, prompt=0, output=1)
    assert (denied.allowed, denied.reason, denied.granted) == (False, "insufficient_quota", 0)
    assert denied.retry_after_ms == 5000  # it is held, not spent


@pytest.mark.parametrize("prompt", [1000, 1001, 2**31 - 1])
async def test_a_prompt_that_leaves_no_room_for_output_is_refused(ledger: Ledger, prompt: int):
    key = await ledger.key(limit=1000)
    denied = await ledger.authorize(key, prompt=prompt, output=1)
    assert denied.reason == "insufficient_quota"
    assert await ledger.month(key) == (0, 0, 0)


async def test_a_request_without_output_needs_room_for_its_prompt_only(ledger: Ledger):
    key = await ledger.key(limit=1000)
    assert (await ledger.authorize(key, prompt=1000, output=0)).allowed
    assert (await ledger.authorize(key, prompt=1, output=0)).reason == "insufficient_quota"
    assert (await ledger.authorize(key, prompt=0, output=0)).allowed


async def test_the_same_request_asked_again_has_the_same_answer_and_holds_once(ledger: Ledger):
    key = await ledger.key(limit=100, rate=1)
    request = uuid4()
    first = await ledger.authorize(key, request=request, prompt=90, output=20)
    again = await ledger.authorize(key, request=request, prompt=90, output=20)
    assert again == first
    assert (again.allowed, again.granted) == (True, 10)
    assert await ledger.month(key) == (0, 100, 0)


@pytest.mark.parametrize(
    ("cap", "wanted", "granted"),
    [(5, 500, 5), (5, 5, 5), (5, 4, 4), (5, 0, 0), (1, 2**31 - 1, 1), (None, 500, 500)],
)
async def test_no_answer_is_granted_more_than_the_cap_of_its_key(
    ledger: Ledger, cap: int | None, wanted: int, granted: int
):
    key = await ledger.key(limit=1000, cap=cap)
    verdict = await ledger.authorize(key, prompt=10, output=wanted)
    assert (verdict.allowed, verdict.granted) == (True, granted)
    assert verdict.tokens_remaining == 1000 - 10 - granted
    assert await ledger.month(key) == (0, 10 + granted, 0)


async def test_what_the_cap_leaves_needs_less_room_in_the_month(ledger: Ledger):
    key = await ledger.key(limit=15, cap=5)
    assert (await ledger.authorize(key, prompt=10, output=500)).granted == 5
    assert (await ledger.authorize(key, prompt=0, output=500)).reason == "insufficient_quota"
    short = await ledger.key(limit=13, cap=5)
    cut = await ledger.authorize(short, prompt=10, output=500)
    assert (cut.granted, cut.tokens_remaining) == (3, 0)  # so who asks can tell it from the cap


async def test_a_changed_cap_holds_from_the_next_request_on(ledger: Ledger):
    key = await ledger.key(cap=5)
    request = uuid4()
    assert (await ledger.authorize(key, request=request, output=500)).granted == 5
    await ledger.admin("update_api_key", NOON, key.id, '{"max_output_tokens": 7}')
    assert (await ledger.authorize(key, request=request, output=500)).granted == 5
    assert (await ledger.authorize(key, output=500)).granted == 7
    await ledger.admin("update_api_key", NOON, key.id, '{"max_output_tokens": null}')
    assert (await ledger.authorize(key, output=500)).granted == 500


async def test_a_refused_request_leaves_no_hold_and_does_not_count_as_a_call(ledger: Ledger):
    key = await ledger.key(limit=100, rate=2)
    for _ in range(5):
        assert not (await ledger.authorize(key, prompt=200)).allowed
    assert await ledger.value("select count(*) from gateway.holds") == 0
    assert (await ledger.authorize(key, prompt=1, output=1)).rate_remaining == 1


async def test_an_unknown_key_is_told_nothing(ledger: Ledger):
    denied = await ledger.authorize(new_hash())
    assert denied.reason == "invalid_api_key"
    numbers = (denied.key_id, denied.rate_limit, denied.rate_remaining, denied.tokens_remaining)
    assert numbers == (None, None, None, None)


async def test_a_key_ends_at_its_expiry_to_the_instant(ledger: Ledger):
    key = await ledger.key(expires_at=NOON)
    assert (await ledger.authorize(key, NOON - timedelta(microseconds=1))).allowed
    assert (await ledger.authorize(key, NOON)).reason == "key_expired"
    assert (await ledger.authorize(key, NOON + DAY)).reason == "key_expired"


async def test_scope_origin_and_model_are_each_checked(ledger: Ledger):
    key = await ledger.key(
        scopes=["chat"], origins=["https://a.example"], models=["small", "large"]
    )
    allowed = {"scope": "chat", "origin": "https://a.example", "model": "large"}
    assert (await ledger.authorize(key, **allowed)).allowed
    for change, reason in [
        ({"scope": "embeddings"}, "scope_missing"),
        ({"origin": "https://b.example"}, "origin_not_allowed"),
        ({"origin": "https://a.example.evil"}, "origin_not_allowed"),
        ({"model": "larger"}, "model_not_allowed"),
    ]:
        assert (await ledger.authorize(key, **(allowed | change))).reason == reason
    assert (await ledger.authorize(key, **(allowed | {"origin": None}))).allowed


async def test_a_key_without_the_second_scope_of_a_request_holds_nothing(ledger: Ledger):
    key = await ledger.key(scopes=["chat"])
    denied = await ledger.authorize(key, scope="chat ollama:native")
    assert (denied.allowed, denied.reason, denied.granted) == (False, "scope_missing", 0)
    assert await ledger.month(key) == (0, 0, 0)
    native = await ledger.key(scopes=["chat", "ollama:native"])
    assert (await ledger.authorize(native, scope="chat ollama:native")).allowed


@pytest.mark.parametrize("everything", [None, []])
async def test_no_list_means_every_model_and_origin(ledger: Ledger, everything: list[str] | None):
    key = await ledger.key(models=None, origins=everything)
    assert (await ledger.authorize(key, origin="https://any.example", model="any")).allowed


async def test_a_list_that_holds_only_a_null_allows_nothing(ledger: Ledger):
    models, origins = await ledger.key(models=[None]), await ledger.key(origins=[None])
    assert (await ledger.authorize(models, model="any")).reason == "model_not_allowed"
    refused = await ledger.authorize(origins, origin="https://any.example")
    assert refused.reason == "origin_not_allowed"


async def test_a_new_month_begins_with_the_whole_limit_and_keeps_no_hold(ledger: Ledger):
    key = await ledger.key(limit=100)
    last = datetime(2030, 1, 31, 23, 59, 59, tzinfo=UTC)
    await ledger.hold(key, last, prompt=50, output=50)
    assert (await ledger.authorize(key, last)).reason == "insufficient_quota"
    verdict = await ledger.authorize(key, last + SECOND, prompt=10, output=100)
    assert (verdict.allowed, verdict.granted) == (True, 90)
    assert verdict.month_resets_at == datetime(2030, 3, 1, tzinfo=UTC)
    assert await ledger.month(key, last + SECOND) == (0, 100, 0)


async def test_a_caller_who_waited_over_midnight_spends_of_the_new_month(ledger: Ledger):
    key = await ledger.key(limit=100)
    midnight = datetime(2030, 2, 1, tzinfo=UTC)
    await ledger.hold(key, midnight, prompt=30, output=30)
    late = await ledger.hold(key, midnight - SECOND, prompt=20, output=20)
    assert await ledger.month(key, midnight) == (0, 100, 0)
    await ledger.settle(settlement(late, 5, 5), at=midnight)
    assert await ledger.month(key, midnight) == (10, 60, 1)
    created = "select created_at from gateway.usage_logs where request_id = $1"
    assert await ledger.value(created, late) == midnight


async def test_the_month_is_that_of_utc_wherever_the_database_is(ledger: Ledger):
    await ledger.connection.execute("set timezone = 'Pacific/Kiritimati'")  # UTC+14
    key = await ledger.key()
    verdict = await ledger.authorize(key, datetime(2030, 1, 31, 20, tzinfo=UTC))
    assert verdict.month_resets_at == datetime(2030, 2, 1, tzinfo=UTC)
    report = await ledger.report(key)
    assert report["month"]["resets_at"] == "2030-02-01T00:00:00Z"


async def test_changed_limits_hold_from_the_next_request_on(ledger: Ledger):
    key = await ledger.key(limit=100, rate=1)
    await ledger.hold(key, prompt=10, output=10)
    assert (await ledger.authorize(key)).reason == "rate_limit_exceeded"
    await ledger.admin("update_api_key", NOON, key.id, '{"rate_limit_per_min": 3}')
    assert (await ledger.authorize(key, prompt=10, output=10)).rate_remaining == 1
    await ledger.admin("update_api_key", NOON, key.id, '{"monthly_token_limit": 5}')
    denied = await ledger.authorize(key, prompt=1, output=1)
    assert (denied.reason, denied.tokens_remaining) == ("insufficient_quota", 0)


async def test_authorising_does_not_wait_for_the_disk_and_settling_does(ledger: Ledger):
    key = await ledger.key()
    show = "select current_setting('synchronous_commit')"
    async with ledger.connection.transaction():
        await ledger.authorize(key)
        assert await ledger.value(show) == "off"
    assert await ledger.value(show) == "on"


async def test_the_hot_row_is_updated_in_its_page(ledger: Ledger):
    key = await ledger.key()
    for _ in range(50):
        await ledger.settle(settlement(await ledger.hold(key), 1, 1))
    await ledger.connection.execute("select pg_stat_force_next_flush()")
    row = await ledger.connection.fetchrow(
        "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'key_counters'"
    )
    assert row["n_tup_upd"] == 100
    assert row["n_tup_hot_upd"] >= 98


async def test_a_key_that_has_lost_its_counter_is_let_through_by_nobody(ledger: Ledger):
    key = await ledger.key()
    await ledger.connection.execute("delete from gateway.key_counters")
    with pytest.raises(asyncpg.RaiseError, match="has no counter"):
        await ledger.authorize(key)
    assert await ledger.value("select count(*) from gateway.holds") == 0
