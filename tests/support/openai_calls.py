"""Calls through the `openai` package that are made to fail."""

import contextlib
from collections.abc import Callable, Generator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]


@contextlib.contextmanager
def calling(
    gateway: GatewayProcess, key: str, retries: int = 0, **headers: str
) -> Generator[Callable[..., Any]]:
    with OpenAI(
        base_url=f"{gateway.url}/v1", api_key=key, max_retries=retries, default_headers=headers
    ) as client:

        def call(**changes: Any) -> ChatCompletion:
            return client.chat.completions.create(
                **{"model": MODEL, "messages": ASKED, "max_tokens": 50, **changes}
            )

        yield call


def refused(
    expected: type[openai.APIStatusError], call: Callable[..., Any], **changes: Any
) -> openai.APIStatusError:
    """The error that the call gives, in the shape that each error has."""
    with pytest.raises(openai.APIStatusError) as caught:
        call(**changes)
    problem = caught.value
    assert type(problem) is expected, problem
    assert isinstance(problem.body, dict)
    assert set(problem.body) == {"message", "type", "param", "code"}
    assert problem.body["message"]
    assert problem.request_id
    return problem
