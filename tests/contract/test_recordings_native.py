"""What a real Ollama was recorded to say to what changes it for everybody, asked with a key that
has the scope for it. See `test_recordings_ollama.py`, where a key without it asks the same."""

import asyncio
import json

import pytest

from tests.contract.test_recordings_ollama import ASKED_BY, NATIVE, checked_error, reported
from tests.support.books import Books
from tests.support.callers import counted
from tests.support.recorded_world import World, checked_row
from tests.support.replay import Recording, is_about_the_context

SCOPES = ["chat", "embeddings", "ollama:native"]
CASES = sorted(NATIVE)
ANSWERED = [name for name in CASES if Recording(name).status == 200]
ERRORS = [name for name in CASES if Recording(name).status != 200]


@pytest.fixture(scope="module")
def native(world: World) -> World:
    """The same gateway, to which a key with the scope speaks."""
    books = Books(world.books.dsn)
    asyncio.run(books.make_key(scopes=SCOPES))
    return World(world.gateway, world.replay, books)


def nothing_was_read(body: bytes) -> bool:
    """Ollama only loaded or dropped a model, or showed a prompt."""
    told = json.loads(body)
    vectors = told.get("embeddings", told.get("embedding"))
    return told.get("done_reason") in {"load", "unload"} or "_debug_info" in told or vectors == []


def test_there_are_recordings_of_loading_of_showing_of_reading_and_of_errors():
    nothing = [name for name in ANSWERED if nothing_was_read(Recording(name).body)]
    assert min(len(ANSWERED) - len(nothing), len(ERRORS)) >= 2
    assert len(nothing) > 8


@pytest.mark.parametrize("name", [*ANSWERED, "ctx-generate-past-window"])
def test_an_answer_comes_through_and_is_counted_as_reported(native: World, name: str):
    recording = Recording(name)
    reply = native.ask(name)
    assert (reply.status, reply.cut) == (200, False)
    assert reply.content_type.startswith("application/json")
    assert reply.body == recording.body
    counts = (0, 0) if nothing_was_read(recording.body) else reported(recording.body)
    assert checked_row(native, reply, "reported", "ok").counts == counts


@pytest.mark.parametrize("name", ERRORS)
def test_what_ollama_refuses_is_told_in_its_words_and_costs_nothing(native: World, name: str):
    recording = Recording(name)
    reply = native.ask(name)
    assert reply.status == recording.status
    said, told = json.loads(recording.body)["error"], checked_error(reply.body)
    assert told == said or is_about_the_context(said, told)
    assert checked_row(native, reply, "none", "upstream_error").counts == (0, 0)


def test_a_raw_stream_that_the_repeat_guard_cut_ends_as_an_error_and_is_estimated(native: World):
    [name] = (name for name in ASKED_BY if name.startswith("repeat-abort"))
    recording = Recording(name)
    reply = native.ask(name)
    assert reply.body.startswith(recording.body)
    assert checked_error(reply.body[len(recording.body) :])
    row = checked_row(native, reply, "estimated", "truncated")
    assert row.completion_tokens >= recording.body.count(b"\n") - 1
    assert row.prompt_tokens > 0


@pytest.mark.parametrize("name", [*CASES, *ASKED_BY])
def test_what_the_client_said_goes_on_with_a_granted_cap_and_nothing_else(native: World, name: str):
    native.ask(name)
    asked = Recording(name).asked
    [sent] = native.sent
    options = sent.pop("options", {})
    if asked.get("options", {}).keys() & {"num_ctx"}:
        assert options["num_ctx"] == asked["options"]["num_ctx"]
    assert (
        sent.items()
        >= {key: value for key, value in asked.items() if key not in {"options", "stream"}}.items()
    )
    # What may be longer than the context is not to be cut.
    assert sent.get("truncate") is False or "truncate" not in sent
    assert sent.keys() <= {*asked, "stream", "truncate"}
    if "input" in asked or native.replay.received[0][0].startswith(b"POST /api/embed"):
        assert "num_predict" not in options
    else:
        assert options["num_predict"] > 0


def test_the_books_balance_at_the_end(native: World):
    native.ask("nat-chat-load")
    counted(native.gateway.url, native.books.key)
    assert asyncio.run(native.books.balanced())
