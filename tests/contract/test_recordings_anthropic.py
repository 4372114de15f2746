"""What a real Ollama was recorded to say on Anthropic's route, behind a real gateway. See
`test_recordings.py` for chat."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.callers import counted
from tests.support.recorded_world import Reply, World, checked_row
from tests.support.replay import Recording, cases

PATH = "/v1/messages"
CASES = cases(PATH)
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

# Refused by the gateway itself, with this status: nothing of it reaches the model server.
REFUSED = {
    "ant-case-variant-key": 400,
    "ant-cloud": 403,
    "ant-enc-zstd": 415,
    "ant-messages-empty-messages": 400,
    "ant-messages-malformed": 400,
    "ant-messages-missing-max_tokens": 400,
    "ant-nocloud": 403,
}
# Routes of Anthropic's that Ollama lacks.
ABSENT = {"ant-message-batches": "/v1/messages/batches"}
TYPES = {
    400: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    415: "invalid_request_error",
    503: "overloaded_error",
}

WHOLE, STREAMS, ERRORS = [], [], []
for _name in sorted(set(CASES) - set(REFUSED)):
    _recording = Recording(_name)
    _kind = WHOLE if not _recording.streams else STREAMS
    (_kind if _recording.status == 200 else ERRORS).append(_name)


def events(stream: bytes) -> list[dict[str, Any]]:
    parts = [one for one in stream.split(b"\n\n") if one]
    return [json.loads(one.partition(b"\ndata: ")[2]) for one in parts]


def reported(recording: Recording) -> tuple[int, int]:
    """Prompt and generated tokens as Ollama reported them at the end."""
    told = json.loads(recording.body) if not recording.streams else events(recording.body)[-2]
    return told["usage"]["input_tokens"], told["usage"]["output_tokens"]


def checked_error(reply: Reply) -> str:
    """The message of an error in Anthropic's shape."""
    assert reply.content_type == "application/json"
    error = json.loads(reply.body)
    assert set(error) == {"type", "error", "request_id"}
    assert error["type"] == "error"
    assert error["request_id"] == str(reply.id)
    assert set(error["error"]) == {"type", "message"}
    assert error["error"]["type"] == TYPES[reply.status]
    return error["error"]["message"]


def cut(name: str, size: int, *, cleanly: bool) -> Recording:
    """A recording of which no more came; `cleanly`: as HTTP says it, that was all."""
    recording = Recording(name)
    left: list[bytes] = []
    for chunk in recording.chunks:
        left.append(chunk[: max(0, size - sum(map(len, left)))])
    recording.chunks = [chunk for chunk in left if chunk]
    recording.body = b"".join(recording.chunks)
    recording.cut = not cleanly
    return recording


def test_every_recording_is_accounted_for():
    kinds = [set(WHOLE), set(STREAMS), set(ERRORS), set(REFUSED)]
    assert sorted(name for kind in kinds for name in kind) == CASES
    assert (len(WHOLE), len(STREAMS), len(ERRORS)) == (6, 2, 5)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_ollama_might_read_otherwise_is_refused_before_it_gets_there(world: World, name: str):
    reply = world.ask(name)
    assert reply.status == REFUSED[name]
    assert checked_error(reply)
    assert not world.sent
    assert world.row(reply) is None


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_comes_through_and_is_counted_as_reported(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("application/json")
    assert reply.body == recording.body
    assert checked_row(world, reply, "reported", "ok").counts == reported(recording)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_comes_through_to_its_end_and_is_counted_by_its_report(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("text/event-stream")
    assert reply.body == recording.body
    assert reply.body.endswith(STOP)
    assert checked_row(world, reply, "reported", "ok").counts == reported(recording)
    guess = events(recording.body)[0]["message"]["usage"]["input_tokens"]
    assert guess != reported(recording)[0]


@pytest.mark.parametrize("cleanly", [True, False], ids=["runner crashed", "server stopped"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_ollama_left_unfinished_ends_as_an_error(
    world: World, name: str, cleanly: bool
):
    half = cut(name, len(Recording(name).body) // 2, cleanly=cleanly)
    reply = world.ask(name, answer=half)
    assert reply.status == 200
    whole = half.body[: half.body.rfind(b"\n\n") + 2]
    assert reply.body.startswith(whole)
    rest = reply.body[len(whole) :]
    assert STOP not in reply.body
    assert rest.startswith(b'event: error\ndata: {"type":"error","error":{"type":"api_error"')
    assert rest.endswith(b"\n\n")
    [error] = events(rest)
    assert error["request_id"] == str(reply.id)
    row = checked_row(world, reply, "estimated", "truncated")
    assert row.completion_tokens >= whole.count(b'"text_delta"') > 0
    assert row.prompt_tokens > 0


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_lacks_only_its_terminal_event_is_no_whole_one(world: World, name: str):
    recording = Recording(name)
    lacking = cut(name, len(recording.body) - len(STOP), cleanly=True)
    reply = world.ask(name, answer=lacking)
    assert events(reply.body)[-1]["type"] == "error"
    # What was reported before it broke counts all the same.
    assert checked_row(world, reply, "reported", "truncated").counts == reported(recording)


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_that_was_cut_is_an_error_and_what_came_is_counted(world: World, name: str):
    body = Recording(name).body
    reply = world.ask(name, answer=cut(name, body.index(b'"stop_reason"'), cleanly=False))
    assert reply.status == 502
    assert json.loads(reply.body)["error"]["type"] == "api_error"
    row = checked_row(world, reply, "estimated", "truncated")
    assert min(row.counts) > 0


@pytest.mark.parametrize("name", ERRORS)
def test_what_ollama_refuses_is_told_in_its_words_and_costs_nothing(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (recording.status, False)
    assert checked_error(reply) == json.loads(recording.body)["error"]["message"]
    assert checked_row(world, reply, "none", "upstream_error").counts == (0, 0)


def test_tokens_are_estimated_without_asking_ollama_and_nothing_is_counted(world: World):
    reply = world.ask("ant-count_tokens")
    assert reply.status == 200
    assert list(json.loads(reply.body)) == ["input_tokens"]
    assert not world.sent
    assert world.row(reply) is None


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_what_ollama_lacks_is_not_found_and_says_so_without_asking_it(world: World, name: str):
    reply = world.ask(name)
    assert reply.status == 404
    assert ABSENT[name] in checked_error(reply)
    assert not world.sent


@pytest.mark.parametrize("name", sorted(set(CASES) - set(REFUSED)))
def test_only_checked_fields_a_granted_cap_and_no_header_of_the_clients_go_on(
    world: World, name: str
):
    world.ask(name)
    [(head, _)], [sent] = world.replay.received, world.sent
    headers = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
    assert headers <= {
        *(b"host", b"content-type", b"content-length", b"accept", b"accept-encoding"),
        *(b"user-agent", b"connection"),
    }
    asked = Recording(name).asked
    if "system" in asked:
        assert asked["system"][0].pop("cache_control")
    default = {"model": "qwen2.5:7b"}
    assert sent == {**default, **asked}  # the cap is well within what is left


def test_the_books_balance_at_the_end(world: World):
    world.ask("ant-messages")
    counted(world.gateway.url, world.books.key)
    assert asyncio.run(world.books.balanced())
