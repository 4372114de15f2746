"""Streams as servers other than Ollama are known to write them: each is counted, and ends well."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.callers import bearer, connect, counted, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_exchange import Exchange
from tests.support.fake_upstream import FakeUpstream, fake_upstream
from tests.support.paths import CASES

STREAMS = [json.loads(line) for line in (CASES / "streams.jsonl").read_text("utf-8").splitlines()]
LISTED = "Vendor/Model"
DONE = "data: [DONE]\n\n"


@pytest.fixture(scope="module")
def foreign() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        running.foreign = [{"id": LISTED}]
        yield running


@pytest.fixture(scope="module")
def beside(foreign: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(foreign.url, shared_dsn) as running:
        yield running


def asked(
    gateway: GatewayProcess,
    upstream: FakeUpstream,
    path: str,
    events: bytes,
    content_type: str = "text/event-stream",
    *,
    step: int = 0,
    cut: bool = False,
    **more: Any,
) -> tuple[httpx.Response, tuple[int, int, int]]:
    """The answer to a stream of these bytes, and what the key has used."""

    async def behave(exchange: Exchange) -> None:
        await exchange.head(content_type)
        for at in range(0, len(events), step or len(events)):
            await exchange.send(events[at : at + (step or len(events))])
        if cut:
            exchange.cut()
        else:
            await exchange.end()

    upstream.behave = behave
    key = make_key(gateway.url)
    prompt = {"messages": [{"role": "user", "content": "hi"}]}
    body = {"model": LISTED, "stream": True, "max_tokens": 50, **prompt, "prompt": "hi", **more}
    if path != "/v1/completions":
        del body["prompt"]
    if path == "/v1/generate":
        body = {"model": LISTED, "stream": True, "prompt": "hi"}
    with connect(gateway.url) as client:
        answer = client.post(path, json=body, headers=bearer(key))
    return answer, counted(gateway.url, key)


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case["id"])
def test_a_stream_of_the_field_is_counted_and_ends_well(
    beside: GatewayProcess, foreign: FakeUpstream, case: dict[str, Any], step: int
) -> None:
    path = case["route"].split(" ")[1]
    kind = case.get("content_type", "text/event-stream")
    answer, (_, prompt, completion) = asked(
        beside, foreign, path, case["events"].encode(), kind, step=step
    )
    assert answer.status_code == 200
    assert prompt + completion == case["counted"]
    assert answer.text.endswith(DONE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    if "usage_shown_unasked" in case:
        assert "usage" not in answer.text
    lines = answer.text.splitlines()
    assert all(one.startswith(("data: ", ":")) for one in lines if one)
    assert "hello" in answer.text


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case["id"])
def test_who_asks_for_the_usage_gets_it(
    beside: GatewayProcess, foreign: FakeUpstream, case: dict[str, Any]
) -> None:
    kind = case.get("content_type", "text/event-stream")
    answer, _ = asked(
        *(beside, foreign, "/v1/chat/completions", case["events"].encode(), kind),
        stream_options={"include_usage": True},
    )
    assert "completion_tokens" in answer.text


WORD = '{"choices":[{"index":0,"delta":{"content":"hello"},"text":"hello","finish_reason":null}]}'
STOP = '{"choices":[{"index":0,"delta":{},"text":"","finish_reason": "stop"}]}'
USAGE = '{"choices":null,"usage":{"prompt_tokens":3.0,"completion_tokens":2.0}}'
MESSAGE = (
    "event: message_start\n"
    'data: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\n'
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"hello"}}\n\n'
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    '"usage":{"output_tokens":2.0}}\n\n'
)
UNENDED = {
    "/v1/chat/completions": "".join(f"data: {one}\n\n" for one in (WORD, STOP, USAGE)),
    "/v1/completions": "".join(f"data: {one}\n\n" for one in (WORD, STOP, USAGE)),
    "/v1/generate": "".join(f"data: {one}\n\n" for one in (WORD, STOP, USAGE)),
    "/v1/messages": MESSAGE,
}
ENDS = {"/v1/messages": '"message_stop"}\n\n', "/v1/generate": '"total_tokens":5}}\n\n'}


@pytest.mark.parametrize("path", UNENDED)
@pytest.mark.parametrize("open_end", [False, True])
def test_a_clean_end_after_the_model_has_finished_is_a_whole_stream_to_the_client(
    beside: GatewayProcess, foreign: FakeUpstream, path: str, open_end: bool
) -> None:
    events = UNENDED[path].removesuffix("\n\n") if open_end else UNENDED[path]
    answer, (_, prompt, completion) = asked(beside, foreign, path, events.encode())
    assert answer.status_code == 200
    assert answer.text.endswith(ENDS.get(path, DONE)), answer.text
    assert (prompt, completion) == (3, 2)


@pytest.mark.parametrize("path", UNENDED)
def test_a_connection_that_breaks_there_is_none(
    beside: GatewayProcess, foreign: FakeUpstream, path: str
) -> None:
    answer, (_, prompt, completion) = asked(beside, foreign, path, UNENDED[path].encode(), cut=True)
    assert not answer.text.endswith(ENDS.get(path, DONE))
    assert "error" in answer.text
    assert (prompt, completion) == (3, 2)


@pytest.mark.parametrize("path", UNENDED)
def test_nor_is_a_clean_end_before_the_model_has_finished(
    beside: GatewayProcess, foreign: FakeUpstream, path: str
) -> None:
    begun = UNENDED[path][: UNENDED[path].index("hello") + 9]
    answer, _ = asked(beside, foreign, path, begun.encode())
    assert "error" in answer.text
    assert not answer.text.endswith(ENDS.get(path, DONE))


@pytest.mark.parametrize("path", [*UNENDED])
def test_ollama_says_itself_that_a_stream_is_whole(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, path: str
) -> None:
    answer, _ = asked(gateway, shared_upstream, path, UNENDED[path].encode())
    assert "error" in answer.text
    assert not answer.text.endswith(ENDS.get(path, DONE))
    shared_upstream.reset()


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("path", UNENDED)
def test_a_byte_order_mark_is_not_passed_on(
    beside: GatewayProcess, foreign: FakeUpstream, path: str, step: int
) -> None:
    events = b"\xef\xbb\xbf" + UNENDED[path].encode()
    answer, (_, prompt, completion) = asked(beside, foreign, path, events, step=step)
    assert not answer.content.startswith(b"\xef")
    assert (prompt, completion) == (3, 2)
