"""Every route with a request that it takes, made from the tables of the code itself, and what a
refusal has to look like there."""

import copy
from typing import Any, NamedTuple

import httpx

from gateway.admin.fields import SCOPES
from gateway.dialects import family_of
from gateway.reference.route import HOLDER, OWNER, PUBLIC, SITE, Route
from gateway.reference.table import ROUTES
from tests.support.callers import bearer
from tests.support.fake_upstream import MODEL, FakeUpstream

# A route for which any key will do has to be named here: a new one is not that by oversight.
ANY_KEY = {("GET", "/v1/usage"), ("GET", "/api/version")}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
# Which the gateway takes at times, whoever calls: of the second an answer of the model is a reason.
OWN_LOOKS = {"/api/tags", "/api/ps"}


class Call(NamedTuple):
    """One request, and the scope that its key needs."""

    method: str
    path: str
    body: Any
    scope: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def with_body(self, **fields: Any) -> "Call":
        return self._replace(body={**self.body, **fields})


def _call(route: Route) -> Call:
    body = copy.deepcopy(route.example)
    if body is not None and route.who == HOLDER:
        body = {**body, "model": MODEL}
        if "stream" in body:
            body["stream"] = False
    path = route.path.replace("{model}", MODEL).replace("{id}", UNKNOWN)
    path = path.replace("{name}", "faq")
    return Call(route.method, path, body, route.scope)


def calls(who: str) -> list[Call]:
    """Those that may be made by `who`; all others need more than a key, or none."""
    return [_call(route) for route in ROUTES if route.who == who]


CALLS = calls(HOLDER)
PUBLIC_CALLS = calls(PUBLIC)
OWNER_CALLS = calls(OWNER)
SITE_CALLS = calls(SITE)


def unclassified() -> list[Call]:
    """Routes that nobody has said what a key needs for, or that need what no key can have."""
    return [
        one
        for one in CALLS
        if one.scope not in SCOPES and (one.scope or (one.method, one.path) not in ANY_KEY)
    ]


def send(client: httpx.Client, call: Call, key: str | None, **headers: str) -> httpx.Response:
    shown = bearer(key) if key else {}
    return client.request(call.method, call.path, json=call.body, headers={**shown, **headers})


def refused(answer: httpx.Response, status: int, path: str) -> str:
    """The message of a refusal, after a look at its form: that of the clients of the path."""
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    match family_of(path).name:
        case "ollama":
            assert list(body) == ["error"], body
            return body["error"]
        case "anthropic":
            assert set(body) == {"type", "error", "request_id"}, body
            assert (body["type"], set(body["error"])) == ("error", {"type", "message"})
            if status == 403:
                assert body["error"]["type"] == "permission_error"
        case _:
            assert set(body) == {"error"}, body
            assert set(body["error"]) == {"message", "type", "param", "code"}
            assert body["error"]["type"] == "invalid_request_error"
            assert body["error"]["code"]
    return body["error"]["message"]


def reached(upstream: FakeUpstream) -> set[str]:
    """What was asked of the model server, but for the gateway's own looks."""
    return {one.target for one in upstream.received} - OWN_LOOKS
