"""What the holder of a key may see of it."""

from gateway.admin.usage_query import OF_ONE_KEY
from gateway.reference import shapes
from gateway.reference.examples import MODELS, USAGE
from gateway.reference.route import (
    HOLDER,
    JSON,
    MODEL_SERVER,
    SHOWN_KEY,
    SITE,
    VISITOR,
    Content,
    Parameter,
    Route,
)
from gateway.reference.visitor_token import VisitorTokenRequest


def usage_parameters(groups: tuple[str, ...]) -> tuple[Parameter, ...]:
    """What can be asked of usage, by a key's holder and by the owner: the range, and a grouping by
    some of these."""
    day = {"type": "string", "format": "date"}
    names = "|".join(groups)
    listed = ", ".join(f"`{name}`" for name in groups)
    return (
        Parameter(
            "from", "query", day, "First day (UTC); left out: the first of the month of `to`."
        ),
        Parameter("to", "query", day, "Last day (UTC); left out: today."),
        Parameter(
            "group_by",
            "query",
            {"type": "string", "pattern": f"^({names})(,({names}))*$"},
            f"Add it up by some of {listed}, each once, with commas between.",
        ),
    )


_TOKEN = "llm-visitor_…"  # noqa: S105 - it is none

ACCOUNT_ROUTES = (
    Route(
        *("GET", "/v1/models", "listModels", HOLDER, "Account"),
        summary="List the models that this key can use",
        text="Clients that send `anthropic-version` get the list, and each model, in Anthropic's "
        "form: `type`, `id`, `display_name` and `created_at`, all on one page.",
        scope="models:read",
        answer=(Content(JSON, shapes.ModelList, MODELS),),
        refusals=(*SHOWN_KEY, "rate_limit_exceeded", *MODEL_SERVER),
    ),
    Route(
        *("GET", "/v1/models/{model}", "readModel", HOLDER, "Account"),
        summary="See one model that this key can use",
        text="Under any of its names: `gemma3` is `gemma3:latest`.",
        scope="models:read",
        parameters=(
            Parameter(
                "model", "path", {"type": "string", "minLength": 1}, "Its name, with `/` too."
            ),
        ),
        answer=(Content(JSON, shapes.Model, MODELS["data"][0]),),
        refusals=("unknown_model", *SHOWN_KEY, "rate_limit_exceeded", *MODEL_SERVER),
    ),
    Route(
        *("GET", "/v1/usage", "readUsage", HOLDER, "Account"),
        summary="See what this key has used",
        text="Its limits, what is used and left this month, and its use by day and model, of the "
        "current month to date or of any range. With `group_by` that use is added up: the rows "
        "come as `data`, with their `total`, in place of `by_day`. Days and months are in UTC. A "
        "visitor of the key sees their own alone: `limits` (`requests_per_min` and "
        "`tokens_per_day`), the `day` in place of the `month`, and `by_day`.",
        parameters=usage_parameters(OF_ONE_KEY),
        answer=(Content(JSON, shapes.UsageReport, USAGE),),
        refusals=("invalid_request", *SHOWN_KEY, *VISITOR, "rate_limit_exceeded"),
    ),
    Route(
        *("POST", "/v1/visitor-tokens", "createVisitorToken", SITE, "Account"),
        summary="Make a token for one visitor of your website",
        text="Your website's server calls this with its key, and gives the token to the page of "
        "the visitor, which shows it wherever a key goes. It ends by itself, and with the key. It "
        "may do what the key may do and no more; nothing of it can be changed later. The key "
        "needs `visitors` by `token` alone, and may not be shown by a page.",
        body=VisitorTokenRequest,
        example={"visitor": "user-4711", "expires_in": 600},
        answer=(
            Content(
                JSON,
                shapes.VisitorToken,
                {
                    "token": _TOKEN,
                    "expires_at": "2030-01-15T12:10:00Z",
                    "visitor": "user-4711",
                },
            ),
        ),
        status=201,
        refusals=(
            *SHOWN_KEY,
            *("visitor_token_required", "visitors_by_token_off", "model_not_allowed"),
            *("invalid_request", "request_timeout", "request_too_large", "unsupported_encoding"),
            "rate_limit_exceeded",
        ),
    ),
)
