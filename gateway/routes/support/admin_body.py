"""The body of an admin request, of bounded size."""

from typing import TypeVar

import msgspec

from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json
from gateway.routes.support.answers import AnyRequest

_MAX_BODY = 64 * 1024
Shape = TypeVar("Shape", bound=msgspec.Struct)


async def admin_body(request: AnyRequest, shape: type[Shape]) -> Shape | Refusal:
    """The request as `shape`; no body at all means all defaults, where the shape has them."""
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > _MAX_BODY:
            return Refusal("request_too_large", str(_MAX_BODY))
    return strict_json.parse(data or b"{}", shape)
