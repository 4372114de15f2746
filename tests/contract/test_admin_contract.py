"""What an owner can do over /admin, with the gateway and with the Supabase function alike."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from gateway.core import keys
from gateway.stores import AuthorizationRequest, Settlement, Verdict
from gateway.stores.postgres import PostgresStore
from tests.support.admin.calls import Owner
from tests.support.admin.servers import Admin

Result = TypeVar("Result")
COLUMNS = {
    *("id", "prefix", "label", "owner_email", "rate_limit_per_min", "monthly_token_limit"),
    *("tokens_used_month", "month_reset_at", "is_active", "scopes", "allowed_models"),
    *("allowed_origins", "created_at", "expires_at", "last_used_at", "revoked_at"),
    *("max_output_tokens", "visitors"),
}


async def with_store(dsn: str, act: Any) -> Any:
    store = await PostgresStore.open(dsn)
    try:
        return await act(store)
    finally:
        await store.close()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


def verdict(admin: Admin, key: str, model: str = "m:latest", **settled: int) -> Verdict:
    """What a gateway on the same database says to a request with the key, and settles if told."""

    async def act(store: PostgresStore) -> Verdict:
        request = uuid4()
        endpoint = "/v1/chat/completions"
        ask = AuthorizationRequest(
            request, keys.hash_key(key), "chat", None, model, endpoint, 10, 10
        )
        found = await store.authorize(ask)
        if settled:
            await store.settle([Settlement(request, **settled, usage_source="reported")])
        return found

    return run(with_store(admin.dsn, act))


def test_a_new_key_has_the_defaults_and_stands_in_the_answer_only(admin: Admin, owner: Owner):
    answer = owner.ask("POST", "/admin/api-keys", {"label": "  Grüße, 世界 🙂 "})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert UUID(answer.headers["x-request-id"])
    made = answer.json()
    assert made.pop("message") == "Save this key — it will not be shown again."
    key = made.pop("key")
    assert keys.is_well_formed(key)
    assert key.startswith("llm_")
    assert set(made) == COLUMNS
    assert made["prefix"] == keys.display_prefix(key)
    assert (made["label"], made["owner_email"]) == ("Grüße, 世界 🙂", None)
    assert (made["rate_limit_per_min"], made["monthly_token_limit"]) == (20, 1_000_000)
    assert made["scopes"] == ["chat", "embeddings", "models:read"]
    assert made["is_active"] is True
    assert owner.listed() == {"data": [made], "next": None}


def test_a_new_key_is_kept_as_wished_in_canonical_form(owner: Owner):
    wishes = {
        "owner_email": " me@example.com ",
        "rate_limit_per_min": 7,
        "monthly_token_limit": 0,
        "max_output_tokens": 512,
        "allowed_models": ["Llama3", "library/llama3:latest", "hf.co/A/B:Q4", "Qwen2.5:**"],
        "allowed_origins": ["HTTPS://Bücher.example:443/", "http://[::1]:3000"],
        "scopes": ["ollama:native", "models:pull", "chat"],
        "expires_at": "2999-01-31T12:00:00+02:00",
    }
    made = owner.create("x", **wishes)
    assert {name: made[name] for name in wishes} == {
        "owner_email": "me@example.com",
        "rate_limit_per_min": 7,
        "monthly_token_limit": 0,
        "max_output_tokens": 512,
        "allowed_models": ["llama3:latest", "hf.co/a/b:q4", "qwen2.5:*"],
        "allowed_origins": ["https://xn--bcher-kva.example", "http://[::1]:3000"],
        "scopes": ["chat", "models:pull", "ollama:native"],
        "expires_at": "2999-01-31T10:00:00Z",
    }
    assert owner.listed()["data"][0]["expires_at"] == made["expires_at"]


def test_a_made_key_authorises_until_it_is_revoked(admin: Admin, owner: Owner):
    made = owner.create()
    assert verdict(admin, made["key"]).allowed
    revoked = owner.done("DELETE", f"/admin/api-keys/{made['id']}")
    assert revoked["is_active"] is False
    assert verdict(admin, made["key"]).reason == "key_revoked"
    assert owner.done("DELETE", f"/admin/api-keys/{made['id']}") == revoked  # again: no change


def test_a_rotated_key_goes_on_for_its_grace_only(admin: Admin, owner: Owner):
    made = owner.create()
    path = f"/admin/api-keys/{made['id'].upper()}/rotate"
    second = owner.ask("POST", path).json()  # no body: the default grace
    assert second["id"] == made["id"]
    assert second["prefix"] == keys.display_prefix(second["key"]) != made["prefix"]
    assert second["message"] == made["message"]
    assert verdict(admin, made["key"]).allowed
    third = owner.done("POST", path, {"grace_seconds": 0})
    assert len({made["key"], second["key"], third["key"]}) == 3
    for old in (made, second):
        assert not verdict(admin, old["key"]).allowed
    assert verdict(admin, third["key"]).allowed


def test_the_plain_key_and_the_secret_never_reach_the_database(admin: Admin, owner: Owner):
    made = owner.create()
    rotated = owner.done("POST", f"/admin/api-keys/{made['id']}/rotate", {})
    asked = str(admin.calls())
    for plain in (made["key"], rotated["key"]):
        assert keys.hash_key(plain) in asked  # we do look at what was asked
        assert plain not in asked
        assert plain.rpartition("_")[2] not in asked
        assert plain not in admin.log()
    assert "for-tests-only" not in asked + admin.log()


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("label", " Neu ✓ ", "Neu ✓"),
        ("owner_email", "a@b", "a@b"),
        ("rate_limit_per_min", 1_000_000, 1_000_000),
        ("monthly_token_limit", 10**12, 10**12),
        ("max_output_tokens", 10**9, 10**9),
        ("allowed_models", ["X:CLOUD"], ["x:cloud"]),
        ("allowed_models", ["X*"], ["x*"]),
        ("allowed_models", ["x", "*"], None),
        ("allowed_origins", ["chrome-extension://abc"], ["chrome-extension://abc"]),
        ("scopes", ["embeddings"], ["embeddings"]),
        ("expires_at", "2001-01-01", "2001-01-01T00:00:00Z"),
    ],
)
def test_an_update_changes_what_it_names_and_nothing_else(
    owner: Owner, field: str, given: Any, kept: Any
):
    owner.create("another")
    made = owner.create("x", owner_email="x@y", allowed_models=["a"], allowed_origins=["http://a"])
    del made["key"], made["message"]
    changed = owner.done("PATCH", f"/admin/api-keys/{made['id']}", {field: given})
    assert changed == {**made, field: kept}
    assert owner.listed()["data"][1] == changed


def test_a_new_key_spends_within_its_lane(admin: Admin, owner: Owner):
    key = owner.create("x", allowed_models=["qwen2.5:*"], max_output_tokens=4)["key"]
    assert verdict(admin, key, "qwen2.5:7b").granted == 4
    assert verdict(admin, key, "qwen2.5-coder:7b").reason == "model_not_allowed"
    plain = owner.create("x")["key"]
    assert verdict(admin, plain).granted == 10


def test_null_takes_away_what_an_update_may_take_away(owner: Owner):
    wishes = {
        "owner_email": "x@y",
        "max_output_tokens": 5,
        "allowed_models": ["a"],
        "allowed_origins": ["http://a"],
        "expires_at": "2999-01-01",
    }
    made = owner.create("x", **wishes)
    changed = owner.done("PATCH", f"/admin/api-keys/{made['id']}", dict.fromkeys(wishes))
    assert {changed[name] for name in wishes} == {None}


def test_a_list_has_every_key_once_in_the_order_of_making(owner: Owner):
    made = [owner.create(f"key {number} – 键")["id"] for number in range(5)]
    assert [row["id"] for row in owner.listed()["data"]] == made
    seen: list[str] = []
    cursor, pages = "", 0
    while cursor is not None:
        page = owner.listed(f"?limit=2{cursor and f'&cursor={cursor}'}")
        seen += [row["id"] for row in page["data"]]
        cursor, pages = page["next"], pages + 1
        if pages == 1:
            made.append(owner.create("made meanwhile")["id"])
    assert (seen, pages) == (made, 3)
    assert owner.listed(f"?limit=1000&cursor={seen[-1]}") == {"data": [], "next": None}


def test_usage_is_told_by_day_key_and_model(admin: Admin, owner: Owner):
    assert owner.done("GET", "/admin/usage") == {"data": []}
    first, second = owner.create("first"), owner.create("second")
    for key, model, count in ((first, "a:latest", 2), (first, "b:ü", 1), (second, "a:latest", 1)):
        for _ in range(count):
            verdict(admin, key["key"], model, prompt_tokens=3, completion_tokens=4)
    today = datetime.now(UTC).date().isoformat()

    def row(key: Any, model: str, count: int) -> dict[str, Any]:
        return {
            "date": today,
            "api_key_id": key["id"],
            "model": model,
            "requests": count,
            "prompt_tokens": 3 * count,
            "completion_tokens": 4 * count,
            "total_tokens": 7 * count,
        }

    wanted = [row(first, "a:latest", 2), row(first, "b:ü", 1), row(second, "a:latest", 1)]
    wanted.sort(key=lambda one: (one["api_key_id"], one["model"]))

    def told(query: str) -> Any:
        return owner.done("GET", f"/admin/usage{query}")["data"]

    assert told("") == told(f"?from={today}&to={today}") == wanted
    assert told(f"?api_key_id={second['id'].upper()}") == [row(second, "a:latest", 1)]
    assert told("?from=2001-01-01&to=2001-12-31") == []
    assert owner.listed()["data"][0]["tokens_used_month"] == 21
