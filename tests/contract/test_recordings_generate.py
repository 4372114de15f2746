"""What a real Ollama was recorded to say to chats, as `/v1/generate` words it: no text is lost,
the usage that is told is what was counted, and nothing that was cut ends as if it were whole."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.contract.test_recordings import (
    CUT,
    ERRORS,
    GUARDED,
    NO_ANSWER,
    STREAMS,
    WHOLE,
    checked_error,
    texts,
)
from tests.support.books import Row
from tests.support.callers import bearer, connect, counted
from tests.support.recorded_world import ANSWERED_BY, Reply, World, checked_row
from tests.support.replay import Recording, one_way

MODEL = "qwen2.5:7b"  # the default


def recorded(name: str) -> Recording:
    return Recording(ANSWERED_BY.get(name, name))


def ask(world: World, answer: str | Recording, **fields: Any) -> Reply:
    """A prompt that is answered as that chat was."""
    recording = recorded(answer) if isinstance(answer, str) else answer
    world.replay.recording = recording
    world.replay.received.clear()
    body = {"prompt": "hi", "stream": recording.streams, **fields}
    said, cut = b"", False
    with (
        connect(world.gateway.url) as client,
        client.stream("POST", "/v1/generate", json=body, headers=bearer(world.books.key)) as reply,
    ):
        try:
            for part in reply.iter_raw():
                said += part
        except httpx.RemoteProtocolError:
            cut = True
    world.sent = [json.loads(body) for _, body in world.replay.received]
    kind, identity = reply.headers["content-type"], UUID(reply.headers["x-request-id"])
    return Reply(reply.status_code, kind, identity, said, cut)


def events(reply: Reply) -> list[dict[str, Any]]:
    assert reply.content_type.startswith("text/event-stream")
    assert reply.body.endswith(b"\n\n")
    return [json.loads(event.removeprefix(b"data: ")) for event in reply.body.split(b"\n\n")[:-1]]


def usage(row: Row) -> dict[str, int]:
    prompt, completion = row.counts
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def check_row(world: World, reply: Reply, name: str) -> Row:
    """As reported, or where the recording has no report an estimate."""
    recording = recorded(name)
    if recording.usage is None:
        row = checked_row(world, reply, "estimated", "ok")
        assert min(row.counts) > 0
    else:
        row = checked_row(world, reply, "reported", "ok")
        assert row.counts == recording.usage
    return row


@pytest.mark.parametrize("name", sorted(set(WHOLE) - GUARDED))
def test_a_whole_answer_is_its_text_and_its_usage_the_count(world: World, name: str):
    reply = ask(world, name)
    assert (reply.status, reply.content_type) == (200, "application/json")
    choice = json.loads(recorded(name).body)["choices"][0]
    assert json.loads(reply.body) == {
        "id": str(reply.id),
        "model": MODEL,
        "response": choice["message"]["content"] or "",
        "finish_reason": choice["finish_reason"],
        "usage": usage(check_row(world, reply, name)),
    }


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_a_text_that_the_repeat_guard_cut_is_an_error(world: World, name: str):
    reply = ask(world, name)
    assert reply.status == 502
    assert checked_error(reply.body, "upstream_error")
    assert min(checked_row(world, reply, "estimated", "truncated").counts) > 0


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_has_all_of_the_text_and_its_usage_is_the_count(world: World, name: str):
    reply = ask(world, name)
    assert (reply.status, reply.cut) == (200, False)
    *pieces, last = events(reply)
    assert pieces == [{"response": text} for text in texts(Recording(name).body)]
    assert last.pop("finish_reason")
    assert last == {
        "response": "",
        "done": True,
        "id": str(reply.id),
        "model": MODEL,
        "usage": usage(check_row(world, reply, name)),
    }


@pytest.mark.parametrize("name", sorted(CUT))
def test_a_stream_that_ollama_left_unfinished_ends_as_an_error_and_is_counted(
    world: World, name: str
):
    reply = ask(world, name)
    assert reply.status == 200
    *pieces, last = events(reply)
    said = texts(Recording(name).body)
    assert pieces == [{"response": text} for text in said]
    checked_error(json.dumps(last).encode(), "upstream_error")
    row = checked_row(world, reply, "estimated", "truncated")
    assert row.completion_tokens >= len(said) > 0
    assert row.prompt_tokens > 0


def test_a_stream_that_is_cut_anywhere_ends_as_an_error_and_is_counted(world: World):
    recording = Recording("oai-chat-stream-usage")
    body, recording.cut = recording.body, True
    ends = [at + 2 for at in range(len(body)) if body.startswith(b"\n\n", at)]
    for end in ends[:-1:3]:
        for kept in (end, end + 9):
            recording.chunks = [body[:kept]]
            reply = ask(world, recording)
            *pieces, last = events(reply)
            assert pieces == [{"response": text} for text in texts(body[:end])]
            checked_error(json.dumps(last).encode(), "upstream_error")
            row = world.row(reply)
            assert row is not None
            assert row.status == "truncated"
            assert row.completion_tokens >= len(pieces)


@pytest.mark.parametrize("name", ERRORS)
def test_what_ollama_refuses_is_told_in_its_words_and_costs_nothing(world: World, name: str):
    recording = Recording(name)
    reply = ask(world, name)
    codes = {400: "invalid_request", 404: "model_not_found", 500: "upstream_error"}
    assert recording.status in codes
    assert reply.status == recording.status
    message = checked_error(reply.body, codes[recording.status])
    words = json.loads(recording.body)["error"]["message"]
    assert message == re.sub(
        "^model '.*?'", f"model '{MODEL}'", one_way(words)
    )  # that was asked for here
    assert checked_row(world, reply, "none", "upstream_error").counts == (0, 0)


@pytest.mark.parametrize("name", sorted(NO_ANSWER))
def test_a_connection_that_ends_without_an_answer_is_an_error_that_costs_nothing(
    world: World, name: str
):
    reply = ask(world, name)
    assert reply.status in {502, 503}
    assert json.loads(reply.body)["error"]["message"]
    assert checked_row(world, reply, "none", "upstream_error").counts == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_the_default_model_and_a_granted_cap_are_what_is_asked(world: World, stream: bool):
    ask(world, "oai-chat-stream" if stream else "oai-chat", system="be brief", max_tokens=7)
    assert world.sent == [
        {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "hi"},
            ],
            "max_tokens": 7,
            **({"stream": True, "stream_options": {"include_usage": True}} if stream else {}),
        }
    ]


def test_the_books_balance_at_the_end(world: World):
    ask(world, "oai-chat")
    counted(world.gateway.url, world.books.key)
    assert asyncio.run(world.books.balanced())
