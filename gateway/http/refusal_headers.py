"""The headers that go out with a refusal."""

from gateway.core.errors import Refusal

Headers = list[tuple[bytes, bytes]]

_USED_UP = {"insufficient_quota", "visitor_quota"}
# What stays as it is: Claude Code tries a 401 for minutes otherwise, and OpenAI's package a 501.
HOPELESS = {401, 403, 501}


def refusal_headers(refusal: Refusal) -> Headers:
    """When to try again, whether that makes sense, and how to authenticate."""
    headers: Headers = []
    if refusal.retry_after_ms is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    if refusal.kind.status in HOPELESS or refusal.reason in _USED_UP:
        headers.append((b"x-should-retry", b"false"))
    if refusal.kind.code in {"invalid_api_key", "invalid_visitor_token"}:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


def withdraw_cors(headers: Headers, refusal: Refusal) -> None:
    """A page of a website where the key may not be used does not read the answer either."""
    if refusal.reason == "origin_not_allowed":
        headers[:] = [one for one in headers if not one[0].startswith(b"access-control-")]
