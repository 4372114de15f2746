"""A caller that pulls a model and reads what it is told, line by line."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.callers import bearer

PATH = "/v1/models/pull"
NEW = "qwen2.5:7b"


class Told:
    """What a stream says, event by event, as it comes."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments = 0
        self._lines = answer.iter_lines()

    def data(self) -> Iterator[str]:
        for line in self._lines:
            if line.startswith(":"):
                self.comments += 1
            elif line:
                assert line.startswith("data: "), line
                yield line[len("data: ") :]

    def next(self) -> dict[str, Any]:
        return json.loads(next(self.data()))

    def until(self, **fields: object) -> dict[str, Any]:
        """The first event that says this."""
        for text in self.data():
            event = json.loads(text)
            if fields.items() <= event.items():
                return event
        raise AssertionError(f"no event said {fields}")

    def rest(self) -> list[str]:
        return list(self.data())


@contextmanager
def pulling(client: httpx.Client, key: str, model: str = NEW, **headers: str) -> Generator[Told]:
    """A streamed pull. Leaving the block early is leaving as a client does."""
    body = {"model": model, "stream": True}
    more = {**bearer(key), **headers}
    with client.stream("POST", PATH, json=body, headers=more) as answer:
        yield Told(answer)


def pull(client: httpx.Client, key: str, model: object = NEW, **more: object) -> httpx.Response:
    """A pull that is answered once, at its end."""
    return client.post(PATH, json={"model": model, **more}, headers=bearer(key))


def events(text: str) -> list[Any]:
    """Those of a whole stream."""
    return [
        json.loads(part.removeprefix("data: "))
        for part in text.split("\n\n")
        if part.startswith("data: {")
    ]
