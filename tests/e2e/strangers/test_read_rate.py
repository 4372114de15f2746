"""Routes that cost no tokens are bounded for each key all the same."""

import httpx

from gateway.http.read_rate import PER_MINUTE
from tests.support.callers import bearer, connect, make_key
from tests.support.failing_parts import GatewayProcess

QUESTION = {"model": "fake:latest", "messages": [{"role": "user", "content": "Say hello."}]}


def test_estimates_are_counted_with_what_else_a_key_only_asks(gateway: GatewayProcess) -> None:
    headers = bearer(make_key(gateway.url))
    with connect(gateway.url) as client:

        def refused(method: str, path: str, within: int, body: object = None) -> httpx.Response:
            """The first refusal of those: while one asks, some come free again."""
            for _ in range(within):
                answer = client.request(method, path, json=body, headers=headers)
                if answer.status_code == 429:
                    return answer
            raise AssertionError(f"{path}: not one of {within} was refused")

        answer = refused("POST", "/v1/messages/count_tokens", 2 * PER_MINUTE, QUESTION)
        assert int(answer.headers["retry-after"]) >= 1
        refused("GET", "/v1/usage", PER_MINUTE // 2)
        other = bearer(make_key(gateway.url))
        answer = client.post("/v1/messages/count_tokens", json=QUESTION, headers=other)
        assert answer.status_code == 200
