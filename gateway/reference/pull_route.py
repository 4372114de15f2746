"""The route that pulls a model."""

import msgspec

from gateway.dialects.reference import EXAMPLE_MODEL
from gateway.dialects.shared import sse
from gateway.pulls.messages import PullRequest, PullState
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
        refusals=(
            *SHOWN_KEY,
            *("model_not_allowed", "rate_limit_exceeded", "insufficient_quota"),
            *("invalid_request", "cloud_model", "request_timeout"),
            *("request_too_large", "unsupported_encoding", "outbox_unavailable"),
            *("shutting_down", "too_many_pulls", "pull_stalled", "demo_model", "not_supported"),
            *("upstream_refused", "upstream_not_found", "upstream_busy", "upstream_failed"),
            *MODEL_SERVER,
        ),
    ),
)
