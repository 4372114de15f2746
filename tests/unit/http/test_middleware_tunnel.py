"""What the outermost ring holds back from callers through the tunnel, and what it logs of them."""

import pytest

from gateway.config.settings import Settings
from gateway.core.record import Listeners
from gateway.telemetry.request_log import RequestLog
from tests.unit.http.test_middleware import SITE, ask

pytestmark = pytest.mark.anyio

INSIDE = [
    *("/admin/api-keys", "/admin/no-such", "/docs", "/docs/0123456789abcdef/docs.js", "/redoc"),
    "/openapi.json",
]


@pytest.mark.parametrize("path", INSIDE)
@pytest.mark.parametrize("mark", ["cf-ray", "cf-connecting-ip", "cdn-loop", "cf-visitor"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
async def test_what_is_for_the_owner_does_not_answer_through_the_tunnel(
    path: str, mark: str, method: str
):
    answer = await ask(path, method, {mark: "x"})
    assert answer.status in (403, 404)
    assert not answer.reached
    assert (await ask(path)).reached


@pytest.mark.parametrize("path", ["/", "/health", "/v1/models", "/api/tags"])
async def test_what_is_for_everybody_does(path: str):
    assert (await ask(path, headers={"cf-ray": "x"})).reached


async def test_the_owner_may_open_each_of_them_alone():
    marked = {"cf-ray": "x"}
    opened = {"docs_through_tunnel": True}
    assert (await ask("/docs", headers=marked, changes=opened)).reached
    assert not (await ask("/admin/usage", headers=marked, changes=opened)).reached
    opened = {"admin_through_tunnel": True}
    assert (await ask("/admin/usage", headers=marked, changes=opened)).reached
    assert not (await ask("/docs", headers=marked, changes=opened)).reached


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/usage", "GET"),
        ("/v1/usage", "OPTIONS"),
        ("/admin/usage", "GET"),
        ("/v1//usage", "GET"),
    ],
)
async def test_whoever_comes_is_told_with_debug_also_where_the_door_is_shut(
    path: str, method: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "localllm.requests")
    listeners = Listeners()
    listeners.add(RequestLog(Settings(debug=True), lambda: False))
    await ask(path, method, {"cf-ray": "8c1f-FRA"}, listeners=listeners)
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"{method} {path} ")
    assert line.endswith(" ray=8c1f-FRA")


LOCKED = {"access_team": "t.cloudflareaccess.com", "access_audience": ("x" * 64,)}


@pytest.mark.parametrize("path", ["/", "/health", "/v1/chat/completions", "/api/tags", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
async def test_what_access_did_not_let_in_gets_nowhere_through_the_tunnel(path: str, method: str):
    answer = await ask(path, method, {"cf-ray": "x", "x-api-key": "llm_x"}, changes=LOCKED)
    assert answer.status == 403
    assert not answer.reached
    assert b"did not come through Cloudflare Access" in answer.body
    assert (await ask(path, method, changes=LOCKED)).reached  # from this machine


async def test_a_preflight_carries_no_token_of_access_and_is_answered_all_the_same():
    headers = {"origin": SITE, "cf-ray": "x"}
    answer = await ask(method="OPTIONS", headers=headers, changes=LOCKED)
    assert (answer.status, answer.reached) == (204, False)
    refused = await ask(headers=headers, changes=LOCKED)
    assert refused.status == 403
    assert refused.header("access-control-allow-origin") == "*"  # the page can read why
