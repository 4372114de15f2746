"""Routes that cost no tokens are bounded for each key all the same."""

from gateway.http.read_rate import PER_MINUTE
from tests.support.callers import bearer, connect, make_key
from tests.support.failing_parts import GatewayProcess

QUESTION = {"model": "fake:latest", "messages": [{"role": "user", "content": "Say hello."}]}


def test_estimates_are_counted_with_what_else_a_key_only_asks(gateway: GatewayProcess) -> None:
    path, headers = "/v1/messages/count_tokens", bearer(make_key(gateway.url))
    with connect(gateway.url) as client:
        for _ in range(2 * PER_MINUTE):
            answer = client.post(path, json=QUESTION, headers=headers)
            if answer.status_code == 429:
                break
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/v1/usage", headers=headers).status_code == 429
        other = bearer(make_key(gateway.url))
        assert client.post(path, json=QUESTION, headers=other).status_code == 200
