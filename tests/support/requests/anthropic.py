"""Requests to messages, as the dialect takes or refuses them."""

import json
from typing import Any

from gateway.core.errors import Refusal
from gateway.dialects.anthropic.messages import MESSAGES
from gateway.dialects.protocol import Sanitised
from tests.support.requests.full_messages import MINIMAL

TOOL = {"name": "f", "description": "<b>", "input_schema": {"type": "object"}}


def ask(**fields: Any) -> Sanitised | Refusal:
    return MESSAGES.sanitise(json.dumps({**MINIMAL, **fields}).encode())


def sanitise(**fields: Any) -> Sanitised:
    asked = ask(**fields)
    assert isinstance(asked, Sanitised), asked
    return asked


def refused(**fields: Any) -> Refusal:
    refusal = ask(**fields)
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 400
    return refusal


def sent(granted: int = 7, **fields: Any) -> dict[str, Any]:
    body = MESSAGES.serialise(sanitise(**fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


def said(*blocks: dict[str, Any], role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": list(blocks)}]
