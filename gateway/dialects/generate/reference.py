"""What the reference says of this route."""

import msgspec

from gateway.dialects.generate.answer import GenerateAnswer, GenerateEvent
from gateway.dialects.generate.request import GenerateRequest
from gateway.dialects.openai.chat.reference import METERING
from gateway.dialects.reference import EXAMPLE_MODEL, Reference
from gateway.dialects.shared import sse

_USAGE = {"prompt_tokens": 13, "completion_tokens": 3, "total_tokens": 16}
_NAMED = {"id": "0b9f6d0e-4c53-4a43-9d0a-6a4f5d2b1c77", "model": EXAMPLE_MODEL}
_LAST = {"response": "", "done": True, **_NAMED, "finish_reason": "stop", "usage": _USAGE}
_EVENTS = [{"response": "Hello"}, {"response": "!"}, _LAST]

REFERENCE = Reference(
    "generate",
    "Text",
    "Let a model answer one prompt",
    "The shortest way to an answer. With `stream` it comes as server-sent events: a piece of "
    "the text in the `response` of each, and a last one with `done`, `finish_reason` and "
    "`usage`. Without that one the answer is not whole: an error after the first event comes "
    'as `data: {"error": …}`. Lines that begin with a colon are signs of life. What a model '
    "thinks before it answers is not shown, but counted. `usage` is what the key is charged, "
    "`id` the answer's `x-request-id`.",
    GenerateRequest,
    {"prompt": "Say hello.", "max_tokens": 20},
    GenerateAnswer,
    {**_NAMED, "response": "Hello!", "finish_reason": "stop", "usage": _USAGE},
    METERING._replace(caps=("max_tokens",), note=""),
    GenerateEvent,
    b"".join(sse.write(msgspec.json.encode(one)) for one in _EVENTS).decode(),
)
