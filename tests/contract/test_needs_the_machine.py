"""What only a gateway can answer: the Supabase function says so, to its owner alone."""

import pytest

from tests.support.admin.calls import UNKNOWN, Owner, error
from tests.support.admin.servers import Admin
from tests.support.deno import needs_deno

pytestmark = needs_deno
ROUTES = [
    *(("GET", f"/admin/{name}") for name in ("status", "events", "refusals", "models")),
    *(("POST", f"/admin/models/{name}") for name in ("pull", "load", "unload")),
    ("POST", "/admin/doctor"),
    ("POST", f"/admin/requests/{UNKNOWN}/cancel"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_function_says_that_the_gateway_is_needed(
    function_side: Admin, method: str, path: str
) -> None:
    with Owner(function_side.url) as owner, Owner(function_side.url, "wrong") as stranger:
        answer = owner.ask(method, path, {"model": "x"} if method == "POST" else None)
        told = error(answer)
        assert (answer.status_code, told["code"]) == (404, "needs_the_machine")
        assert "ask the gateway itself" in told["message"]
        assert stranger.ask(method, path).status_code in {401, 429}
        other = "POST" if method == "GET" else "GET"
        assert owner.ask(other, path).status_code == 405


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_gateway_answers_it(gateway_side: Admin, method: str, path: str) -> None:
    if path.endswith(("events", "doctor")):
        return  # tests/e2e/overview
    with Owner(gateway_side.url) as owner:
        answer = owner.ask(method, path, {"model": "x"} if method == "POST" else None)
        assert "needs_the_machine" not in answer.text
        assert (answer.status_code == 200) == (method == "GET")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_method_is_told_which_one_there_is(
    admin: Admin, owner: Owner, method: str, path: str
) -> None:
    answer = owner.ask("PUT", path)
    allow = "GET, HEAD, OPTIONS" if method == "GET" else "OPTIONS, POST"
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
