"""Visitors of a key over /admin, with the gateway and with the Supabase function alike."""

from typing import Any

import pytest

from tests.support.admin.calls import Owner, error
from tests.support.sql.visitors import WRONG, by_issuer

KINDS: list[dict[str, Any]] = [
    {"by": ["token"], "tokens_per_day": 20_000, "requests_per_min": 5, "keep_names": True},
    by_issuer(
        tokens_per_day=10**12,
        anonymous={"tokens_per_day": 1},
        plans={"pro": {"max_output_tokens": 7}},
    ),
    by_issuer(by=["issuer", "token"]),
]
KEYS = "/admin/api-keys"


@pytest.mark.parametrize("visitors", KINDS)
def test_visitors_are_set_changed_and_taken_away(owner: Owner, visitors: dict[str, Any]):
    made = owner.create(visitors=visitors)
    assert made["visitors"] == visitors
    assert owner.listed()["data"][0]["visitors"] == visitors
    path = f"{KEYS}/{made['id']}"
    assert owner.done("PATCH", path, {"label": "other"})["visitors"] == visitors
    assert owner.done("PATCH", path, {"visitors": None})["visitors"] is None
    assert owner.done("PATCH", path, {"visitors": visitors})["visitors"] == visitors
    assert owner.create()["visitors"] is None


def test_a_number_is_kept_as_a_whole_one_and_what_is_null_as_nothing(owner: Owner):
    body = b'{"label":"x","visitors":{"by":["token"],"tokens_per_day":1e3,"requests_per_min":null}}'
    made = owner.ask("POST", KEYS, body)
    assert made.status_code == 201
    assert '"tokens_per_day":1000}' in made.text.replace(" ", "")
    assert made.json()["visitors"] == {"by": ["token"], "tokens_per_day": 1000}


@pytest.mark.parametrize(
    "visitors",
    [
        *(visitors for visitors, _ in WRONG),
        *(0, False, "", [{}]),
        {"by": ["token"], "tokens_per_day": 1e300},
        {"by": ["token"], "tokens_per_day": True},
        {"by": ["token"], "tokens_per_day": 10**30},
        {"by": ["token"], "tokens_per_day": -1},
        {"by": ["token"], "By": ["token"]},
        {"by": [["token"]]},
        {"by": ["token"] * 4},
        {"by": {"token": 1}},
        {"by": None},
        {"by": ["token"], "keep_names": 1},
        {"by": ["token\0"]},
        {"by": ["token"], "\ud800": 1},
        {"by": ["token"], "": {"a": ["\0"]}},
        by_issuer(issuer="https://a.example/\0"),
        by_issuer(issuer="https://a.example/?x"),
        by_issuer(issuer="https://a.example/" + "x" * 300),
        by_issuer(audience=["authenticated"]),
        by_issuer(plans={"a" * 51: {}}),
        by_issuer(plans={"a": []}),
        by_issuer(plans={f"plan-{number}": {"tokens_per_day": 1} for number in range(400)}),
    ],
    ids=lambda one: ascii(one)[:60],
)
def test_visitors_that_cannot_be_are_refused_and_named(owner: Owner, visitors: Any):
    made = owner.create()
    for line, fields in (
        (("POST", KEYS), {"label": "x"}),
        (("PATCH", f"{KEYS}/{made['id']}"), {}),
    ):
        answer = owner.ask(*line, {**fields, "visitors": visitors})
        told = error(answer)
        assert answer.status_code == 400, told
        assert (told["type"], told["code"]) == ("invalid_request_error", "invalid_request")
        assert told["param"] == "visitors" and told["message"]
    [row] = owner.listed()["data"]
    assert row["visitors"] is None


@pytest.mark.parametrize(
    ("number", "param"),
    [("9" * 5000, None), ("1e400", None), ("-0", "visitors"), ("0.0", "visitors")],
    ids=lambda one: str(one)[:9],
)
def test_a_number_that_no_reader_holds_does_no_harm(owner: Owner, number: str, param: str | None):
    body = b'{"label":"x","visitors":{"by":["token"],"tokens_per_day":%s}}' % number.encode()
    answer = owner.ask("POST", KEYS, body)
    assert (answer.status_code, error(answer)["param"]) == (400, param)


def test_a_member_that_stands_twice_is_refused(owner: Owner):
    for visitors in (b'{"by":["token"],"by":["token"]}', b'{"anonymous":{"a":1,"a":2}}'):
        answer = owner.ask("POST", KEYS, b'{"label":"x","visitors":%s}' % visitors)
        assert answer.status_code == 400
        assert error(answer)["param"] in {"by", "a"}


def test_limits_that_are_none_stay_no_limits(owner: Owner):
    made = owner.create(visitors=by_issuer(plans={"a": {"tokens_per_day": None}}, anonymous={}))
    assert made["visitors"] == by_issuer(plans={"a": {}}, anonymous={})
