"""What a real Ollama was recorded to say on OpenAI's other routes, behind a real gateway. See
`test_recordings.py` for chat."""

import asyncio
import json
from typing import Any

import pytest

from tests.contract.test_recordings import checked_error
from tests.support.callers import counted
from tests.support.recorded_world import Reply, World, checked_row
from tests.support.replay import Recording, cases, is_about_the_context, one_way
from tests.support.requests.completions_stream import with_usage
from tests.support.requests.openai import EXAMPLES

PATHS = [example.path for example in EXAMPLES]
CASES = [name for path in PATHS for name in cases(path)]

# Refused by the gateway itself: nothing of it reaches the model server.
REFUSED = {
    "oai-completions-malformed",
    "oai-completions-prompt-array",
    "oai-embed2-tokens",
    "oai-embeddings-bad-format",
    "oai-embeddings-empty-array",
    "oai-embeddings-missing-input",
    "oai-embeddings-tokens-input",
    "oai-embeddings-zstd",
    "oai-responses-malformed",
    "oai-responses-previous_response_id",
    "oai-responses-zstd",
}
# Streams that Ollama left without a terminal event.
CUT = {"runner-killed-responses-stream"}
# An empty prompt only loads the model: for a key without the scope it is answered here.
LOADS = {
    "oai-completions-empty-prompt",
    "oai-completions-no-prompt-stream",
    "oai-responses-missing-input",
}
# Recorded without the usage that the gateway asks for.
UNTOLD = {"oai-completions-stream"}

WHOLE, STREAMS, ERRORS = [], [], []
for _name in sorted(set(CASES) - REFUSED - CUT - LOADS):
    _recording = Recording(_name)
    _kind = WHOLE if not _recording.streams else STREAMS
    (_kind if _recording.status == 200 else ERRORS).append(_name)


def reported(recording: Recording) -> tuple[int, int]:
    """Prompt and generated tokens as Ollama wrote them, in whichever words."""
    body = recording.body
    if recording.streams:
        body = body.rstrip().rpartition(b"data: ")[2]
    told = json.loads(body)
    usage = told.get("response", told)["usage"]
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    return prompt, usage.get("completion_tokens", usage.get("output_tokens", 0))


def deltas(stream: bytes) -> int:
    """Events with text."""
    return stream.count(b".delta\ndata: ") + stream.count(b'"finish_reason":null')


def check_counts(world: World, reply: Reply, name: str) -> None:
    recording = Recording(name)
    if name in UNTOLD:
        row = checked_row(world, reply, "estimated", "ok")
        assert row.completion_tokens >= deltas(recording.body) > 0
        assert row.prompt_tokens > 0
    else:
        assert checked_row(world, reply, "reported", "ok").counts == reported(recording)


def test_every_recording_is_accounted_for():
    kinds = [set(WHOLE), set(STREAMS), set(ERRORS), REFUSED, CUT, LOADS]
    assert sorted(name for kind in kinds for name in kind) == sorted(CASES)
    for path in PATHS:
        assert len(cases(path)) > 8
        assert {Recording(name).path for name in WHOLE + STREAMS} >= {path}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_wrong_or_would_be_lost_is_refused_before_it_gets_there(world: World, name: str):
    reply = world.ask(name)
    if name.endswith("-zstd"):
        assert (reply.status, checked_error(reply.body, "unsupported_encoding")) == (
            415,
            "Send the body without Content-Encoding.",
        )
    else:
        assert reply.status == 400
        assert checked_error(reply.body, "invalid_request")
    assert not world.sent
    assert world.row(reply) is None


@pytest.mark.parametrize("name", sorted(LOADS))
def test_a_load_is_answered_as_ollama_does_and_costs_nothing_and_the_model_is_not_touched(
    world: World, name: str
):
    recording, reply = Recording(name), world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert not world.sent
    assert checked_row(world, reply, "reported", "ok").counts == (0, 0)
    if recording.streams:
        assert reply.content_type.startswith("text/event-stream")
        told, recorded = first_event(reply.body), first_event(recording.body)
        assert reply.body.endswith(b"data: [DONE]\n\n")
    else:
        told, recorded = json.loads(reply.body), json.loads(recording.body)
    for field in ("object", "model", "status", "usage"):
        assert told.get(field) == recorded.get(field)
    texts = [one.get("choices") or one["output"][0]["content"] for one in (told, recorded)]
    assert texts[0] == texts[1]


def first_event(stream: bytes) -> dict[str, Any]:
    return json.loads(stream.partition(b"\n\n")[0].removeprefix(b"data: "))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_comes_through_and_is_counted_as_reported(world: World, name: str):
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("application/json")
    assert reply.body == Recording(name).body
    check_counts(world, reply, name)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_comes_through_to_its_end_and_is_counted(world: World, name: str):
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("text/event-stream")
    assert reply.body == Recording(name).body
    check_counts(world, reply, name)


def ask_altered(world: World, name: str, body: bytes) -> Reply:
    """As if Ollama had answered so."""
    recording = Recording(name)
    recording.body, recording.chunks, recording.framing = body, [body], "chunked"
    recording.head = recording.head.replace(
        b"Content-Length: ", b"Transfer-Encoding: chunked\r\nX-Length: "
    )
    return world.ask(name, answer=recording)


def test_the_usage_that_the_gateway_asked_for_is_counted_and_kept_from_who_did_not_ask(
    world: World,
):
    plain = Recording("oai-completions-stream").body
    reply = ask_altered(world, "oai-completions-stream", with_usage(plain, 14, 8))
    assert world.sent[0]["stream_options"] == {"include_usage": True}
    assert reply.body == plain
    assert checked_row(world, reply, "reported", "ok").counts == (14, 8)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_ends_as_an_error_and_is_counted_as_far_as_it_came(
    world: World, name: str
):
    whole = Recording(name).body
    events = whole.split(b"\n\n")
    for kept in range(1, len(events) - 1, 3):
        begun = b"".join(event + b"\n\n" for event in events[:kept])
        reply = ask_altered(world, name, begun + events[kept][:9])
        assert (reply.status, reply.cut) == (200, False)
        assert reply.body.startswith(begun)
        check_error_event(Recording(name).path, reply.body[len(begun) :])
        row = world.row(reply)
        assert row is not None
        assert row.status == "truncated"
        assert row.completion_tokens >= deltas(begun)
        assert (row.prompt_tokens > 0) is (row.completion_tokens > 0)


TEXT_BEGINS = {"oai-completions": b'"text":"', "oai-embed2-array": b'"embedding":['}
TEXT_BEGINS["oai-responses"] = TEXT_BEGINS["oai-completions"]


@pytest.mark.parametrize("name", TEXT_BEGINS)
def test_a_whole_answer_that_is_cut_is_counted_as_far_as_it_came(world: World, name: str):
    recording = Recording(name)
    begins = recording.body.index(TEXT_BEGINS[name])
    for kept in (begins, begins + 20, len(recording.body) - 9):
        recording.chunks, recording.cut = [recording.body[:kept]], True
        reply = world.ask(name, answer=recording)
        assert reply.status == 502
        checked_error(reply.body, "upstream_error")
        row = world.row(reply)
        assert row is not None
        assert row.status == "truncated"
        assert (row.prompt_tokens > 0) is (kept > begins)
        embeds = recording.path == "/v1/embeddings"
        assert (row.completion_tokens > 0) is (kept > begins and not embeds)


def check_error_event(path: str, event: bytes) -> None:
    """One event that says so in the dialect's own shape, and nothing behind it."""
    assert event.endswith(b"\n\n")
    assert event.count(b"\n\n") == 1
    named = path == "/v1/responses"
    assert event.startswith(b"event: error\ndata: {" if named else b"data: {")
    data = event.partition(b"data: ")[2]
    checked_error(data, "upstream_error")
    if named:
        told = json.loads(data)
        assert told["type"] == "error"
        assert {name: told[name] for name in ("code", "message", "param")} == {
            name: told["error"][name] for name in ("code", "message", "param")
        }
        assert isinstance(told["sequence_number"], int)


@pytest.mark.parametrize("name", sorted(CUT))
def test_a_stream_that_ollama_left_unfinished_ends_as_an_error(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.body.startswith(recording.body)
    check_error_event(recording.path, reply.body[len(recording.body) :])
    row = checked_row(world, reply, "estimated", "truncated")
    assert row.completion_tokens >= deltas(recording.body) > 0
    assert row.prompt_tokens > 0


@pytest.mark.parametrize("name", ERRORS)
def test_what_ollama_refuses_is_told_in_its_words_and_costs_nothing(world: World, name: str):
    recording = Recording(name)
    reply = world.ask(name)
    told = {
        400: (400, "invalid_request"),
        404: (404, "model_not_found"),
        501: (501, "not_supported"),
        503: (503, "server_is_overloaded"),
    }
    assert recording.status is not None
    status, code = told[recording.status]
    assert (reply.status, reply.cut) == (status, False)
    said = one_way(json.loads(recording.body)["error"]["message"])
    if "context" in said:
        assert is_about_the_context(said, checked_error(reply.body, "context_length_exceeded"))
    else:
        assert checked_error(reply.body, code) == said
    assert checked_row(world, reply, "none", "upstream_error").counts == (0, 0)


@pytest.mark.parametrize("name", sorted(set(CASES) - REFUSED - LOADS))
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
    assert world.books.key.encode() not in head
    recording = Recording(name)
    [example] = [one for one in EXAMPLES if one.path == recording.path]
    assert set(sent) <= set(example.full)
    caps: dict[str, Any] = {"/v1/completions": "max_tokens", "/v1/responses": "max_output_tokens"}
    if recording.path in caps:
        assert sent[caps[recording.path]] > 0


def test_the_books_balance_at_the_end(world: World):
    world.ask("oai-completions")
    counted(world.gateway.url, world.books.key)
    assert asyncio.run(world.books.balanced())
