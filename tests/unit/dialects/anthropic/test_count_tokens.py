"""An estimate of tokens: near what models count, and of all that they would read."""

import json
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.anthropic.count_tokens import COUNT_TOKENS
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.estimate import PICTURE, estimate_tokens
from tests.support.paths import ROOT

TEXTS = ROOT / "bench" / "texts"
# By the demo model's tokenizer: `python -m bench.estimate` counts again.
COUNTED = {"chinese": 205, "code": 458, "digits": 335, "english": 291, "german": 261, "json": 359}


def count(content: Any = "hi", **fields: Any) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **fields}
    asked = COUNT_TOKENS.sanitise(json.dumps(body).encode())
    assert isinstance(asked, Sanitised), asked
    assert COUNT_TOKENS.count is not None
    return json.loads(COUNT_TOKENS.count(asked))["input_tokens"]


@pytest.mark.parametrize("name", COUNTED)
def test_texts_that_it_was_not_fitted_to_are_within_12_percent(name: str):
    text = (TEXTS / f"{name}.txt").read_bytes()
    assert abs(estimate_tokens(text) / COUNTED[name] - 1) < 0.12


def test_nothing_is_nothing_and_more_is_more():
    assert estimate_tokens(b"") == 0
    for text in (b"word ", "Wörter ".encode(), "词".encode(), b"12345 ", b'{"a": [1]} ', b"\n"):
        once, often = estimate_tokens(text), estimate_tokens(text * 100)
        assert once > 0
        assert often == pytest.approx(100 * once)


WORDS = "words that a model reads " * 20
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
READ: list[dict[str, Any]] = [
    {"content": WORDS},
    {"content": [{"type": "text", "text": WORDS}]},
    {"content": [{"type": "thinking", "thinking": WORDS}]},
    {"content": [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": WORDS}}]},
    {"content": [{"type": "tool_result", "tool_use_id": "1", "content": WORDS}]},
    {
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "1",
                "content": [{"type": "text", "text": WORDS}],
            }
        ]
    },
    {"content": [{"type": "search_result", "title": WORDS, "source": "s", "content": []}]},
    {"system": WORDS},
    {"system": [{"type": "text", "text": WORDS}]},
    {"tools": [{"name": "f", "description": WORDS, "input_schema": {}}]},
]


@pytest.mark.parametrize("fields", READ, ids=lambda one: str(one)[:60])
def test_all_that_the_model_reads_is_counted(fields: dict[str, Any]):
    assert 90 < count(**fields) - count() < 160


def test_a_picture_counts_wherever_it_stands():
    picture = {"type": "image", "source": PIXEL}
    result = {"type": "tool_result", "tool_use_id": "1", "content": [picture]}
    assert PICTURE <= count([picture]) < PICTURE + 20
    assert PICTURE * 3 <= count([picture, result, picture]) < PICTURE * 3 + 40


def test_what_a_message_would_be_refused_for_is_refused_here_too_but_a_missing_cap():
    assert count(max_tokens=5) == count(max_tokens=None) == count()
    for body in (b"{}", b"[]", b'{"messages":[]}', b'{"messages":[{"role":"u"}],"Model":"x"}'):
        assert isinstance(COUNT_TOKENS.sanitise(body), Refusal)
