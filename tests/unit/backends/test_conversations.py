"""A conversation is known again by what stands before its first answer, in every dialect; of that
nothing but a hash is kept."""

import json
from typing import Any
from uuid import uuid4

import pytest

from gateway.backends import conversations
from gateway.backends.backend import Backend
from gateway.backends.conversations import Conversations
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Sanitised

DIALECTS = {dialect.path: dialect for dialect in all_dialects()}
BACKENDS = tuple(Backend("http://nowhere", 1.0, 1) for _ in range(2))
WHO = uuid4(), None
LONG = "You know the whole of this house, its rules and its rooms. " * 200
USER, ASSISTANT = "user", "assistant"


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


CHAT = [said("system", "Be brief."), said(USER, "Which river?")]
ANSWERED = [*CHAT, said(ASSISTANT, "The Elbe."), said(USER, "How long?")]
DOCUMENT = "Once upon a time there was a gateway. " * 40
# Of each dialect, the first request and a follow-up.
TALKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/v1/chat/completions": ({"messages": CHAT}, {"messages": ANSWERED}),
    "/api/chat": ({"messages": CHAT}, {"messages": ANSWERED, "stream": False}),
    "/v1/messages": (
        {"system": "Be brief.", "messages": CHAT[1:], "max_tokens": 9},
        {
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [said(USER, [{"type": "text", "text": "Which river?"}]), *ANSWERED[2:]],
            "max_tokens": 9,
        },
    ),
    "/v1/responses": (
        {"instructions": "Be brief.", "input": "Which river?"},
        {
            "instructions": "Be brief.",
            "input": [
                said(USER, [{"type": "input_text", "text": "Which river?"}]),
                {"type": "function_call", "name": "f", "call_id": "1", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "1", "output": "The Elbe."},
                said(USER, "How long?"),
            ],
        },
    ),
    "/v1/completions": ({"prompt": DOCUMENT}, {"prompt": DOCUMENT + "It went on."}),
    "/api/generate": (
        {"prompt": "How long?", "context": list(range(100))},
        {"prompt": "And how deep?", "context": list(range(300))},
    ),
}


def read(path: str, body: dict[str, Any], model: str = "m") -> Sanitised:
    request = DIALECTS[path].sanitise(json.dumps({"model": model, **body}).encode())
    assert isinstance(request, Sanitised)
    return request


def chat(*messages: dict[str, Any], model: str = "m") -> Sanitised:
    return read("/v1/chat/completions", {"messages": list(messages)}, model)


@pytest.mark.parametrize("path", TALKS)
def test_a_follow_up_is_known_by_its_beginning(path: str):
    known = Conversations()
    first, follow_up = (known.beginning(WHO, read(path, one), BACKENDS) for one in TALKS[path])
    assert first is not None
    assert first == follow_up


def test_conversations_that_begin_otherwise_are_others():
    known = Conversations()
    agents = said(USER, LONG)  # what a program says before each first question
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    other = {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}}
    requests = [
        chat(said("system", "Be brief."), said(USER, "Which river?")),
        chat(said("system", "Be long."), said(USER, "Which river?")),
        chat(said("system", "Be brief."), said(USER, "Which lake?")),
        chat(said(USER, "Be brief.Which river?")),
        chat(said(USER, f"{LONG} Which river?")),
        chat(said(USER, f"{LONG} Which lake?!")),
        chat(agents, said(USER, "Which river?")),
        chat(agents, said(USER, "Which lake?")),
        chat(said(USER, [{"type": "text", "text": "What is it?"}, picture])),
        chat(said(USER, [{"type": "text", "text": "What is it?"}, other])),
        chat(said("system", "Be brief."), said(USER, "Which river?"), model="other"),
    ]
    names = [known.beginning(WHO, one, BACKENDS) for one in requests]
    assert len(set(names)) == len(requests)


def test_the_same_words_of_another_key_or_visitor_or_process_are_another_conversation():
    known, request = Conversations(), chat(*CHAT)
    key, visitor = uuid4(), uuid4()
    names = {known.beginning(who, request, BACKENDS) for who in (WHO, (key, None), (key, visitor))}
    names.add(Conversations().beginning(WHO, request, BACKENDS))
    assert len(names) == 4


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"input": "a text"}),
        ("/api/embed", {"input": ["a text"]}),
        ("/v1/completions", {"prompt": "so short that reading it again is nothing"}),
    ],
)
def test_what_has_no_follow_ups_is_no_conversation(path: str, body: dict[str, Any]):
    assert Conversations().beginning(WHO, read(path, body), BACKENDS) is None


def test_with_one_machine_nothing_is_looked_at():
    class Untouched:
        max_output = None

    assert Conversations().beginning(WHO, Untouched(), BACKENDS[:1]) is None  # type: ignore[arg-type]


def test_however_much_is_said_a_bounded_part_is_hashed(monkeypatch: pytest.MonkeyPatch):
    hashed: list[bytes] = []

    class Hash:
        def __init__(self, *_: bytes, **__: object) -> None:
            pass

        def update(self, data: bytes) -> None:
            hashed.append(data)

        def digest(self) -> bytes:
            return b"-"

    monkeypatch.setattr(conversations, "blake2b", Hash)
    parts = [{"type": "text", "text": "x" * 100_000} for _ in range(100)]
    Conversations().beginning(WHO, chat(said(USER, parts)), BACKENDS)
    assert 4096 < sum(map(len, hashed)) < 80_000


def test_however_many_parts_say_nothing_few_are_looked_at():
    empty = [{"type": "text", "text": ""}]
    request = chat(said(USER, empty), said(USER, empty), said(USER, "a question"))
    looked = 0

    class Part:
        def __getattr__(self, name: str) -> None:
            nonlocal looked
            looked += 1

    for message in request.parsed.messages[:2]:
        message.content = [Part()] * 100_000
    assert Conversations().beginning(WHO, request, BACKENDS) is not None
    assert 0 < looked < 1000


def test_only_hashes_are_kept_and_not_more_than_so_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(conversations, "MOST", 3)
    known, names = Conversations(), list[bytes]()
    for number in range(5):
        name = known.beginning(WHO, chat(said(USER, f"question {number}")), BACKENDS)
        assert name is not None
        assert len(name) == 16
        names.append(name)
        known.given(name, BACKENDS[1], again=False)
        known.given(names[0], BACKENDS[1], again=False)  # one that goes on
    assert [known.reader(name) is not None for name in names] == [True, False, False, True, True]
