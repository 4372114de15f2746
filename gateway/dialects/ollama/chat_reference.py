"""What the reference says of Ollama's chat. The examples are what a real one was asked and said."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from gateway.dialects.ollama.answer import METERING
from gateway.dialects.ollama.chat_request import OllamaChatRequest, OllamaMessage
from gateway.dialects.ollama.kinds import CHAT_PLACES
from gateway.dialects.reference import Reference


class OllamaChatAnswer(Struct):
    """A whole answer, or one line of a streamed one. The counts, which are what the key is
    charged, stand where `done` is true; what is zero is left out. A model server may add fields."""

    model: str
    created_at: str
    message: OllamaMessage
    done: bool
    done_reason: str | UnsetType = UNSET
    total_duration: int | UnsetType = UNSET
    load_duration: int | UnsetType = UNSET
    prompt_eval_count: int | UnsetType = UNSET
    prompt_eval_duration: int | UnsetType = UNSET
    eval_count: int | UnsetType = UNSET
    eval_duration: int | UnsetType = UNSET


_REQUEST: dict[str, Any] = {
    "model": "gemma3:270m",
    "messages": [{"role": "user", "content": "Name three colours of the rainbow."}],
    "options": {"num_predict": 3},
    "stream": True,
}

_ANSWER: dict[str, Any] = {
    "model": "lab-tools",
    "created_at": "2026-11-23T11:02:30.677427192Z",
    "message": {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "call_62ahs7o0",
                "function": {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}},
            }
        ],
    },
    "done": True,
    "done_reason": "stop",
    "total_duration": 7165445687,
    "load_duration": 8295136,
    "prompt_eval_count": 80,
    "prompt_eval_duration": 1863364000,
    "eval_count": 31,
    "eval_duration": 5280627000,
}

_STREAM = (
    '{"model":"gemma3:270m","created_at":"2026-11-23T11:02:39.544210441Z",'
    '"message":{"role":"assistant","content":"The"},"done":false}\n'
    '{"model":"gemma3:270m","created_at":"2026-11-23T11:02:39.630359446Z",'
    '"message":{"role":"assistant","content":" following"},"done":false}\n'
    '{"model":"gemma3:270m","created_at":"2026-11-23T11:02:39.707312904Z",'
    '"message":{"role":"assistant","content":" are"},"done":false}\n'
    '{"model":"gemma3:270m","created_at":"2026-11-23T11:02:39.710025628Z",'
    '"message":{"role":"assistant","content":""},"done":true,"done_reason":"length",'
    '"total_duration":2449591268,"load_duration":1895912131,"prompt_eval_count":16,'
    '"prompt_eval_duration":364185000,"eval_count":3,"eval_duration":163154000}\n'
)

REFERENCE = Reference(
    "ollamaChat",
    "Ollama",
    "Let a model answer a conversation, as Ollama's API",
    "Streams unless `stream` is false: one JSON object a line, the last one with `done` true and "
    'the counts. An error after the first line is a last line `{"error": …}`. What changes the '
    "model for everybody needs the scope `ollama:native`, and is left out without it: `options` "
    "that load it in another way (`num_ctx`, `num_gpu` …), `shift` and `keep_alive`. So does a "
    "request without messages, which only loads the model or, with a `keep_alive` of 0, drops it: "
    "without the scope it is answered, and the model is not touched.",
    OllamaChatRequest,
    _REQUEST,
    OllamaChatAnswer,
    _ANSWER,
    METERING,
    OllamaChatAnswer,
    _STREAM,
    CHAT_PLACES,
)
