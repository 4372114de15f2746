"""Headers of answers, and what websites may do."""

from gateway.http.middleware import EXPOSED, MAX_AGE, METHODS
from gateway.reference.blocks import Listing, Paragraph, Section, Table
from gateway.reference.headers import HEADERS, RATE_HEADERS

_WHERE = {
    "x-request-id": "every answer",
    "retry-after": "429 and 503, where waiting helps",
    "x-should-retry": "429 `insufficient_quota`",
    **dict.fromkeys(RATE_HEADERS, "answers of routes that count"),
}
# Beside those of the OpenAPI document, which are the same on all routes.
_OTHERS = (
    ("`request-id`", "`/v1/messages`", "The same as `x-request-id`, as Anthropic's clients read."),
    ("`www-authenticate`", "401 of routes that count", "`Bearer`"),
    ("`allow`", "405", "The methods that the path has."),
)


def headers() -> Section:
    table = tuple(
        (f"`{name}`", _WHERE[name], str(HEADERS[name]["description"])) for name in HEADERS
    )
    return Section(
        "Headers",
        "headers",
        (
            Paragraph(
                "Of a request's headers none reaches the model server. `anthropic-version` may be "
                "left out, and `Content-Type` may be anything: a body is read as JSON."
            ),
            Table(("header of an answer", "where", "meaning"), (*table, *_OTHERS)),
        ),
    )


def websites() -> Section:
    return Section(
        "Websites (CORS)",
        "websites",
        (
            Paragraph("A page may call from the browser:"),
            Listing(
                (
                    "The owner's `CORS_ORIGINS` says which websites may call (all, at first). A "
                    "request with another `Origin` gets 403 `permission_denied` and no grant.",
                    "A key's `allowed_origins` narrow that for the key, in the same way.",
                    f"A preflight (`OPTIONS`) is answered with 204 on every path: methods "
                    f"`{METHODS.decode()}`, whatever headers are asked for, for {MAX_AGE} "
                    "seconds.",
                    f"Scripts can read `{EXPOSED.decode()}`, and `request-id` at `/v1/messages`.",
                    "There are no cookies: `Access-Control-Allow-Credentials` is never sent.",
                )
            ),
            Paragraph(
                "Whoever opens a page can read the key in it. Give each website a key of its own, "
                "with `allowed_origins`, few scopes and a small limit."
            ),
        ),
    )
