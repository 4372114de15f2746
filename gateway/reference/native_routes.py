"""Ollama's own routes that only read. The examples are what a real Ollama said of its models, less
what the gateway does not tell."""

from typing import Any

from gateway.backends.ollama_shapes import InstalledModels, OllamaVersion, ShownModel, ShowRequest
from gateway.reference.route import HOLDER, JSON, MODEL_SERVER, SHOWN_KEY, Content, Route

_DETAILS: dict[str, Any] = {
    "format": "gguf",
    "family": "gemma3",
    "families": ["gemma3"],
    "parameter_size": "268.10M",
    "quantization_level": "Q4_K_M",
}
_NAMES: dict[str, Any] = {
    "name": "gemma3:270m",
    "model": "gemma3:270m",
    "digest": "d6a5bd949d28767632efc33a95bdfd7b7f73d4b11cc21d9f6f0af20c49c65c92",
}

TAGS: dict[str, Any] = {
    "models": [
        {
            **_NAMES,
            "modified_at": "2026-11-23T10:55:28.863878307Z",
            "size": 253113575,
            "details": {**_DETAILS, "context_length": 32768, "embedding_length": 640},
            "capabilities": ["completion"],
        }
    ]
}

LOADED: dict[str, Any] = {
    "models": [
        {
            **_NAMES,
            "size": 287246908,
            "details": _DETAILS,
            "expires_at": "2026-11-23T11:33:12.026922064Z",
            "size_vram": 0,
            "context_length": 4096,
        }
    ]
}

SHOWN: dict[str, Any] = {
    "parameters": 'stop                           "<end_of_turn>"',
    "details": _DETAILS,
    "model_info": {
        "gemma3.block_count": 18,
        "gemma3.context_length": 32768,
        "gemma3.embedding_length": 640,
        "general.architecture": "gemma3",
        "general.parameter_count": 268098176,
    },
    "tensors": [{"name": "output_norm.weight", "type": "F32", "shape": [640]}],
    "capabilities": ["completion"],
    "modified_at": "2026-11-23T10:55:28.863878307Z",
}

VERSION: dict[str, Any] = {"version": "0.33.0-rc2"}

_REFUSALS = (*SHOWN_KEY, "rate_limit_exceeded", *MODEL_SERVER, "upstream_busy", "not_supported")

NATIVE_ROUTES = (
    Route(
        *("GET", "/api/tags", "ollamaTags", HOLDER, "Ollama"),
        summary="List the models that this key can use, as Ollama's API",
        text="",
        scope="models:read",
        answer=(Content(JSON, InstalledModels, TAGS),),
        refusals=_REFUSALS,
    ),
    Route(
        *("GET", "/api/ps", "ollamaPs", HOLDER, "Ollama"),
        summary="List those of them that are in memory",
        text="",
        scope="models:read",
        answer=(Content(JSON, InstalledModels, LOADED),),
        refusals=_REFUSALS,
    ),
    Route(
        *("POST", "/api/show", "ollamaShow", HOLDER, "Ollama"),
        summary="See what one model is",
        scope="models:read",
        text="The Modelfile, its prompts and template, licences and paths are told only to keys "
        "that have the scope `ollama:native` as well.",
        body=ShowRequest,
        example={"model": "gemma3:270m"},
        answer=(Content(JSON, ShownModel, SHOWN),),
        refusals=(
            *_REFUSALS,
            *("invalid_request", "request_too_large", "model_not_allowed"),
            *("cloud_model", "unknown_model", "demo_lacks_model", "demo_model"),
        ),
    ),
    Route(
        *("GET", "/api/version", "ollamaVersion", HOLDER, "Ollama"),
        summary="See which Ollama answers",
        text="",
        answer=(Content(JSON, OllamaVersion, VERSION),),
        refusals=_REFUSALS,
    ),
)
