"""Turn what the functions behind the routes return – JSON or a `Refusal` – into responses."""

import re
from typing import Any, cast

import msgspec
from litestar import HttpMethod, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.routes import HTTPRoute

from gateway.core.errors import Refusal
from gateway.dialects import all_absent, error_body
from gateway.dialects.anthropic.models import VERSION_HEADER
from gateway.http.failures import refusal_of
from gateway.http.refusal_headers import refusal_headers, withdraw_cors

AnyRequest = Request[Any, Any, Any]
READ = (HttpMethod.GET, HttpMethod.HEAD)  # uvicorn sends no body to a HEAD


def respond(
    request: AnyRequest, result: object, status: int = 200, *, path: str = ""
) -> Response[bytes]:
    """JSON with `status`, or the refusal in the dialect of the request's path, or of `path`."""
    headers = {"cache-control": "no-store"}
    if isinstance(result, Refusal):
        status, scope = result.kind.status, cast(dict[str, Any], request.scope)
        if (record := scope.get("record")) is not None:
            record.refusal = result
        withdraw_cors(scope["direct"][1], result)
        body = error_body(path or path_of(request), result, request_id(request))
        more = refusal_headers(result)
        headers |= {name.decode(): value.decode() for name, value in more}
    else:
        body = msgspec.json.encode(result)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def path_of(request: AnyRequest) -> str:
    """Not from Litestar's `url`, which fails where a client writes its Host header wrong."""
    return request.scope["path"]


def _methods(request: AnyRequest) -> str:
    """What the path does answer to."""
    path = path_of(request).rstrip("/") or "/"
    for route in request.app.routes:
        pattern = re.sub(r"\\{[^}]*:path\\}", ".+", re.escape(route.path))
        pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", pattern)
        if isinstance(route, HTTPRoute) and re.fullmatch(pattern, path):
            return ", ".join(sorted(route.methods))
    return "another method"


def request_id(request: AnyRequest) -> str:
    return str(cast(dict[str, Any], request.scope).get("request_id", ""))


def is_anthropic(request: AnyRequest) -> bool:
    """Whether Anthropic's client calls, at a path that OpenAI's may call as well."""
    return VERSION_HEADER in request.headers


def family_path(request: AnyRequest) -> str:
    """A path of the family whose client calls, for the form of errors."""
    path = path_of(request)
    return "/v1/messages" if is_anthropic(request) and path.startswith("/v1/") else path


def on_exception(request: AnyRequest, problem: Exception) -> Response[bytes]:
    """No route, a wrong method, a store that is away; anything else is ours, and logged."""
    if isinstance(problem, NotFoundException):
        path = path_of(request)
        why = all_absent().get(path, f"There is nothing at {path}.")
        return respond(request, Refusal("not_found", why), path=family_path(request))
    if isinstance(problem, MethodNotAllowedException):
        allowed = _methods(request)
        answer = respond(request, Refusal("method_not_allowed", allowed))
        answer.headers["allow"] = allowed
        return answer
    if isinstance(problem, HTTPException) and problem.status_code < 500:
        return respond(request, Refusal("invalid_request", problem.detail))
    return respond(request, refusal_of(problem, request.method, path_of(request)))
