"""What the reference shows of Ollama's own routes is what a real Ollama was asked and said."""

import json
from typing import Any

import msgspec
import pytest

from gateway.backends.ollama_shapes import ShownModel
from gateway.dialects import all_dialects
from gateway.reference.native_routes import LOADED, SHOWN, TAGS, VERSION
from tests.support.paths import RECORDINGS

DIALECTS = [one for one in all_dialects() if one.native]
STREAMING = [one for one in DIALECTS if one.framing]


def by_path(one: Any) -> str:
    return one.path


def said(path: str) -> list[Any]:
    """Each JSON object that was recorded as an answer, or a line of one, on that path."""
    found: list[Any] = []
    for folder in sorted(RECORDINGS.iterdir()):
        meta = json.loads(folder.joinpath("meta.json").read_text("utf-8"))
        if meta["path"] == path and meta["status"] == 200:
            body = folder.joinpath("response.body").read_text("utf-8")
            found += [json.loads(line) for line in body.splitlines()]
    return found


def is_part(example: Any, of: Any) -> bool:
    """Whether the example is a real one from which at most fields or the rest of a list were left
    out."""
    if isinstance(example, dict) and isinstance(of, dict):
        return all(key in of and is_part(value, of[key]) for key, value in example.items())
    if isinstance(example, list) and isinstance(of, list) and example:
        return all(any(is_part(item, other) for other in of) for item in example)
    return example == of


def is_real(example: Any, path: str) -> bool:
    return any(is_part(example, real) for real in said(path))


@pytest.mark.parametrize("dialect", DIALECTS, ids=by_path)
def test_an_answer_is_a_recorded_one(dialect: Any) -> None:
    assert is_real(dialect.reference.answer_example, dialect.path)


@pytest.mark.parametrize("dialect", STREAMING, ids=by_path)
def test_each_line_of_a_stream_is_a_recorded_one_and_the_last_is_its_end(dialect: Any) -> None:
    lines = dialect.reference.stream_example.splitlines()
    for line in lines:
        msgspec.json.decode(line, type=dialect.reference.event)
        assert is_real(json.loads(line), dialect.path)
    assert [json.loads(line)["done"] for line in lines] == [False] * (len(lines) - 1) + [True]


def test_what_is_told_of_models_is_recorded_too() -> None:
    assert is_real(TAGS, "/api/tags")
    assert is_real(LOADED, "/api/ps")
    assert is_real(SHOWN, "/api/show")
    assert is_real(VERSION, "/api/version")
    assert msgspec.to_builtins(msgspec.convert(SHOWN, ShownModel).cleared()) == SHOWN
