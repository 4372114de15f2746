"""GET /admin/requests, of the gateway and of the Supabase function alike."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.core import keys
from gateway.stores import AuthorizationRequest, Settlement
from gateway.stores.postgres import PostgresStore
from tests.contract.test_admin_contract import run, with_store
from tests.support.admin.calls import UNKNOWN, Owner, error
from tests.support.admin.servers import Admin

NAMES = (
    "The parameters here are cursor, limit, api_key_id, visitor, model, status, usage_source, "
    "route, from, to."
)
HOSTILE = '<img src=x onerror="alert(1)">'


def served(admin: Admin, key: str, model: str = "m:latest", **settled: Any) -> UUID:
    """A request with the key that a gateway on the same database has settled."""

    async def act(store: PostgresStore) -> UUID:
        request = uuid4()
        endpoint = "/v1/chat/completions"
        ask = AuthorizationRequest(
            request, keys.hash_key(key), "chat", None, model, endpoint, 10, 10
        )
        assert (await store.authorize(ask)).allowed
        await store.settle([Settlement(request, prompt_tokens=3, completion_tokens=4, **settled)])
        return request

    return run(with_store(admin.dsn, act))


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["data"]]


def test_a_row_says_who_asked_what_where_and_what_it_came_to(admin: Admin, owner: Owner):
    key = owner.create(HOSTILE)
    request = served(
        admin,
        key["key"],
        HOSTILE,
        usage_source="reported",
        ttft_ms=120,
        duration_ms=900,
        backend="den-pc",
    )
    page = owner.done("GET", "/admin/requests")
    assert (page["object"], page["next_cursor"]) == ("list", None)
    (row,) = page["data"]
    assert row.pop("time").endswith("Z")
    assert row == {
        "id": str(request),
        "api_key_id": key["id"],
        "key_name": HOSTILE,
        "visitor": None,
        "route": "/v1/chat/completions",
        "model": HOSTILE,
        "backend": "den-pc",
        "status": "ok",
        "usage_source": "reported",
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "charged_tokens": 7,
        "ttft_ms": 120,
        "duration_ms": 900,
    }
    alone = owner.done("GET", f"/admin/requests/{request}")
    assert alone == owner.done("GET", f"/admin/requests/{str(request).upper()}")
    assert {**alone, "time": ""} == {**row, "time": ""}


def test_pages_show_each_request_once_the_newest_first(admin: Admin, owner: Owner):
    key = owner.create()["key"]
    made = [str(served(admin, key)) for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = owner.done("GET", f"/admin/requests?limit=2{cursor}")
        seen += ids(page)
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


def test_the_log_is_filtered_by_all_that_a_row_shows(admin: Admin, owner: Owner):
    one, other = owner.create("one"), owner.create("other")
    mine = str(served(admin, one["key"], "a:1b", status="truncated", usage_source="estimated"))
    served(admin, other["key"])
    for query in (
        f"api_key_id={one['id'].upper()}",
        *("model=a:1b", "model=a%3A1b", "status=truncated", "usage_source=estimated"),
        "status=truncated&model=a:1b&route=/v1/chat/completions&limit=200",
    ):
        assert ids(owner.done("GET", f"/admin/requests?{query}")) == [mine], query
    day = owner.done("GET", f"/admin/requests/{mine}")["time"][:10]
    assert len(ids(owner.done("GET", f"/admin/requests?from={day}&to={day}"))) == 2
    for query in (
        *(f"to={day}T00:00", "from=9999-12-31", "to=0001-01-01", "route=/api/embed"),
        *(f"visitor={UNKNOWN}", f"api_key_id={UNKNOWN}", "model=", f"model=a:1b&to={day}T00:00Z"),
    ):
        assert owner.done("GET", f"/admin/requests?{query}")["data"] == [], query
    assert len(ids(owner.done("GET", "/admin/requests?to=9999-12-31"))) == 2


@pytest.mark.parametrize(
    ("query", "param"),
    [
        *((f"limit={given}", "limit") for given in ("0", "201", "", "-1", "1.0", "%D9%A1")),
        *((f"cursor={given}", "cursor") for given in ("", "x", "%00", UNKNOWN, "'--")),
        *((f"api_key_id={given}", "api_key_id") for given in ("", "x", "%00")),
        *(("visitor=x", "visitor"), ("model=%00", "model"), ("route=a%00b", "route")),
        *((f"{name}=2026-02-30", name) for name in ("from", "to")),
        *((f"{name}=", name) for name in ("from", "to")),
        *((f"{name}=infinity", name) for name in ("from", "to")),
        ("limit=1&limit=1", "limit"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(owner: Owner, query: str, param: str):
    answer = owner.ask("GET", f"/admin/requests?{query}")
    assert answer.status_code == 400
    told = error(answer)
    assert (told["code"], told["param"]) == ("invalid_request", param)


@pytest.mark.parametrize("query", ["page=2", "Limit=1", "=", "%ff=1", "ids=x"])
def test_an_unknown_parameter_is_refused_with_those_that_there_are(owner: Owner, query: str):
    answer = owner.ask("GET", f"/admin/requests?{query}")
    assert (answer.status_code, error(answer)["message"]) == (400, NAMES)


def test_a_request_that_the_log_does_not_have_is_not_found(owner: Owner):
    answer = owner.ask("GET", f"/admin/requests/{UNKNOWN}")
    assert (answer.status_code, error(answer)["code"]) == (404, "not_found")
