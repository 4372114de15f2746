"""A picture has a bound of its own: its base64 is no text."""

import json

import pytest

from gateway.dialects.anthropic.messages import MESSAGES
from gateway.dialects.ollama.chat import OLLAMA_CHAT
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.openai.responses import RESPONSES
from gateway.dialects.protocol import Dialect, Sanitised
from gateway.dialects.shared.prompt import IMAGE_FLOOR, PICTURE_BOUND

LARGE, SMALL = "A" * 700_000, "A" * 100


def of(dialect: Dialect, data: str, count: int = 1) -> int:
    url = f"data:image/png;base64,{data}"
    source = {"type": "base64", "media_type": "image/png", "data": data}
    parts = {
        CHAT: {"type": "image_url", "image_url": {"url": url}},
        RESPONSES: {"type": "input_image", "image_url": url},
        MESSAGES: {"type": "image", "source": source},
    }
    message: dict[str, object] = {"role": "user", "content": [parts.get(dialect)] * count}
    if dialect is OLLAMA_CHAT:
        message = {"role": "user", "content": "", "images": [data] * count}
    field = "input" if dialect is RESPONSES else "messages"
    body = {"model": "m", field: [message], "max_tokens": 5}
    found = dialect.sanitise(json.dumps(body).encode())
    assert isinstance(found, Sanitised), found
    return found.prompt_bound


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, MESSAGES, OLLAMA_CHAT], ids=lambda d: d.path)
def test_a_picture_is_no_more_than_its_bound_and_no_less_than_its_floor(dialect: Dialect):
    assert PICTURE_BOUND <= of(dialect, LARGE) < PICTURE_BOUND + 200
    assert IMAGE_FLOOR <= of(dialect, SMALL) < IMAGE_FLOOR + 200
    assert of(dialect, LARGE, 3) >= 3 * PICTURE_BOUND
