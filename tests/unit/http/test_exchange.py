"""One call: its body within bounds, its answer with what clients rely on, nothing after its end."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.dialects.openai.chat import CHAT
from gateway.http.body import ClientGone
from gateway.http.exchange import GIVE_WAY, STUCK, Exchange
from gateway.http.rate_headers import duration, rate_headers
from gateway.stores import Verdict

pytestmark = pytest.mark.anyio

LIMIT = 100


class Client:
    """The other side of a call: the messages that it sends, and those that it gets."""

    def __init__(self, *parts: bytes | None, headers: dict[str, str] | None = None) -> None:
        """None: it leaves."""
        self.sent: list[Any] = []
        last = len(parts) - 1
        self._parts = [
            {"type": "http.disconnect"}
            if part is None
            else {"type": "http.request", "body": part, "more_body": number < last}
            for number, part in enumerate(parts)
        ]
        self.exchange = Exchange(
            {
                "path": "/v1/chat/completions",
                "method": "POST",
                "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
            },
            self._receive,
            self._send,
        )

    async def _receive(self) -> Any:
        return self._parts.pop(0)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    def header(self, name: bytes) -> bytes | None:
        return dict(self.sent[0]["headers"]).get(name)


@pytest.mark.parametrize("parts", [(b"a" * LIMIT,), (b"a" * 60, b"a" * 40), (b"", b"ab", b"")])
async def test_a_body_within_the_limit_arrives_whole(parts: tuple[bytes, ...]):
    assert await Client(*parts).exchange.body(LIMIT) == b"".join(parts)


@pytest.mark.parametrize("parts", [(b"a" * 101,), (b"a" * 60, b"a" * 41), (b"", b"a" * 101)])
async def test_a_body_beyond_the_limit_is_refused_whatever_was_declared(parts: tuple[bytes, ...]):
    refusal = await Client(*parts).exchange.body(LIMIT)
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 413


@pytest.mark.parametrize("length", ["101", "9" * 40])
async def test_a_body_that_is_declared_too_large_is_refused_before_it_comes(length: str):
    refusal = await Client(headers={"content-length": length}).exchange.body(LIMIT)
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "br", "identity, gzip"])
async def test_a_compressed_body_is_refused(encoding: str):
    refusal = await Client(b"x", headers={"content-encoding": encoding}).exchange.body(LIMIT)
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 415


@pytest.mark.parametrize("parts", [(None,), (b"a", None)])
async def test_a_client_that_leaves_within_its_body_is_gone(parts: tuple[bytes | None, ...]):
    with pytest.raises(ClientGone):
        await Client(*parts).exchange.body(LIMIT)


@pytest.mark.parametrize("reason", list(KINDS))
async def test_every_refusal_is_an_answer_with_its_status_and_length(reason: str):
    client = Client()
    await client.exchange.refuse(Refusal(reason, retry_after_ms=1200))
    assert client.sent[0]["status"] == KINDS[reason].status
    assert client.header(b"content-length") == b"%d" % len(client.body)
    assert client.header(b"retry-after") == b"2"
    assert client.header(b"cache-control") == b"no-store"
    hopeless = KINDS[reason].status in {401, 403, 501} or reason.endswith("_quota")
    should_retry = b"false" if hopeless else None
    assert client.header(b"x-should-retry") == should_retry
    needs_key = KINDS[reason].code in {"invalid_api_key", "invalid_visitor_token"}
    assert (client.header(b"www-authenticate") is not None) is needs_key
    assert client.sent[-1]["more_body"] is False


async def test_an_error_after_the_head_is_the_last_event_of_a_stream():
    client = Client()
    client.exchange.dialect = CHAT
    await client.exchange.write(b"data: {}\n\n")
    await client.exchange.refuse(Refusal("truncated"))
    first, error, nothing = client.body.split(b"\n\n")
    assert (first, nothing) == (b"data: {}", b"")
    assert json.loads(error.removeprefix(b"data: "))["error"]["code"] == "upstream_error"
    assert client.sent[-1]["more_body"] is False


async def test_signs_of_life_are_what_parsers_pass_over():
    stream, whole = Client(), Client()
    stream.exchange.dialect = CHAT
    for client in (stream, whole):
        client.exchange.beat("waiting, position 2")
        await asyncio.sleep(0)
    assert stream.body == b": waiting, position 2\n\n"
    assert whole.body == b" "
    await whole.exchange.whole(200, b"{}")
    assert json.loads(whole.body) == {}
    assert len([one for one in whole.sent if one["type"] == "http.response.start"]) == 1


async def test_no_sign_of_life_follows_the_end_or_a_client_that_left():
    ended, gone = Client(), Client()
    await ended.exchange.end()
    gone.exchange.gone = True
    for client in (ended, gone):
        before = len(client.sent)
        client.exchange.beat("working")
        await asyncio.sleep(0)
        assert len(client.sent) == before


async def test_a_beat_that_was_on_its_way_when_the_end_came_is_not_sent():
    client = Client()
    client.exchange.beat("working")
    await client.exchange.whole(200, b"{}")
    assert client.body == b"{}"
    assert client.header(b"content-length") == b"2"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0ms"),
        (12, "12ms"),
        (999, "999ms"),
        (1000, "1s"),
        (1001, "2s"),
        (59_001, "1m0s"),
        (60_000, "1m0s"),
        (360_000, "6m0s"),
        (3_600_000, "1h0m0s"),
        (1_337_531_000, "371h32m11s"),
    ],
)
def test_durations_are_written_as_openai_writes_them(milliseconds: int, text: str):
    assert duration(milliseconds) == text


def test_limits_are_whole_numbers_and_never_negative():
    verdict = Verdict(
        allowed=True,
        rate_limit=60,
        rate_remaining=59,
        rate_reset_ms=1500,
        token_limit=1000,
        tokens_remaining=-5,
        month_resets_at=datetime(2020, 1, 1, tzinfo=UTC),  # long ago
    )
    assert dict(rate_headers(verdict)) == {
        b"x-ratelimit-limit-requests": b"60",
        b"x-ratelimit-remaining-requests": b"59",
        b"x-ratelimit-reset-requests": b"2s",
        b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"0",
        b"x-ratelimit-reset-tokens": b"0ms",
    }


def test_an_unknown_key_is_told_no_limits():
    assert rate_headers(Verdict(allowed=False, reason="invalid_api_key")) == []


class Reluctant(Client):
    """A client that takes the head and nothing more, and stays."""

    async def _receive(self) -> Any:
        await asyncio.Event().wait()

    async def _send(self, message: Any) -> None:
        await super()._send(message)
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()


@pytest.mark.parametrize(("others_wait", "patience"), [(False, STUCK), (True, GIVE_WAY)])
async def test_a_client_that_takes_nothing_is_given_up_after_a_while_and_not_before(
    others_wait: bool, patience: float
):
    client = Reluctant()
    started = asyncio.Event()

    async def serve() -> None:
        client.exchange.watch()
        started.set()
        await client.exchange.write(b"data: {}\n\n")

    task = asyncio.create_task(serve())
    await started.wait()
    now = client.exchange.last_sent
    client.exchange.give_up_if_stuck(now + patience - 1, others_wait=others_wait)
    await asyncio.sleep(0)
    assert not client.exchange.gone
    client.exchange.beat("working")  # would look as if something had been taken
    await asyncio.sleep(0)
    assert b"working" not in client.body
    client.exchange.give_up_if_stuck(now + patience + 1, others_wait=others_wait)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.exchange.gone


async def test_a_body_that_never_ends_is_refused_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateway.http.body.GRACE", 0.01)
    refusal = await Reluctant().exchange.body(LIMIT)
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 408


@pytest.mark.parametrize(
    ("length", "large"),
    [("0", False), ("65536", False), ("65537", True), (None, True), ("x", True)],
)
async def test_a_body_is_large_by_what_is_declared(length: str | None, large: bool):
    headers = {"content-length": length} if length else {}
    assert Client(headers=headers).exchange.is_large() is large
