"""Headers that no client sends: a refusal like any other, and nothing in the owner's log."""

import pytest

from tests.support.failing_parts import GatewayProcess
from tests.support.raw_client import ask, refused, request

SHOWN = [
    *("Bearer eyJ.\xff", "Bearer eyJhbGciOiJub25lIn0.\xe9.x", "\xff\xfe", "Bearer \xa0"),
    *("Basic \xff", "Basic ====", "Basic eyJ6Ii46/w==", "Bearer " + "a " * 10_000),
]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/v1/visitor-tokens"])
@pytest.mark.parametrize("shown", SHOWN, ids=range(len(SHOWN)))
def test_what_can_be_no_key_is_refused_whatever_its_bytes(
    gateway: GatewayProcess, path: str, shown: str
) -> None:
    method = "GET" if path == "/v1/models" else "POST"
    answer = ask(gateway.port, request(method, path, b"", f"Authorization: {shown}"))
    refused(answer, 401, "invalid_api_key")
    assert gateway.running is not None
    assert "Traceback" not in gateway.running.output


@pytest.mark.parametrize("path", ["/v1/models", "/v1/usage", "/nothing", "/health"])
@pytest.mark.parametrize("host", ["nas:http", "nas:99999", "http://nas", "::1]", "localhost:\xb2"])
def test_a_host_that_no_client_names_is_answered_in_our_words(
    gateway: GatewayProcess, path: str, host: str
) -> None:
    asked = request("GET", path).replace(b"localhost", host.encode("latin-1"))
    answer = ask(gateway.port, asked)
    assert answer.status < 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert gateway.running is not None
    assert "Traceback" not in gateway.running.output
