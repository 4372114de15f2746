"""What the reference says of Ollama's generate. The examples are what a real one was asked and
said."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from gateway.dialects.ollama.answer import METERING
from gateway.dialects.ollama.generate_request import OllamaGenerateRequest
from gateway.dialects.ollama.kinds import PLACES
from gateway.dialects.reference import Reference


class OllamaGenerateAnswer(Struct):
    """A whole answer, or one line of a streamed one. The counts, which are what the key is
    charged, stand where `done` is true; what is zero is left out. A model server may add fields."""

    model: str
    created_at: str
    response: str
    done: bool
    thinking: str | UnsetType = UNSET
    done_reason: str | UnsetType = UNSET
    context: list[int] | UnsetType = UNSET
    total_duration: int | UnsetType = UNSET
    load_duration: int | UnsetType = UNSET
    prompt_eval_count: int | UnsetType = UNSET
    prompt_eval_duration: int | UnsetType = UNSET
    eval_count: int | UnsetType = UNSET
    eval_duration: int | UnsetType = UNSET


_REQUEST: dict[str, Any] = {
    "model": "gemma3:270m",
    "prompt": "The capital of France is",
    "options": {"temperature": 0, "num_predict": 8},
    "stream": True,
}

_ANSWER: dict[str, Any] = {
    "model": "gemma3:270m",
    "created_at": "2026-11-23T11:03:05.650656881Z",
    "response": " the capital of the United Kingdom.\n\n",
    "done": True,
    "done_reason": "length",
    "context": [
        *(3912, 8652, 236761, 669, 5279, 529, 7001, 563, 506, 5279, 529, 506, 3640, 15305),
        *(236761, 108),
    ],
    "total_duration": 822035392,
    "load_duration": 6799370,
    "prompt_eval_count": 9,
    "prompt_eval_duration": 161077000,
    "eval_count": 8,
    "eval_duration": 627756000,
}

_STREAM = (
    '{"model":"gemma3:270m","created_at":"2026-11-23T11:02:59.368301878Z","response":"The",'
    '"done":false}\n'
    '{"model":"gemma3:270m","created_at":"2026-11-23T11:02:59.506039034Z",'
    '"response":" capital","done":false}\n'
    '{"model":"gemma3:270m","created_at":"2026-11-23T11:02:59.70365451Z","response":"",'
    '"done":true,"done_reason":"length","total_duration":743893420,"load_duration":2218021,'
    '"prompt_eval_count":14,"prompt_eval_duration":396239000,"eval_count":8,'
    '"eval_duration":338124000}\n'
)

REFERENCE = Reference(
    "ollamaGenerate",
    "Ollama",
    "Let a model go on from a prompt, as Ollama's API",
    "Streams unless `stream` is false: one JSON object a line, the last one with `done` true and "
    'the counts. An error after the first line is a last line `{"error": …}`. '
    "`raw`, `template` and `context` need the scope `ollama:native`. So do `keep_alive`, `shift` "
    "and `options` that load the model in another way, which are left out without it, and a "
    "request without a prompt, "
    "which only loads the model or drops it: without the scope it is answered, and the model is "
    "not touched.",
    OllamaGenerateRequest,
    _REQUEST,
    OllamaGenerateAnswer,
    _ANSWER,
    METERING,
    OllamaGenerateAnswer,
    _STREAM,
    PLACES,
)
