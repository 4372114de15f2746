"""What the owner sees of the gateway and its requests: the routes behind the console."""

from typing import Any

from gateway.reference import overview_shapes as shapes
from gateway.reference.admin_routes import ADMIN_REFUSALS
from gateway.reference.overview_examples import EVENTS, LOGGED, REFUSED, REQUEST_ID, STATUS
from gateway.reference.route import JSON, OWNER, Content, Parameter, Route

_ID = {"type": "string", "format": "uuid"}
_GROUP = "Overview"
_HERE = "needs_the_machine"  # not on the Supabase function


def _filters() -> tuple[Parameter, ...]:
    text: dict[str, Any] = {"type": "string"}
    moment = "A day, or a time such as 2026-11-24T12:00:00Z."
    return (
        Parameter("api_key_id", "query", _ID, "Only this key."),
        Parameter("visitor", "query", _ID, "Only this visitor."),
        Parameter("model", "query", text, "Only this model."),
        Parameter("status", "query", text, "Only what ended so, such as `client_gone`."),
        Parameter("usage_source", "query", text, "Only what was counted so."),
        Parameter("route", "query", text, "Only this path."),
        Parameter("from", "query", text, f"Not before this moment. {moment}"),
        Parameter("to", "query", text, f"Before this moment; of a day, all of it. {moment}"),
    )


OVERVIEW_ROUTES = (
    Route(
        *("GET", "/admin/status", "readStatus", OWNER, _GROUP),
        summary="See what this gateway does now",
        text="Running and waiting requests, machines, store, outbox, tunnel, and today's and this "
        "month's use. Nothing of a prompt, and no key.",
        answer=(Content(JSON, shapes.GatewayStatus, STATUS),),
        refusals=(_HERE, *ADMIN_REFUSALS),
    ),
    Route(
        *("GET", "/admin/events", "watchGateway", OWNER, _GROUP),
        summary="Watch what this gateway does",
        text="Server-sent events: `status` (the body of `GET /admin/status`) at once and when it "
        "changed, at most once a second; `request` (a row of the log) when one is in the log; "
        "`refused` (a row of `GET /admin/refusals`) when one was refused. It ends when the gateway "
        "stops: ask again.",
        answer=(Content("text/event-stream", {"description": "Events."}, EVENTS),),
        refusals=(_HERE, "too_many_watchers", "shutting_down", *ADMIN_REFUSALS),
    ),
    Route(
        *("GET", "/admin/refusals", "listRefusals", OWNER, _GROUP),
        summary="See which requests were refused lately, and why",
        text="The last 400 of callers whose key works, and 100 of others, as long as this gateway "
        "runs.",
        answer=(
            Content(
                JSON,
                shapes.RefusalList,
                {"object": "list", "data": [REFUSED], "next_cursor": None},
            ),
        ),
        refusals=(_HERE, *ADMIN_REFUSALS),
    ),
    Route(
        *("GET", "/admin/requests", "listRequests", OWNER, _GROUP),
        summary="List the requests of the log",
        text="The newest first, as long as the log is kept (`USAGE_RETENTION_MONTHS`). The log has "
        "what a request came to, and nothing that was said. Filters go together.",
        parameters=(
            Parameter(
                "limit",
                "query",
                {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
                "Requests on one page.",
            ),
            Parameter(
                "cursor",
                "query",
                {"type": "string", "minLength": 1},
                "`next_cursor` of the page before.",
            ),
            *_filters(),
        ),
        answer=(
            Content(
                JSON,
                shapes.RequestPage,
                {"object": "list", "data": [LOGGED], "next_cursor": None},
            ),
        ),
        refusals=("invalid_request", *ADMIN_REFUSALS),
    ),
    Route(
        *("GET", "/admin/requests/{id}", "readRequest", OWNER, _GROUP),
        summary="See one request of the log",
        text="Its id is the `x-request-id` of its answer.",
        parameters=(Parameter("id", "path", _ID, "The id of the request."),),
        answer=(Content(JSON, shapes.LoggedRequest, LOGGED),),
        refusals=("not_found", *ADMIN_REFUSALS),
    ),
    Route(
        *("POST", "/admin/requests/{id}/cancel", "cancelRequest", OWNER, _GROUP),
        summary="End a request that runs or waits",
        text="Its client gets the error `request_cancelled`, the model stops, and what was made so "
        "far is counted. Only on the gateway that serves it.",
        parameters=(Parameter("id", "path", _ID, "The id of the request."),),
        answer=(
            Content(
                JSON,
                shapes.CancelledRequest,
                {"object": "request", "id": REQUEST_ID, "cancelled": True},
            ),
        ),
        refusals=(_HERE, "not_found", *ADMIN_REFUSALS),
    ),
)
