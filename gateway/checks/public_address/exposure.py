"""What should be reachable from outside, and what should not: websites, admin routes, Ollama."""

import asyncio

from gateway.checks.finding import Finding, fail, ok
from gateway.checks.public_address.client import Answer, NoAnswer, PublicClient
from gateway.checks.public_address.error_pages import LOGIN, describe, is_login, is_ours
from gateway.config.settings import Settings

_ROUTE = "/v1/chat/completions"
_ANY_SITE = "https://website.example"
_ADMIN, _DOCS = "/admin/api-keys", "/docs"
# Ollama answers each of these. The gateway answers none of them without a key.
_PAST = ("/api/tags", "/v1/../api/tags", "/api/blobs/sha256-0", "//api/tags", "/api%2ftags")


async def cors(client: PublicClient, loaded: Settings, service: str) -> Finding:
    """Whether a browser lets a page of an allowed website call."""
    origin = next((one for one in loaded.cors_origins if "*" not in one), _ANY_SITE)
    wanted = {"authorization", "content-type"}
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ",".join(sorted(wanted)),
    }
    try:
        answer = await client.request("OPTIONS", _ROUTE, headers)
    except NoAnswer as problem:
        return fail("cors", f"a preflight got no answer: {problem}. Run this again.")
    if is_login(answer):
        return fail("cors", f"websites cannot call: {LOGIN}")
    if not is_ours(answer):
        return fail("cors", f"websites cannot call: {describe(answer, service)}")
    given = answer.headers.get("access-control-allow-headers", "").lower()
    allowed = {word.strip() for word in given.split(",")}
    granted = answer.headers.get("access-control-allow-origin") in {"*", origin}
    if answer.status >= 300 or not granted or not wanted <= allowed:
        return fail(
            "cors",
            f"pages of {origin} cannot call. Add it to CORS_ORIGINS and restart the gateway. No "
            "rule in Cloudflare's dashboard may change headers.",
        )
    whose = "any website" if "*" in loaded.cors_origins else origin
    return ok("cors", f"pages of {whose} can call")


async def closed(client: PublicClient, loaded: Settings) -> Finding:
    """Whether routes that are not public refuse callers from outside."""
    paths = [_ADMIN, _DOCS, *_PAST]
    try:
        answers = await asyncio.gather(*(client.request("GET", path) for path in paths))
    except NoAnswer as problem:
        return fail("closed", f"a request got no answer: {problem}. Run this again.")
    admin, docs, *past = answers
    for path, answer in zip(_PAST, past, strict=True):
        if _is_open(answer):
            return fail(
                "closed",
                f"{path} answers without a key: Ollama can be reached from outside! Stop the "
                "tunnel, and have it lead to the gateway only.",
            )
    if _is_open(admin) or (_is_refused_by_secret(admin) and not loaded.admin_through_tunnel):
        return fail(
            "closed",
            f"{_ADMIN} answers from outside, protected only by the secret. Remove "
            "ADMIN_THROUGH_TUNNEL and restart the gateway, or block /admin in your own proxy.",
        )
    if _is_open(docs) and not loaded.docs_through_tunnel:
        return fail(
            "closed",
            f"{_DOCS} answers from outside. Remove DOCS_THROUGH_TUNNEL and restart the gateway, or"
            " block it in your own proxy.",
        )
    opened = [
        name
        for name, is_open in (("admin routes", loaded.admin_through_tunnel),
                              ("docs", loaded.docs_through_tunnel))
        if is_open
    ]  # fmt: skip
    kept = f"; {' and '.join(opened)} are open because of your settings" if opened else ""
    return ok("closed", f"the gateway cannot be bypassed from outside{kept}")


def _is_open(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _is_refused_by_secret(answer: Answer) -> bool:
    return answer.status == 401
