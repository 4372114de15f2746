"""What the owner does with the machines: models, and what doctor finds."""

from gateway.admin.models import ModelOfMachine
from gateway.pulls.messages import PullRequest
from gateway.reference import overview_shapes as shapes
from gateway.reference.admin_routes import ADMIN_REFUSALS, BODY_REFUSALS
from gateway.reference.overview_examples import FINDINGS, MODEL, OWNERS_MODEL
from gateway.reference.pull_route import PULL_ROUTES
from gateway.reference.route import JSON, MODEL_SERVER, OWNER, Content, Route

_GROUP = "Overview"
_HERE = "needs_the_machine"  # not on the Supabase function
_SERVER = (
    *("unknown_model", "cloud_model", "not_supported", "demo_model"),
    *("upstream_refused", "upstream_failed", "upstream_busy", *MODEL_SERVER),
)

MACHINE_ROUTES = (
    Route(
        *("GET", "/admin/models", "listAllModels", OWNER, _GROUP),
        summary="List the models of all machines",
        text="Installed ones, and where they are in memory.",
        answer=(
            Content(
                JSON,
                shapes.OwnersModelList,
                {"object": "list", "data": [OWNERS_MODEL], "next_cursor": None},
            ),
        ),
        refusals=(_HERE, *ADMIN_REFUSALS),
    ),
    Route(
        *("POST", "/admin/models/pull", "pullModelAsOwner", OWNER, _GROUP),
        summary="Download a model",
        text="As `POST /v1/models/pull`, for no key; a stream unless `stream` is false. It goes on "
        "when its caller leaves.",
        body=PullRequest,
        example={"model": MODEL, "stream": False},
        answer=PULL_ROUTES[0].answer,
        refusals=(
            *(_HERE, "too_many_pulls", "pull_stalled", "shutting_down", "upstream_not_found"),
            *("unsupported_encoding", *_SERVER, *BODY_REFUSALS),
        ),
    ),
    Route(
        *("POST", "/admin/models/load", "loadModel", OWNER, _GROUP),
        summary="Load a model into memory",
        text="For as long as Ollama keeps models. Answers when it is loaded.",
        body=ModelOfMachine,
        example={"model": MODEL},
        answer=(Content(JSON, shapes.OwnersModel, OWNERS_MODEL),),
        refusals=(_HERE, "not_found", *_SERVER, *BODY_REFUSALS),
    ),
    Route(
        *("POST", "/admin/models/unload", "unloadModel", OWNER, _GROUP),
        summary="Take a model out of memory",
        text="Requests that it is answering go on first.",
        body=ModelOfMachine,
        example={"model": MODEL},
        answer=(Content(JSON, shapes.OwnersModel, {**OWNERS_MODEL, "loaded": []}),),
        refusals=(_HERE, "not_found", *_SERVER, *BODY_REFUSALS),
    ),
    Route(
        *("POST", "/admin/doctor", "examine", OWNER, _GROUP),
        summary="Find problems of this machine",
        text="What `localllm doctor` finds; it takes some seconds.",
        answer=(Content(JSON, shapes.DoctorReport, FINDINGS),),
        refusals=(_HERE, "shutting_down", *ADMIN_REFUSALS),
    ),
)
