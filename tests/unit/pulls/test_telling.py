"""How a pull is told in Ollama's own lines: each change once, each layer by itself."""

import json
from typing import Any

from gateway.pulls.progress import Progress
from gateway.pulls.telling import OllamaTeller, OwnTeller
from tests.support.fake_pull import BIG, LAST_LINES, MANIFEST, SMALL, layer


def feed(progress: Progress, *lines: dict[str, Any]) -> None:
    for line in lines:
        progress.feed(json.dumps(line).encode() + b"\n")


def lines(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_change_is_told_once_and_as_ollama_says_it() -> None:
    progress, teller = Progress(), OllamaTeller()
    feed(progress, MANIFEST)
    assert lines(teller.news(progress)) == [MANIFEST]
    assert teller.news(progress) == b""
    feed(progress, layer(0), layer(400))
    assert lines(teller.news(progress)) == [layer(400)]
    feed(progress, layer(400))
    assert teller.news(progress) == b""
    feed(progress, *LAST_LINES)
    assert lines(teller.end(progress)) == [
        layer(1000),
        layer(10, 10, SMALL),
        {"status": "success"},
    ]
    assert lines(teller.whole(progress)) == [{"status": "success"}]


def test_one_who_joins_later_is_told_of_every_layer() -> None:
    progress = Progress()
    feed(progress, MANIFEST, layer(1000), layer(3, 10, SMALL))
    assert lines(OllamaTeller().news(progress)) == [layer(1000), layer(3, 10, SMALL)]
    assert json.loads(OwnTeller("x").whole(progress))["completed"] == 1003


def test_a_pull_that_has_not_begun_says_what_it_waits_for() -> None:
    assert lines(OllamaTeller().news(Progress())) == []
    assert BIG.encode() not in OllamaTeller().whole(Progress())
