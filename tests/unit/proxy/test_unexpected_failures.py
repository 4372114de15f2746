"""A failure that nobody expects: the client is told in its dialect, and the log has the reason."""

import logging
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Dialect
from gateway.http.exchange import Exchange
from gateway.proxy.pipeline import Pipeline
from gateway.stores import StoreUnavailable

pytestmark = pytest.mark.anyio

PROMISED = b"data: a token\n\n"


class Failing(Pipeline):
    """Fails with `problem`, once it has sent the `beginning` of its answer."""

    def __init__(self, problem: Exception, beginning: bytes = b"", end: bytes | None = None):
        self.problem, self.beginning, self.end = problem, beginning, end

    async def answer(self, dialect: Dialect, exchange: Exchange) -> Refusal | None:
        exchange.dialect = dialect
        if self.beginning:
            await exchange.write(self.beginning)
        if self.end is not None:
            await exchange.end(self.end)
        raise self.problem

    async def sent(self, dialect: Dialect) -> list[dict[str, Any]]:
        """The messages that the client gets."""
        messages: list[dict[str, Any]] = []

        async def receive() -> Any:
            raise AssertionError("nothing is read")

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        scope = {"type": "http", "method": "POST", "path": dialect.path, "headers": []}
        await self.serve(dialect, scope, receive, send)
        return messages


@pytest.mark.parametrize("dialect", all_dialects(), ids=lambda one: one.path)
@pytest.mark.parametrize(
    ("problem", "status"), [(ZeroDivisionError("one"), 500), (StoreUnavailable("two"), 503)]
)
async def test_it_is_an_error_with_its_status(dialect: Dialect, problem: Exception, status: int):
    head, body = await Failing(problem).sent(dialect)
    assert head["status"] == status
    assert b"error" in body["body"] and not body["more_body"]


@pytest.mark.parametrize(
    "dialect", [one for one in all_dialects() if one.framing], ids=lambda one: one.path
)
async def test_a_stream_that_has_begun_ends_with_an_error_event(
    dialect: Dialect, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.ERROR):
        head, first, last = await Failing(ZeroDivisionError("one"), PROMISED).sent(dialect)
    assert (head["status"], first["body"]) == (200, PROMISED)
    assert b"Something went wrong in the gateway" in last["body"]
    assert not last["more_body"]
    assert "failed" in caplog.text and "ZeroDivisionError: one" in caplog.text


async def test_what_fails_behind_the_end_of_an_answer_adds_nothing_to_it():
    dialect = all_dialects()[0]
    messages = await Failing(ZeroDivisionError("one"), PROMISED, b"the end").sent(dialect)
    assert messages[-1] == {"type": "http.response.body", "body": b"the end", "more_body": False}
