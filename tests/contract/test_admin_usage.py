"""GET /admin/usage with a range and a grouping, of the gateway and the Supabase function alike."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.keys import hash_key
from gateway.stores.postgres import PostgresStore
from tests.contract.test_admin_contract import run, verdict, with_store
from tests.support.admin.calls import UNKNOWN, Owner, error
from tests.support.admin.servers import Admin

GROUPS = (
    "group_by should be some of month, day, hour, key, model, visitor, separated by commas, "
    "each once."
)
NOT_BOTH = "group_by has model or visitor, not both: of visitors no models are kept."
NAMES = "The parameters here are from, to, group_by, api_key_id."


def counts(requests: int) -> dict[str, int]:
    return {
        "requests": requests,
        "prompt_tokens": 3 * requests,
        "completion_tokens": 4 * requests,
        "total_tokens": 7 * requests,
    }


@pytest.fixture
def used(admin: Admin, owner: Owner) -> list[str]:
    """The ids of two keys: one asked one model twice and another once, the other the first once."""
    keys = [owner.create("first"), owner.create("second")]
    for key, model in ((0, "a:latest"), (0, "a:latest"), (0, "b:ü"), (1, "a:latest")):
        verdict(admin, keys[key]["key"], model, prompt_tokens=3, completion_tokens=4)
    return [key["id"] for key in keys]


def told(owner: Owner, query: str) -> Any:
    return owner.done("GET", f"/admin/usage?{query}")


def test_usage_is_added_up_by_what_is_asked(owner: Owner, used: list[str]):
    today = datetime.now(UTC).date().isoformat()
    first, second = used
    assert told(owner, "group_by=model,month") == {
        "from": f"{today[:7]}-01",
        "to": today,
        "group_by": ["month", "model"],
        "data": [
            {"month": today[:7], "model": "a:latest", **counts(3)},
            {"month": today[:7], "model": "b:ü", **counts(1)},
        ],
        "total": counts(4),
    }
    by_key = [
        {"api_key_id": first, **counts(3)},
        {"api_key_id": second, **counts(1)},
    ]
    by_key.sort(key=lambda row: row["api_key_id"])
    assert told(owner, "group_by=key")["data"] == by_key
    assert told(owner, "group_by=day")["data"] == [{"date": today, **counts(4)}]


def test_a_grouping_is_of_one_key_and_of_a_range_if_that_is_asked(owner: Owner, used: list[str]):
    today = datetime.now(UTC).date().isoformat()
    of_one = told(owner, f"api_key_id={used[1].upper()}&group_by=month&from={today}&to={today}")
    assert (of_one["total"], len(of_one["data"])) == (counts(1), 1)
    past = told(owner, "from=2001-01-01&to=2001-12-31&group_by=day")
    assert past == {
        "from": "2001-01-01",
        "to": "2001-12-31",
        "group_by": ["day"],
        "data": [],
        "total": counts(0),
    }


def test_all_groups_together_are_the_rows_without_a_grouping_and_their_month(
    owner: Owner, used: list[str]
):
    plain = owner.done("GET", "/admin/usage")
    assert plain.keys() == {"data"}
    fine = told(owner, "group_by=day,key,model")
    assert fine["data"] == plain["data"]
    finest = told(owner, "group_by=model,key,day,month")["data"]
    assert finest == [{**row, "month": row["date"][:7]} for row in plain["data"]]


def test_use_by_the_hour_is_that_of_the_day_for_at_most_31_days(owner: Owner, used: list[str]):
    today = datetime.now(UTC).date().isoformat()
    found = told(owner, f"group_by=hour,day,model&from={today}&to={today}")
    assert (found["group_by"], found["total"]) == (["day", "hour", "model"], counts(4))
    assert {row["date"] for row in found["data"]} == {today}
    assert all(row["hour"].endswith(":00:00Z") for row in found["data"])
    of_one = told(owner, f"api_key_id={used[1]}&group_by=hour,key")
    assert (of_one["total"], {row["api_key_id"] for row in of_one["data"]}) == (
        counts(1),
        {used[1]},
    )
    assert told(owner, "group_by=hour&from=2026-01-01&to=2026-01-31")["data"] == []
    answer = owner.ask("GET", "/admin/usage?group_by=hour&from=2026-01-01&to=2026-02-01")
    assert (answer.status_code, error(answer)["code"]) == (400, "invalid_request")
    assert "31 days" in error(answer)["message"]


def test_visitors_have_rows_of_their_own(admin: Admin, owner: Owner):
    site = {"by": ["token"], "keep_names": True}
    key = owner.create("site", visitors=site, allowed_origins=["https://shop.example"])
    token = "llm-visitor_x"

    async def minted(store: PostgresStore) -> None:
        given = {"p_origin": None, "p_visitor": "ada", "p_expires_in": 600}
        hashes = {"p_key_hash": hash_key(key["key"]), "p_token_hash": hash_key(token)}
        assert (await store.admin("create_visitor_token", {**hashes, **given}))["visitor"] == "ada"

    run(with_store(admin.dsn, minted))
    for _ in range(2):
        assert verdict(admin, token, prompt_tokens=3, completion_tokens=4).allowed
    found = told(owner, "group_by=visitor,key")
    [row] = found["data"]
    assert (found["group_by"], found["total"]) == (["key", "visitor"], counts(2))
    assert row == {
        "api_key_id": key["id"],
        "visitor": row["visitor"],
        "visitor_name": "ada",
        **counts(2),
    }
    of_other = told(owner, f"group_by=visitor&api_key_id={owner.create()['id']}")
    assert of_other["data"] == []


def test_the_first_and_the_last_day_of_the_calendar_are_days(owner: Owner):
    widest = told(owner, "from=0001-01-01&to=9999-12-31&group_by=day")
    assert (widest["from"], widest["to"]) == ("0001-01-01", "9999-12-31")
    assert told(owner, "from=9999-12-31&group_by=day")["to"] == "9999-12-31"
    assert told(owner, "to=9999-12-31&group_by=day")["from"] == "9999-12-01"
    assert told(owner, "to=0001-01-01&group_by=day")["from"] == "0001-01-01"


@pytest.mark.parametrize(
    ("query", "words", "param"),
    [
        ("group_by=", GROUPS, "group_by"),
        ("group_by=minute", GROUPS, "group_by"),
        ("group_by=hour,hour", GROUPS, "group_by"),
        ("group_by=endpoint", GROUPS, "group_by"),
        ("group_by=day,day", GROUPS, "group_by"),
        ("group_by=day,+model", GROUPS, "group_by"),
        ("group_by=constructor", GROUPS, "group_by"),
        ("group_by=visitors", GROUPS, "group_by"),
        ("group_by=visitor,model", NOT_BOTH, "group_by"),
        ("group_by=model,day,key,visitor", NOT_BOTH, "group_by"),
        ("group_by=visitor,model,model", GROUPS, "group_by"),
        ("group_by=day&group_by=model", "The parameter 'group_by' is given twice.", "group_by"),
        (f"api_key_id={UNKNOWN}&api_key_id=", "The parameter 'api_key_id' is given twice.", None),
        ("form=2026-01-01", NAMES, None),
        ("group-by=day", NAMES, None),
        ("=", NAMES, None),
        ("%ff=%zz", NAMES, None),
        ("from=2026-13-01", "Dates should have the form 2026-11-24.", "from"),
        ("from=2026-02-02&to=2026-02-01&group_by=day", "The range ends before it begins.", "to"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(
    admin: Admin, owner: Owner, query: str, words: str, param: str | None
):
    before = len(admin.calls())
    answer = owner.ask("GET", f"/admin/usage?{query}")
    assert answer.status_code == 400
    refusal = error(answer)
    assert refusal["message"] == words
    if param:
        assert refusal["param"] == param
    assert {name for name, _ in admin.calls()[before:]} <= {"admin_login"}
