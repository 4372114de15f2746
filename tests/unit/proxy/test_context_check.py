"""What is said of a prompt that does not fit: only what is sure before, what was seen after."""

import json
import tracemalloc
from typing import Any

import pytest

from gateway.dialects import all_dialects
from gateway.dialects.protocol import Sanitised, Usage
from gateway.proxy.context_check import PromptCut, found_cut, least_tokens

WORDS = "The quick brown fox jumps over the lazy dog. "
DIALECTS = {one.path: one for one in all_dialects()}


def read(path: str, body: dict[str, Any]) -> Any:
    found = DIALECTS[path].sanitise(json.dumps({"model": "m", **body}).encode())
    assert isinstance(found, Sanitised), found
    return found.parsed


BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": WORDS}]},
    "/v1/completions": {"prompt": WORDS},
    "/v1/responses": {"input": WORDS},
    "/v1/messages": {"max_tokens": 5, "messages": [{"role": "user", "content": WORDS}]},
    "/api/chat": {"messages": [{"role": "user", "content": WORDS}]},
    "/api/generate": {"prompt": WORDS},
    "/v1/embeddings": {"input": WORDS},
    "/api/embed": {"input": WORDS},
    "/api/embeddings": {"prompt": WORDS},
    "/v1/generate": {"prompt": WORDS},
}


@pytest.mark.parametrize("path", sorted(BODIES))
def test_the_words_of_a_prompt_are_found_in_every_dialect(path: str):
    assert least_tokens(read(path, BODIES[path])) == 9


def test_texts_in_parts_and_of_all_messages_are_one_prompt():
    parts = [{"type": "text", "text": WORDS}, {"type": "text", "text": "and more"}]
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": parts}]
    assert least_tokens(read("/v1/chat/completions", {"messages": messages})) == 13


def test_texts_of_a_list_are_prompts_of_their_own():
    assert least_tokens(read("/v1/embeddings", {"input": [WORDS, "two words"]})) == 9


def test_what_a_template_drops_does_not_count():
    thought = {"role": "assistant", "content": f"<think>{WORDS}</think> Yes."}
    user = {"role": "user", "content": "Sure?"}
    assert least_tokens(read("/api/chat", {"messages": [thought, user]})) == 2


def test_what_was_thought_in_earlier_turns_does_not_count():
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": WORDS}]}
    said = {"type": "message", "role": "user", "content": "Sure?"}
    assert least_tokens(read("/v1/responses", {"input": [thought, said]})) == 1


def test_a_very_long_text_is_not_read_to_its_end():
    request = read("/v1/completions", {"prompt": "a " * 100_000})
    assert 10 < least_tokens(request, enough=10) < 1000


def asked(**fields: Any) -> Sanitised:
    sizes: dict[str, Any] = {"prompt_bytes": 90_000, "messages": 1, "prompt_bound": 90_032}
    plain = {"parsed": None, "stream": False, "wants_usage": False, "max_output": None}
    return Sanitised(**{**plain, **sizes, "may_be_cut": True, **fields})


@pytest.mark.parametrize(
    ("request_", "prompt_tokens", "context", "cut"),
    [
        (asked(least_tokens=18_000), 1027, 0, True),  # fewer than there are words
        (asked(), 1027, 2048, True),  # cut in half, as Ollama does with one long message
        (asked(), 2002, 2048, True),  # at the edge: messages were dropped
        (asked(), 1500, 2048, False),
        (asked(prompt_bytes=3000), 1030, 2048, False),  # half a context may be all of it
        (asked(prompt_bytes=8600), 2055, 4096, False),  # as it is for English
        (asked(), 6000, 4096, False),  # the context has become longer
        (asked(prompt_bytes=2000), 2040, 2048, False),  # it fits in any case
        (asked(least_tokens=18_000), 0, 2048, False),  # nothing was reported
        (asked(least_tokens=100, inputs=3), 90, 0, False),  # the sum of several prompts
    ],
)
def test_a_cut_shows_in_what_is_reported(
    request_: Sanitised, prompt_tokens: int, context: int, cut: bool
):
    found = found_cut(request_, Usage(prompt_tokens, 5), context)
    assert found == (PromptCut(prompt_tokens, context) if cut else None)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (
            b'data: {"usage":{"prompt_tokens":7}}\n\ndata: [DONE]\n\n',
            b'data: {"usage":{"prompt_tokens":7},"localllm":{"prompt_cut":{"prompt_tokens":7,'
            b'"context":9}}}\n\ndata: [DONE]\n\n',
        ),
        (
            b'{"done":true}\n',
            b'{"done":true,"localllm":{"prompt_cut":{"prompt_tokens":7,"context":9}}}\n',
        ),
        (
            b"data: [DONE]\n\n",
            b': localllm {"prompt_cut":{"prompt_tokens":7,"context":9}}\n\ndata: [DONE]\n\n',
        ),
    ],
)
def test_a_stream_tells_in_its_last_event(events: bytes, told: bytes):
    assert PromptCut(7, 9).in_event(events) == told


def test_a_long_text_has_as_many_words_as_it_has_wherever_it_is_taken_apart(
    monkeypatch: pytest.MonkeyPatch,
):
    text = f"{WORDS}\n\t  a bc  def g\u00a0hij "
    for piece in range(1, 30):
        monkeypatch.setattr("gateway.proxy.context_check._PIECE", piece)
        assert least_tokens(read("/v1/completions", {"prompt": text})) == len(text.split())


def test_counting_the_words_of_a_large_prompt_takes_little_memory():
    request = read("/v1/completions", {"prompt": "ab " * 500_000})
    tracemalloc.start()
    try:
        assert least_tokens(request) == 500_000
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024**2  # all words together: 26 MB
    finally:
        tracemalloc.stop()
