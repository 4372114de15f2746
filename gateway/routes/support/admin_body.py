"""The body of an admin request, of bounded size."""

from typing import TypeVar

import msgspec

from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json
from gateway.http.body import ClientGone, read_body
from gateway.routes.support.answers import AnyRequest

_MAX_BODY = 64 * 1024
Shape = TypeVar("Shape", bound=msgspec.Struct)


async def admin_body(request: AnyRequest, shape: type[Shape]) -> Shape | Refusal:
    """The request as `shape`; no body at all means all defaults, where the shape has them."""
    try:
        body = await read_body(request.receive, _MAX_BODY, None, here=False)
    except ClientGone:  # nobody reads it
        return Refusal("request_timeout")
    return body if isinstance(body, Refusal) else strict_json.parse(body or b"{}", shape)
