"""A model server that tells its models without a network."""

import json
from typing import Any, cast

from gateway.backends.client import BackendClient, Target
from gateway.backends.models import ModelList
from gateway.core.errors import Refusal

TAG = {"name": "Gemma3:270m", "digest": "abc", "details": {"context_length": 32768}}
ALIAS = {"name": "innocent", "digest": "def", "remote_host": "https://ollama.com:443"}


class Told:
    """A model server that tells these things and counts the questions."""

    def __init__(self, **answers: Any) -> None:
        self.target = Target("http://127.0.0.1:1")
        self.answers = answers
        self.asked: list[str] = []

    async def read(self, method: str, path: str, body: bytes = b"") -> bytes | Refusal:
        self.asked.append(path)
        name = path.rpartition("/")[2]
        if name not in self.answers:
            return Refusal("not_found", "There is no such route.")
        answer = self.answers[name]
        if isinstance(answer, Refusal):
            return answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def models(told: Told) -> ModelList:
    return ModelList(cast(BackendClient, told))


LISTED = {"data": [{"id": "innocent"}]}
