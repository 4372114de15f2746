"""The routes that pull a model."""

import msgspec

from gateway.dialects.reference import EXAMPLE_MODEL
from gateway.dialects.shared import sse
from gateway.pulls.messages import OllamaPullLine, OllamaPullRequest, PullRequest, PullState
from gateway.reference.route import HOLDER, JSON, MODEL_SERVER, SHOWN_KEY, Content, Route

_LAYER = 4_683_073_184
_STATES = (
    PullState("model.pull", EXAMPLE_MODEL, "pulling manifest", 0, 0, None, False),
    PullState(
        *("model.pull", EXAMPLE_MODEL, "pulling 2bada8a74506"),
        *(1_311_260_672, _LAYER, 28.0, False),
    ),
    PullState("model.pull", EXAMPLE_MODEL, "success", _LAYER, _LAYER, 100.0, True),
)
_EVENTS = b"".join(sse.write(msgspec.json.encode(one)) for one in _STATES) + sse.write(b"[DONE]")

_DIGEST = "sha256:2bada8a7450677000f678be90653b85d364de7db25eb5ea54136ada5f3933730"
_LINES = (
    OllamaPullLine("pulling manifest"),
    OllamaPullLine("pulling 2bada8a74506", _DIGEST, _LAYER, 1_311_260_672),
    OllamaPullLine("success"),
)
_NDJSON = b"".join(msgspec.json.encode(line) + b"\n" for line in _LINES)
_REFUSALS = (
    *SHOWN_KEY,
    *("model_not_allowed", "rate_limit_exceeded", "insufficient_quota"),
    *("invalid_request", "cloud_model", "request_timeout"),
    *("request_too_large", "unsupported_encoding", "outbox_unavailable"),
    *("shutting_down", "too_many_pulls", "pull_stalled", "demo_model", "not_supported"),
    *("upstream_refused", "upstream_not_found", "upstream_busy", "upstream_failed"),
    *MODEL_SERVER,
)

PULL_ROUTES = (
    Route(
        *("POST", "/v1/models/pull", "pullModel", HOLDER, "Account"),
        summary="Pull a model from Ollama's registry",
        text="The model has to be one that the key may use. The pull goes on when its caller "
        "leaves, and whoever asks for the same model meanwhile joins it. One that ended early goes "
        "on where it stopped when it is asked for again. Of a model that is installed a newer one "
        "is looked for.",
        scope="models:pull",
        body=PullRequest,
        example={"model": EXAMPLE_MODEL, "stream": True},
        answer=(
            Content(JSON, PullState, msgspec.to_builtins(_STATES[-1])),
            Content(
                "text/event-stream",
                {"description": "Events as shown; one with `error` ends a pull that failed."},
                _EVENTS.decode(),
            ),
        ),
        metered=True,
        refusals=_REFUSALS,
    ),
    Route(
        *("POST", "/api/pull", "ollamaPull", HOLDER, "Ollama"),
        summary="Pull a model, as Ollama's clients do",
        text="What `ollama pull` calls, and `ollama run` where the model is missing. It does what "
        "[POST /v1/models/pull](#post-v1modelspull) does.",
        scope="models:pull",
        body=OllamaPullRequest,
        example={"model": EXAMPLE_MODEL},
        answer=(
            Content(JSON, OllamaPullLine, {"status": "success"}),
            Content(
                "application/x-ndjson",
                {"description": "Lines as shown; one with `error` ends a pull that failed."},
                _NDJSON.decode(),
            ),
        ),
        metered=True,
        refusals=_REFUSALS,
    ),
)
