"""What a real Ollama was recorded to say, behind a real gateway: what comes through, what is
counted, and that nothing which was cut ends as if it were whole (docs/ollama.md, trap 4)."""

import asyncio
import json

import pytest

from tests.support.callers import counted
from tests.support.recorded_world import ANSWERED_BY, World, checked_row
from tests.support.replay import CHAT, Recording, cases, one_way

CASES = cases(CHAT)
DONE = b"data: [DONE]\n\n"

# Refused by the gateway itself: nothing of it reaches the model server.
REFUSED = {
    "oai-chat-array-body",
    "oai-chat-case-variant-key",
    "oai-chat-case-variant-maxtokens",
    "oai-chat-case-variant-stream-key",
    "oai-chat-empty-body",
    "oai-chat-empty-messages",
    "oai-chat-image-http-url",
    "oai-chat-invalid-model-name",
    "oai-chat-malformed-json",
    "oai-chat-malformed-json2",
    "oai-chat-maxtokens-string",
    "oai-chat-messages-string",
    "oai-chat-model-number",
    "oai-chat-no-body",
    "oai-chat-no-messages",
    "oai-chat-stream-string",
    "oai-chat-top_logprobs-21",
}
# Streams that Ollama left without a terminal event.
CUT = {
    "repeat-abort-oai-chat-stream",
    "runner-killed-native-template-oai-stream",
    "runner-killed-oai-stream",
    "stopmid-server-oai-stream",
}
# Whole answers that the repeat guard cut: text, no finish, usage 0/0/0.
GUARDED = {"oai-chat-json_object", "repeat-abort-oai-chat"}
# An answer that is no chat completion: the gateway never asks for it.
ODD = {"oai-chat-debug_render_only"}
NO_ANSWER = {"stopmid-server-oai-nonstream"}

WHOLE, STREAMS, ERRORS = [], [], []
for _name in CASES:
    _recording = Recording(ANSWERED_BY.get(_name, _name))
    if _name not in REFUSED | CUT | NO_ANSWER | ODD:
        _kind = WHOLE if not _recording.streams else STREAMS
        (_kind if _recording.status == 200 else ERRORS).append(_name)


def without_usage(stream: bytes) -> bytes:
    events = stream.split(b"\n\n")
    return b"\n\n".join(one for one in events if b'"choices":[],"usage"' not in one)


def texts(stream: bytes) -> list[str]:
    """The texts of the events that have one."""
    events = [json.loads(one[6:]) for one in stream.split(b"\n\n") if one.startswith(b"data: {")]
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    return [delta["content"] for delta in deltas if delta.get("content")]


def checked_error(body: bytes, code: str) -> str:
    """The message of an error in OpenAI's shape."""
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    return error["message"]


def test_every_recording_is_accounted_for():
    kinds = [set(WHOLE), set(STREAMS), set(ERRORS), REFUSED, CUT, NO_ANSWER, ODD]
    assert sorted(name for kind in kinds for name in kind) == CASES
    assert min(len(WHOLE), len(STREAMS), len(ERRORS)) > 8
    assert set(WHOLE) > GUARDED


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_ollama_might_read_otherwise_is_refused_before_it_gets_there(world: World, name: str):
    reply = world.ask(name)
    assert reply.status == 400
    assert checked_error(reply.body, "invalid_request")
    assert not world.sent
    assert world.row(reply) is None


@pytest.mark.parametrize("name", sorted(set(WHOLE) - GUARDED))
def test_a_whole_answer_comes_through_and_is_counted_as_reported(world: World, name: str):
    recording = Recording(ANSWERED_BY.get(name, name))
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("application/json")
    assert reply.body == recording.body
    row = checked_row(world, reply, "reported", "ok")
    assert row.counts == recording.usage


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_a_whole_answer_that_the_repeat_guard_cut_is_an_error_as_in_a_stream(
    world: World, name: str
):
    reply = world.ask(name)
    assert reply.status == 502
    assert checked_error(reply.body, "upstream_error")
    row = checked_row(world, reply, "estimated", "truncated")
    assert min(row.counts) > 0


@pytest.mark.parametrize("name", ["oai-chat-empty-model", "oai-chat-missing-model"])
def test_where_no_model_is_named_the_default_one_is_asked(world: World, name: str):
    world.ask(name)
    assert world.sent[0]["model"] == "qwen2.5:7b"


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_comes_through_to_its_end_and_is_counted(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("text/event-stream")
    wanted = (recording.asked.get("stream_options") or {}).get("include_usage")
    assert reply.body == (recording.body if wanted else without_usage(recording.body))
    assert reply.body.endswith(DONE)
    if recording.usage:
        assert checked_row(world, reply, "reported", "ok").counts == recording.usage
    else:  # recorded without the options that the gateway adds
        row = checked_row(world, reply, "estimated", "ok")
        assert row.completion_tokens >= max(1, len(texts(recording.body)))
        assert row.prompt_tokens > 0


def test_the_usage_that_the_gateway_asked_for_is_counted_and_kept_from_who_did_not_ask(
    world: World,
):
    answered = Recording("oai-chat-stream-usage")  # the same question
    reply = world.ask("oai-chat-stream", answer=answered)
    assert world.sent[0]["stream_options"] == {"include_usage": True}
    assert reply.body == without_usage(answered.body) != answered.body
    assert checked_row(world, reply, "reported", "ok").counts == answered.usage


@pytest.mark.parametrize("name", sorted(CUT))
def test_a_stream_that_ollama_left_unfinished_ends_as_an_error(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    assert reply.status == 200
    assert DONE not in reply.body
    whole = recording.body[: recording.body.rfind(b"\n\n") + 2]
    assert reply.body.startswith(whole)
    rest = reply.body[len(whole) :]
    if not reply.cut:
        assert rest.startswith(b"data: ")
        assert rest.endswith(b"\n\n")
        checked_error(rest[len(b"data: ") :], "upstream_error")
    row = checked_row(world, reply, "estimated", "truncated")
    assert row.completion_tokens >= len(texts(recording.body)) > 0
    assert row.prompt_tokens > 0


@pytest.mark.parametrize("name", ERRORS)
def test_what_ollama_refuses_is_told_in_its_words_and_costs_nothing(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    codes = {400: "invalid_request", 404: "model_not_found", 500: "upstream_error"}
    assert recording.status in codes
    assert (reply.status, reply.cut) == (recording.status, False)
    assert reply.content_type == "application/json"
    message = checked_error(reply.body, codes[recording.status])
    assert message == one_way(json.loads(recording.body)["error"]["message"])
    assert checked_row(world, reply, "none", "upstream_error").counts == (0, 0)


@pytest.mark.parametrize("name", sorted(NO_ANSWER))
def test_a_connection_that_ends_without_an_answer_is_an_error_that_costs_nothing(
    world: World, name: str
):
    reply = world.ask(name)
    assert reply.status in {502, 503}
    assert json.loads(reply.body)["error"]["message"]
    assert checked_row(world, reply, "none", "upstream_error").counts == (0, 0)


@pytest.mark.parametrize("name", sorted(set(CASES) - REFUSED))
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
    assert b"\r\nhost: localhost\r\n" in head.lower()
    assert world.books.key.encode() not in head
    assert sent["max_tokens"] > 0
    assert "max_completion_tokens" not in sent
    assert ("stream_options" in sent) is bool(sent.get("stream"))
    assert not {"options", "keep_alive", "num_ctx", "n", "foo", "user", "_debug_render_only"} & set(
        sent
    )


def test_max_completion_tokens_becomes_the_cap_that_ollama_obeys(world: World):
    world.ask("oai-chat-max_completion_tokens5")
    assert world.sent[0]["max_tokens"] == 5


def test_a_path_that_is_spelled_in_another_way_is_not_passed_on_so(world: World):
    for path in (b"/v1/chat/completions/", b"/v1/chat/%63ompletions"):
        reply = world.ask("oai-chat", path)
        assert reply.status in {200, 404}, path  # the replay knows only one spelling
        assert bool(world.sent) is (reply.status == 200)


def test_an_answer_that_is_no_chat_completion_is_passed_on_and_breaks_nothing(world: World):
    reply = world.ask("oai-chat-debug_render_only")
    assert (reply.status, reply.body) == (200, Recording("oai-chat-debug_render_only").body)
    assert "_debug_render_only" not in world.sent[0]
    assert world.row(reply) is not None


def test_the_books_balance_at_the_end(world: World):
    world.ask("oai-chat")
    counted(world.gateway.url, world.books.key)
    assert asyncio.run(world.books.balanced())
