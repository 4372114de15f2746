"""Who listens is told of each request once, at its end."""

from typing import Any
from uuid import uuid4

import pytest

from gateway.core.errors import Refusal
from gateway.core.record import Listeners, Record


def scope() -> dict[str, Any]:
    return {"request_id": uuid4(), "method": "GET", "path": "/"}


def test_where_nobody_listens_nothing_is_made():
    one = scope()
    assert Listeners().begin(one) is None
    assert "record" not in one


def test_each_listener_is_told_once_even_if_another_fails():
    told: list[Record] = []

    def fail(record: Record, scope: object) -> None:
        raise ValueError("broken")

    listeners, one = Listeners(), scope()
    listeners.add(fail)
    listeners.add(lambda record, _: told.append(record))
    listeners.begin(one)
    listeners.end(one)
    listeners.end(one)
    assert told == [one["record"]]


def test_what_waits_for_the_store_is_told_when_its_word_has_come():
    told: list[Record] = []
    listeners, one = Listeners(), scope()
    listeners.add(lambda record, _: told.append(record))
    record = listeners.begin(one)
    assert record is not None
    record.waits = True
    listeners.end(one)
    assert told == []
    record.waits = False
    listeners.end(one)
    assert told == [record]


@pytest.mark.parametrize(
    ("http_status", "refusal", "status"),
    [
        (200, None, "ok"),
        (0, None, "client_gone"),
        (404, None, "refused"),
        (200, Refusal("truncated"), "refused"),
    ],
)
def test_a_status_that_nobody_noted_is_that_of_its_answer(
    http_status: int, refusal: Refusal | None, status: str
):
    record = Record(uuid4(), "GET", "/", 0.0, http_status=http_status, refusal=refusal)
    record.close()
    assert record.status == status
    assert record.duration_ms >= 0
