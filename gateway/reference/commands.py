"""A `curl` line for a route that works when it is pasted into a shell."""

import json
import shlex
from typing import Any

from gateway.reference.frame import BASE
from gateway.reference.route import HOLDER, OWNER, Route

_CREDENTIALS = {
    HOLDER: '-H "Authorization: Bearer $LOCALLLM_KEY"',
    OWNER: '-H "X-Admin-Secret: $ADMIN_SECRET"',
}


def curl(route: Route, model: str, key_id: str) -> str:
    """The example request of a route; `model` is put where its body names one."""
    path = route.path.replace("{id}", key_id).replace("{model}", model)
    body: dict[str, Any] | None = route.example
    streams = body is not None and "stream" in body
    lines = [f"curl {'-N ' if streams else ''}{BASE}{path}"]
    if route.method not in {"GET", "POST"} or (route.method == "POST" and route.body is None):
        lines[0] += f" -X {route.method}"
    if route.who in _CREDENTIALS:
        lines.append(_CREDENTIALS[route.who])
    if body is not None:
        if "model" in body:
            body = {**body, "model": model}
        text = json.dumps(body, ensure_ascii=False)
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(text)}"]
    return " \\\n  ".join(lines)
