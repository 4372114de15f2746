"""What a real Ollama was recorded to say on its own routes, behind a real gateway. See
`test_recordings.py` for how it is done."""

import asyncio
import json

import pytest

from gateway.dialects import all_dialects
from tests.support.callers import counted
from tests.support.recorded_world import Reply, World, checked_row
from tests.support.replay import Recording, cases, is_about_the_context, one_way

PATHS = [dialect.path for dialect in all_dialects() if dialect.native]
CASES = [name for path in PATHS for name in cases(path)]

# Refused by the gateway itself: nothing of it reaches the model server.
REFUSED = {
    "nat-chat-bad-option-type",
    "nat-chat-case-variant-key",
    "nat-chat-empty-body",
    "nat-chat-malformed",
    "nat-chat-wrong-type",
    "nat-embed-wrong-type",
    "nat-generate-malformed",
}
# Only for keys with the scope `ollama:native`, and what of it is (test_recordings_native.py):
# what would show the prompt of the model or go round it is refused without the scope;
FORGES = {
    "nat-chat-debug_render_only": "_debug_render_only",
    "nat-generate-raw": "raw",
    "nat-generate-raw-with-system": "raw",
    "nat-generate-system-template": "template",
}
# what would change the model for everybody is left out;
LEFT_OUT = {
    "nat-chat-keep_alive": "keep_alive",
    "nat-chat-keep_alive-bad": "keep_alive",
    "nat-chat-num_ctx-change": "options.num_ctx",
    "ctx-overflow-native-chat-noshift": "shift",
}
# and what only loads or unloads it is answered here.
LOADS = {
    *("nat-chat-load", "nat-chat-native-template-load-unload", "nat-chat-unload"),
    *("nat-generate-empty-prompt", "nat-generate-load", "nat-generate-load-stream"),
    *("nat-generate-unload", "nat-embed-empty", "nat-embed2-empty", "nat-embed2-empty-array"),
    "nat-embeddings-empty",
}
NATIVE = {*FORGES, *LEFT_OUT, *LOADS}
ENCODED = {"enc-gzip-native", "enc-zstd-native"}
CLOUD = {"cloud-native-chat", "cloud-generate", "cloud-embed", "nocloud-native-chat"}
# Streams that Ollama left without a terminal line, and one that says why.
CUT = {"disc-native-stream", "repeat-abort-generate-stream"}
CRASHED = {"runner-killed-native-stream"}
# Ollama reports no count for the older vectors.
UNCOUNTED = {"nat-embeddings2"}

# Recorded as answers to raw prompts, for which most keys have no scope: they ask otherwise.
ASKED_BY = {
    "ctx-generate-past-window": "nat-generate",
    "repeat-abort-generate-stream": "nat-generate-stream-default",
}

WHOLE, STREAMS, ERRORS = [], [], []
for _name in sorted(set(CASES) - REFUSED - NATIVE - ENCODED - CLOUD - CUT - CRASHED):
    _recording = Recording(_name)
    _streams = _recording.head.count(b"application/x-ndjson") > 0
    _kind = STREAMS if _streams else WHOLE
    (_kind if _recording.status == 200 else ERRORS).append(_name)


def ask(world: World, name: str) -> Reply:
    return world.ask(ASKED_BY.get(name, name), answer=Recording(name))


def lines(body: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in body.splitlines()]


def reported(body: bytes) -> tuple[int, int]:
    last = json.loads(body.splitlines()[-1])
    return last["prompt_eval_count"], last.get("eval_count", 0)


def checked_error(body: bytes) -> str:
    """The message of an error in Ollama's shape."""
    told = json.loads(body)
    assert list(told) == ["error"]
    assert told["error"]
    return told["error"]


def test_every_recording_is_accounted_for():
    assert set(CASES) >= {*REFUSED, *NATIVE, *ENCODED, *CLOUD, *CUT, *CRASHED, *UNCOUNTED}
    assert min(len(WHOLE), len(ERRORS)) > 10
    assert len(STREAMS) >= 6


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_request_is_refused_before_it_gets_there(world: World, name: str):
    reply = world.ask(name)
    assert reply.status == 400
    assert checked_error(reply.body)
    assert not world.sent
    assert world.row(reply) is None


@pytest.mark.parametrize("name", [*FORGES, *ASKED_BY])
def test_what_goes_round_the_template_is_refused_before_it_gets_there(world: World, name: str):
    reply = world.ask(name)
    assert reply.status == 403
    told = checked_error(reply.body)
    assert told.startswith(f"'{FORGES.get(name, 'raw')}' ")
    assert "ollama:native" in told
    assert not world.sent
    assert world.row(reply) is None


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_changes_the_machine_does_not_get_there_and_the_answer_names_it(
    world: World, name: str
):
    answer = Recording("nat-chat")
    answered = world.ask(name, answer=answer)
    if Recording(name).asked.get("stream") is False:
        assert answered.body == answer.body
    [sent] = world.sent
    field = LEFT_OUT[name]
    holder = sent["options"] if field.startswith("options.") else sent
    assert field.removeprefix("options.") not in holder
    assert field in answered.ignored.split(", ")


@pytest.mark.parametrize("name", sorted(LOADS))
def test_a_load_is_answered_as_ollama_does_and_the_model_is_not_touched(world: World, name: str):
    reply, recorded = world.ask(name), json.loads(Recording(name).body)
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert not world.sent
    told = json.loads(reply.body)
    assert set(told) == set(recorded)
    for field in set(told) - {"created_at", "done_reason"}:
        assert told[field] == recorded[field]
    assert told.get("done_reason", "load") == "load"
    assert checked_row(world, reply, "reported", "ok").counts == (0, 0)


@pytest.mark.parametrize("name", sorted(CLOUD))
def test_what_would_leave_the_machine_is_refused_before_it_gets_there(world: World, name: str):
    reply = ask(world, name)
    assert reply.status == 403
    assert "cloud" in checked_error(reply.body)
    assert not world.sent
    assert world.row(reply) is None


@pytest.mark.parametrize("name", sorted(ENCODED))
def test_an_encoded_body_is_not_decoded_by_anybody(world: World, name: str):
    reply = ask(world, name)
    assert reply.status in {400, 415}
    assert checked_error(reply.body)
    assert not world.sent


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_comes_through_and_is_counted_as_reported(world: World, name: str):
    recording = Recording(name)
    reply = ask(world, name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("application/json")
    assert reply.body == recording.body
    if name in UNCOUNTED:
        row = checked_row(world, reply, "estimated", "ok")
        asked = recording.asked
        assert bool(row.prompt_tokens) is (asked.get("input", asked.get("prompt")) != [])
        assert row.completion_tokens == 0
    else:
        assert checked_row(world, reply, "reported", "ok").counts == reported(recording.body)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_comes_through_to_its_end_and_is_counted(world: World, name: str):
    recording = Recording(name)
    reply = ask(world, name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type == "application/x-ndjson"
    assert reply.body == recording.body
    assert lines(reply.body)[-1]["done"] is True
    assert checked_row(world, reply, "reported", "ok").counts == reported(recording.body)


def checked_estimate(world: World, reply: Reply, name: str, status: str) -> None:
    row = checked_row(world, reply, "estimated", status)
    seen = [one for one in lines(Recording(name).body) if "error" not in one]
    cap = Recording(ASKED_BY.get(name, name)).asked["options"]["num_predict"]
    assert min(len(seen), cap) <= row.completion_tokens <= len(seen) + 2
    assert row.prompt_tokens > 0


@pytest.mark.parametrize("name", sorted(CUT))
def test_a_stream_that_ollama_left_unfinished_ends_as_an_error_and_is_estimated(
    world: World, name: str
):
    recording = Recording(name)
    reply = ask(world, name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.body.startswith(recording.body)
    rest = reply.body[len(recording.body) :]
    assert rest.endswith(b"\n")
    assert rest.count(b"\n") == 1
    assert checked_error(rest)
    checked_estimate(world, reply, name, "truncated")


@pytest.mark.parametrize("name", sorted(CRASHED))
def test_an_error_in_the_last_line_comes_through_as_the_last_line_and_is_estimated(
    world: World, name: str
):
    reply = ask(world, name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.body == Recording(name).body
    assert checked_error(reply.body.splitlines()[-1])
    checked_estimate(world, reply, name, "upstream_error")


@pytest.mark.parametrize("name", ERRORS)
def test_what_ollama_refuses_is_told_in_its_words_and_costs_nothing(world: World, name: str):
    recording = Recording(name)
    reply = ask(world, name)
    assert recording.status in {400, 404, 500, 501, 503}
    assert reply.status == recording.status
    assert reply.content_type == "application/json"
    said, told = one_way(json.loads(recording.body)["error"]), checked_error(reply.body)
    assert told == said or is_about_the_context(said, told)
    assert checked_row(world, reply, "none", "upstream_error").counts == (0, 0)


@pytest.mark.parametrize("name", [*WHOLE, *STREAMS, *ERRORS, *sorted(CUT | CRASHED)])
def test_only_checked_fields_a_granted_cap_and_no_header_of_the_clients_go_on(
    world: World, name: str
):
    ask(world, name)
    [(head, _)], [sent] = world.replay.received, world.sent
    headers = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
    assert headers <= {
        *(b"host", b"content-type", b"content-length", b"accept", b"accept-encoding"),
        *(b"user-agent", b"connection"),
    }
    assert b"\r\nhost: localhost\r\n" in head.lower()
    assert world.books.key.encode() not in head
    kept_back = {"keep_alive", "raw", "template", "context", "_debug_render_only", "width", "foo"}
    assert not kept_back & set(sent)
    options = sent.get("options") or {}
    assert not {"num_ctx", "num_gpu", "num_thread", "nonsense_option"} & set(options)
    asked = Recording(ASKED_BY.get(name, name))
    if asked.path in {"/api/chat", "/api/generate"}:
        assert options["num_predict"] > 0
        assert sent["stream"] is (asked.asked.get("stream") is not False)
    else:
        assert "stream" not in sent


def test_the_books_balance_at_the_end(world: World):
    world.ask("nat-chat")
    counted(world.gateway.url, world.books.key)
    assert asyncio.run(world.books.balanced())
