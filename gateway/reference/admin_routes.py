"""What the owner does with keys."""

from gateway.admin.keys import CreateKey, RotateKey, UpdateKey
from gateway.admin.usage_query import OF_ALL_KEYS
from gateway.reference import shapes
from gateway.reference.account_routes import usage_parameters
from gateway.reference.examples import CREATE, KEY, KEY_ID, USAGE_ROW
from gateway.reference.route import JSON, OWNER, Content, Parameter, Route

ADMIN_REFUSALS = (
    *("admin_denied", "too_many_failures", "admin_through_tunnel", "keys_elsewhere"),
    "store_unavailable",
)
BODY_REFUSALS = ("invalid_request", "request_timeout", "request_too_large", *ADMIN_REFUSALS)
_KEY_ID = Parameter("id", "path", {"type": "string", "format": "uuid"}, "The id of the key.")

ADMIN_ROUTES = (
    Route(
        *("POST", "/admin/api-keys", "createKey", OWNER, "Administration"),
        summary="Make a key",
        text="The answer is the only place where the key ever stands in full.",
        body=CreateKey,
        example=CREATE,
        status=201,
        answer=(
            Content(JSON, shapes.NewKey, {**KEY, "key": "llm_…", "message": "Save this key …"}),
        ),
        refusals=BODY_REFUSALS,
    ),
    Route(
        *("GET", "/admin/api-keys", "listKeys", OWNER, "Administration"),
        summary="List the keys",
        text="Oldest first, revoked ones too.",
        parameters=(
            Parameter(
                "limit",
                "query",
                {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50},
                "Keys on one page.",
            ),
            Parameter(
                "cursor", "query", {"type": "string", "minLength": 1}, "`next` of the page before."
            ),
        ),
        answer=(Content(JSON, shapes.KeyPage, {"data": [KEY], "next": None}),),
        refusals=("invalid_request", *ADMIN_REFUSALS),
    ),
    Route(
        *("PATCH", "/admin/api-keys/{id}", "updateKey", OWNER, "Administration"),
        summary="Change a key",
        text="Holds from the key's next request on.",
        parameters=(_KEY_ID,),
        body=UpdateKey,
        example={"rate_limit_per_min": 60, "allowed_origins": ["https://example.com"]},
        answer=(Content(JSON, shapes.Key, KEY),),
        refusals=("not_found", *BODY_REFUSALS),
    ),
    Route(
        *("DELETE", "/admin/api-keys/{id}", "revokeKey", OWNER, "Administration"),
        summary="Revoke a key",
        text="It is refused from now on, and so are those it replaced. Its usage stays.",
        parameters=(_KEY_ID,),
        answer=(Content(JSON, shapes.Key, {**KEY, "is_active": False}),),
        refusals=("not_found", *ADMIN_REFUSALS),
    ),
    Route(
        *("POST", "/admin/api-keys/{id}/rotate", "rotateKey", OWNER, "Administration"),
        summary="Replace a key by a new one",
        text="Limits, counts and id stay. The old key goes on for the time of grace.",
        parameters=(_KEY_ID,),
        body=RotateKey,
        body_needed=False,
        example={"grace_seconds": 3600},
        answer=(
            Content(JSON, shapes.NewKey, {**KEY, "key": "llm_…", "message": "Save this key …"}),
        ),
        refusals=("not_found", *BODY_REFUSALS),
    ),
    Route(
        *("GET", "/admin/usage", "readAllUsage", OWNER, "Administration"),
        summary="See what all keys have used",
        text="By day, key and model, or added up by what `group_by` names, with the `total`; "
        "without a range, of the current month to date. By visitor, there are only the calls of "
        "visitors, and no models. By the hour it comes from the log, and is of 31 days at most.",
        parameters=(
            Parameter(
                "api_key_id", "query", {"type": "string", "format": "uuid"}, "Only this key."
            ),
            *usage_parameters(OF_ALL_KEYS),
        ),
        answer=(Content(JSON, shapes.UsagePage, {"data": [{"api_key_id": KEY_ID, **USAGE_ROW}]}),),
        refusals=("invalid_request", "not_found", *ADMIN_REFUSALS),
    ),
)
