"""Ollama's own routes that only read."""

from gateway.backends.ollama_shapes import InstalledModels, OllamaVersion, ShownModel, ShowRequest
from gateway.reference.native_examples import LOADED, SHOWN, TAGS, VERSION
from gateway.reference.route import HOLDER, JSON, MODEL_SERVER, SHOWN_KEY, Content, Route

_REFUSALS = (*SHOWN_KEY, *MODEL_SERVER, "upstream_busy", "not_supported")

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
            *("cloud_model", "unknown_model"),
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
