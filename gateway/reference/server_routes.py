"""What everybody may see."""

from gateway.reference import shapes
from gateway.reference.examples import HEALTH
from gateway.reference.route import HTML, JSON, PUBLIC, TEXT, Content, Route

_NOT_OUTSIDE = "It does not answer through the tunnel unless the owner sets `DOCS_THROUGH_TUNNEL`."

SERVER_ROUTES = (
    Route(
        *("GET", "/health", "readHealth", PUBLIC, "Server"),
        summary="See whether requests can be served",
        text="For monitors: the status says it all. It names no key and no secret. With "
        "`Accept: text/event-stream` it comes as three events `{status, instance, sent_ms}`, 0.4 s "
        "apart, so that a way here can be tried without a key: do they arrive as they are sent?",
        answer=(Content(JSON, shapes.HealthState, HEALTH),),
        also=((503, "Requests cannot be served now; the body says what is away."),),
    ),
    Route(
        *("GET", "/metrics", "readMetrics", PUBLIC, "Server"),
        summary="Figures for Prometheus",
        text="On the gateway's own machine for everybody; elsewhere, and through the tunnel, with "
        "`Authorization: Bearer METRICS_TOKEN`. As OpenMetrics where the header `Accept` asks for "
        "it. It names keys and models, and no page of a website may read it. "
        "[docs/metrics.md](metrics.md) lists what is in it.",
        answer=(
            Content(TEXT, None, 'localllm_requests_total{route="/v1/chat/completions",…} 12.0\n'),
        ),
        refusals=("metrics_denied", "too_many_failures"),
    ),
    Route(
        *("GET", "/", "home", PUBLIC, "Server"),
        summary="A page that says what this is",
        text="HTML for browsers, one line of text for everything else.",
        answer=(Content(HTML), Content(TEXT, None, "localllm is running\n")),
    ),
    Route(
        *("GET", "/docs", "docs", PUBLIC, "Server"),
        summary="Try the API in a page",
        text="Swagger UI: enter a key, and send requests from the page. It loads nothing from "
        f"elsewhere and works offline. {_NOT_OUTSIDE}",
        answer=(Content(HTML),),
        refusals=("not_found",),
    ),
    Route(
        *("GET", "/redoc", "redoc", PUBLIC, "Server"),
        summary="Read this reference in a page",
        text="ReDoc: the guide and every route on one page. It loads nothing from elsewhere and "
        f"works offline. {_NOT_OUTSIDE}",
        answer=(Content(HTML),),
        refusals=("not_found",),
    ),
    Route(
        *("GET", "/console", "console", PUBLIC, "Server"),
        summary="The owner's console",
        text="A page that asks the owner's routes, with the admin secret that is typed in there. "
        "It loads nothing from elsewhere. It does not answer through the tunnel unless the owner "
        "sets `ADMIN_THROUGH_TUNNEL`.",
        answer=(Content(HTML),),
        refusals=("admin_through_tunnel",),
    ),
    Route(
        *("GET", "/account", "account", PUBLIC, "Server"),
        summary="The page of somebody who holds a key",
        text="A key, or a visitor's token, is typed in there, and kept for the tab. It shows what "
        "that key could ask itself: its limits and use, its models, lines to paste into programs, "
        "and a chat. It answers through the tunnel too.",
        answer=(Content(HTML),),
    ),
    Route(
        *("GET", "/openapi.json", "openapi", PUBLIC, "Server"),
        summary="This reference for programs",
        text=f"OpenAPI 3.1. {_NOT_OUTSIDE}",
        answer=(Content(JSON, {"type": "object"}),),
        refusals=("not_found",),
    ),
)
