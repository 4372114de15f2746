"""What a completion without a prompt is answered: what a real Ollama says when it loads."""

from typing import Any

import msgspec

from gateway.dialects.openai.chat.answer import DONE
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import loading, sse


def load_answer(sanitised: Sanitised) -> bytes:
    answer: dict[str, Any] = {
        "id": "cmpl-0",
        "object": "text_completion",
        "created": loading.seconds(),
        "model": loading.model_name(sanitised),
        "choices": [{"text": "", "index": 0, "finish_reason": "load"}],
    }
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    if not sanitised.stream:
        return msgspec.json.encode({**answer, "usage": usage})
    events = [answer]
    if sanitised.wants_usage:
        events.append({**answer, "choices": [], "usage": usage})
    return b"".join(sse.write(msgspec.json.encode(one)) for one in events) + sse.write(DONE)
