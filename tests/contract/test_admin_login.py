"""Who gets in at /admin: who shows the secret, and has not guessed at it too often."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.admin.calls import ROUTES, Owner, error
from tests.support.admin.servers import CONSOLE, SECRET, Admin
from tests.support.postgres import execute
from tests.support.raw_client import ask, request

TOO_MANY = 10  # failures of one address within 15 minutes: sql/helpers/login/login_limits.sql
WRONG = [SECRET[:-1], SECRET + "x", SECRET.upper(), "größer", "x" * 10_000, "0", "null"]


def guess(client: Owner, times: int) -> list[int]:
    return [client.ask("GET", "/admin/usage").status_code for _ in range(times)]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_the_secret_nothing_is_done(admin: Admin, method: str, path: str):
    for headers in ({}, {"X_Admin_Secret": ""}, {"Authorization": f"Bearer {SECRET[:14]}"}):
        with Owner(admin.url) as client:
            del client.client.headers["X-Admin-Secret"]
            answer = client.ask(method, path, b'{"not": "looked at"', **headers)
            assert answer.status_code == 401
            told = error(answer)
            assert told["code"] == "invalid_admin_secret"
            assert answer.headers["x-should-retry"] == "false"
            assert told["message"] == "The header X-Admin-Secret is missing or wrong."
    assert not [name for name, _ in admin.calls() if name == "admin_login"][1:]


@pytest.mark.parametrize("secret", WRONG, ids=lambda text: text[:20])
def test_a_wrong_secret_is_refused(admin: Admin, secret: str):
    with Owner(admin.url, secret) as client:
        answer = client.ask("DELETE", "/admin/api-keys/not-looked-at")
    assert (answer.status_code, error(answer)["code"]) == (401, "invalid_admin_secret")
    assert "retry-after" not in answer.headers
    assert answer.headers["x-should-retry"] == "false"


def test_the_secret_in_another_coding_is_another_secret(admin: Admin):
    with Owner(admin.url, SECRET.encode("latin-1")) as client:
        assert guess(client, 1) == [401]


def with_lines(admin: Admin, *lines: str) -> int:
    """The status of a request with these headers, sent as they are."""
    port = urlsplit(admin.url).port
    assert port
    sent = [line.encode().decode("latin-1") for line in lines]
    return ask(port, request("GET", "/admin/usage", b"", *sent)).status


def test_blanks_around_the_secret_are_no_part_of_it(admin: Admin):
    for line in (f"X-Admin-Secret: {SECRET} \t", f"X-Admin-Secret:\t {SECRET}"):
        assert with_lines(admin, line) == 200


@pytest.mark.parametrize("secrets", [(SECRET, SECRET), ("wrong", SECRET), (SECRET, "wrong")])
def test_of_several_secrets_none_counts(admin: Admin, secrets: tuple[str, str]):
    assert with_lines(admin, *(f"X-Admin-Secret: {one}" for one in secrets)) == 401


def test_after_too_many_failures_even_the_right_secret_waits(admin: Admin, owner: Owner):
    assert guess(owner, 1) == [200]
    with Owner(admin.url, "wrong") as guesser:
        assert guess(guesser, TOO_MANY) == [401] * (TOO_MANY - 1) + [429]
    answer = owner.ask("GET", "/admin/usage")
    wait = int(answer.headers["retry-after"])
    assert (answer.status_code, 800 < wait <= 900) == (429, True)
    told = error(answer)
    assert told["message"] == f"Too many failed log-ins. Try again in {wait} s."
    assert (told["type"], told["code"]) == ("rate_limit_error", "rate_limit_exceeded")


def test_another_address_is_not_locked_out_with_the_guesser(admin: Admin, owner: Owner):
    with Owner(admin.url, "wrong", "127.0.0.2") as guesser:
        assert guess(guesser, TOO_MANY + 1)[-2:] == [429, 429]
    assert guess(owner, 1) == [200]


def test_a_client_does_not_choose_whom_its_failures_are_put_down_to(admin: Admin, owner: Owner):
    """Nobody stands before either of the two here, so what a client says of itself is a lie: the
    function counts it for the address that it sees, the gateway does not even look."""
    forged = {"True_Client_IP": "192.0.2.9", "X_Real_IP": "192.0.2.9", "Forwarded": "for=192.0.2.9"}
    if admin.name == "gateway":
        forged |= {"X_Forwarded_For": "192.0.2.9"}
    else:
        forged |= {"CF_Connecting_IP": "192.0.2.9", "X_Forwarded_For": "192.0.2.9, 127.0.0.1"}
    with Owner(admin.url, "wrong") as guesser:
        statuses = {
            guesser.ask("GET", "/admin/usage", **forged).status_code for _ in range(TOO_MANY)
        }
    if admin.name == "gateway":
        assert (statuses, guess(owner, 1)) == ({403}, [200])
    else:
        assert (statuses, guess(owner, 1)) == ({401, 429}, [429])


def test_a_website_cannot_lock_the_owner_out(admin: Admin, owner: Owner):
    page = {"Origin": "https://evil.example"}
    with Owner(admin.url, "wrong") as guesser:
        for _ in range(TOO_MANY):
            answer = guesser.ask("GET", "/admin/usage", **page)
            assert (answer.status_code, error(answer)["code"]) == (403, "permission_denied")
            preflight = guesser.ask("OPTIONS", "/admin/usage", **page)
            assert "access-control-allow-origin" not in preflight.headers
    assert guess(owner, 1) == [200]


def test_a_lock_out_ends_when_the_failures_have_grown_old(admin: Admin, owner: Owner):
    with Owner(admin.url, "wrong") as guesser:
        guess(guesser, TOO_MANY)
    assert guess(owner, 1) == [429]
    older = "update gateway.admin_failures set failed_at = failed_at - interval '15 minutes'"
    asyncio.run(execute(admin.dsn, older))
    assert guess(owner, 1) == [200]


def test_guesses_sent_all_at_once_gain_nothing(admin: Admin):
    async def all_at_once() -> list[int]:
        with Owner(admin.url, "wrong") as guesser:
            tasks = [asyncio.to_thread(guess, guesser, 1) for _ in range(3 * TOO_MANY)]
            return [status for [status] in await asyncio.gather(*tasks)]

    statuses = asyncio.run(all_at_once())
    assert sorted(statuses) == [401] * (TOO_MANY - 1) + [429] * (2 * TOO_MANY + 1)


def test_a_route_that_does_not_exist_tells_nothing_about_a_secret(admin: Admin):
    with Owner(admin.url, "wrong") as client:
        assert {client.ask("GET", "/admin/nothing").status_code for _ in range(20)} == {404}
        assert guess(client, 1) == [401]


@pytest.mark.parametrize(
    ("method", "path"), [("OPTIONS", "/admin/api-keys"), ("OPTIONS", "/admin/usage")]
)
def test_a_page_may_ask_first_and_send_the_secret_then(owner: Owner, method: str, path: str):
    page: dict[str, Any] = {"Origin": CONSOLE}
    asked = {
        "Access_Control_Request_Method": "PATCH",
        "Access_Control_Request_Headers": "x-admin-secret, content-type",
    }
    answer = owner.ask(method, path, **page, **asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    assert answer.headers["access-control-allow-headers"] == "x-admin-secret, content-type"
    methods = "GET, POST, PATCH, DELETE, OPTIONS"
    assert answer.headers["access-control-allow-methods"] == methods
    assert answer.headers["access-control-max-age"] == "7200"
    assert "access-control-allow-credentials" not in answer.headers
    then = owner.ask("GET", "/admin/usage", **page)
    assert (then.status_code, then.headers["access-control-allow-origin"]) == (200, CONSOLE)
    assert then.headers["vary"] == "Origin"
    assert "x-request-id, retry-after" in then.headers["access-control-expose-headers"]


def test_only_the_page_of_this_very_server_is_its_own(admin: Admin, owner: Owner):
    name = urlsplit(admin.url).netloc
    statuses = [
        owner.ask("GET", "/admin/usage", Origin=origin).status_code
        for origin in (f"http://{name}", name, f"a://{name}://b", f"http://{name}/")
    ]
    assert statuses == [200, 403, 403, 403]


def test_a_preflight_that_asks_for_no_headers_is_told_some(owner: Owner):
    page = {"Origin": CONSOLE, "Access_Control_Request_Headers": ""}
    answer = owner.ask("OPTIONS", "/admin/usage", **page)
    assert "content-type" in answer.headers["access-control-allow-headers"]
