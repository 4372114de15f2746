"""Each page that can stand there instead of the gateway has a remedy of its own."""

import re

import pytest

from gateway.checks.public_address.client import Answer
from gateway.checks.public_address.error_pages import LOGIN, describe, is_login, is_ours

SERVICE = "http://127.0.0.1:8000"


def page(status: int, body: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"server": "cloudflare", **named}, body.encode())


HTML = "<!DOCTYPE html><title>Cloudflare</title><h1><span>Error</span><span>{}</span></h1>"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (page(530, "error code: 1033"), "localllm tunnel run"),
        (page(530, HTML.format(1033) + '<span class="cf-error-code">1033</span>'), "error 1033"),
        (page(530, "error code: 1016"), "points to nothing"),
        (page(530), "localllm tunnel run"),
        (page(502, "error code: 502"), f"set the tunnel's Service URL to {SERVICE}"),
        (page(502, '<span class="cf-error-code">502</span>'), "cannot reach the gateway"),
        (page(503), "cannot reach the gateway"),
        (page(522, "error code: 522"), "DNS record points to an address"),
        (page(403, "error code: 1020"), "a rule in Cloudflare's dashboard blocks programs"),
        (page(403, "Just a moment...", cf_mitigated="challenge"), "challenges callers"),
        (page(429, "error code: 1015"), "rate limit"),
        (page(524, "error code: 524"), "sent nothing in time"),
        (page(504), "sent nothing in time"),
        (page(525), f"uses TLS.*{SERVICE}"),
        (page(404), f"does not forward this hostname.*{SERVICE}"),
        (page(404, "404 page not found"), "Ollama itself"),
        (page(200, "Ollama is running"), "Ollama itself"),
        (page(301, location="https://www.example.com/"), "redirects to"),
        (page(200, "<h1>It works!</h1>"), f"something else answers.*{SERVICE}"),
        (page(418, "x" * 100_000), "something else answers"),
    ],
)
def test_what_answers_instead_is_named_with_what_to_do(answer: Answer, said: str):
    told = describe(answer, SERVICE)
    assert re.search(said, told), told
    assert len(told) < 300
    assert "\n" not in told
    assert not is_ours(answer)


@pytest.mark.parametrize(
    "answer",
    [
        page(302, location="https://myteam.cloudflareaccess.com/cdn-cgi/access/login/llm?kid=x"),
        page(302, location="/cdn-cgi/access/login"),
        page(403, "<a href='https://myteam.cloudflareaccess.com/'>Forbidden</a>"),
        page(401, "", cf_access_domain="llm.example.com"),
    ],
)
def test_a_login_of_access_is_known(answer: Answer):
    assert is_login(answer)
    assert describe(answer, SERVICE) == LOGIN


def test_another_redirect_is_no_login():
    assert not is_login(page(302, location="https://example.com/?to=x.cloudflareaccess.com"))
    assert not is_login(page(302, location="https://cloudflareaccess.com.example.com/"))


@pytest.mark.parametrize("location", ["", "//", "http://[", "\x7f", "x" * 5000])
def test_no_redirect_breaks_it(location: str):
    assert describe(page(302, location=location), SERVICE)
