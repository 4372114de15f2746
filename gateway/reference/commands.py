"""A `curl` line for a route that works when it is pasted into a shell."""

import json
import shlex
from typing import Any

from gateway.reference.examples import KEY_ID
from gateway.reference.route import HOLDER, OWNER, SITE, Route

# The owner's secret goes through a pipe: what stands on a command line, every user here can see.
_THROUGH_A_PIPE = "printf 'X-Admin-Secret: %s' \"$ADMIN_SECRET\" |\n"
_OWN_MODELS = {"embeddings", "models:pull"}  # what answers a chat makes no vectors


def curl(route: Route, address: str, model: str) -> str:
    """The example request of a route to the server at `address`; `model` is put where its body
    names one."""
    path = route.path.replace("{id}", KEY_ID).replace("{name}", "faq").replace("{model}", model)
    body: dict[str, Any] | None = route.example
    streams = body is not None and "stream" in body
    lines = [f"curl {'-N ' if streams else ''}{address}{path}"]
    if route.method not in {"GET", "POST"} or (route.method == "POST" and route.body is None):
        lines[0] += f" -X {route.method}"
    if route.who in {HOLDER, SITE}:
        lines.append('-H "Authorization: Bearer $LOCALLLM_KEY"')
    if route.who == OWNER:
        lines.append("-H @-")
    if body is not None:
        if "model" in body and route.scope not in _OWN_MODELS:
            body = {**body, "model": model}
        text = json.dumps(body, ensure_ascii=False)
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(text)}"]
    return (_THROUGH_A_PIPE if route.who == OWNER else "") + " \\\n  ".join(lines)
