"""Who may not use a model learns nothing of it: neither that it is here, nor where it runs."""

import pytest

from tests.support.callers import bearer, connect, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import CLOUD_MODEL, MODEL

ASKED = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
BODIES = {
    "/v1/chat/completions": ASKED,
    "/v1/messages": ASKED,
    "/api/chat": ASKED,
    "/v1/completions": {"prompt": "x"},
    "/v1/responses": {"input": "x"},
    "/v1/embeddings": {"input": "x"},
    "/v1/generate": {"prompt": "x"},
    "/api/generate": {"prompt": "x"},
    "/api/generate?": {},  # loads it
    "/api/embed": {"input": "x"},
}


@pytest.mark.parametrize("path", BODIES)
def test_models_that_a_key_may_not_use_are_all_the_same_to_it(
    gateway: GatewayProcess, path: str
) -> None:
    key = bearer(make_key(gateway.url, allowed_models=["elsewhere:latest"]))
    told: set[str] = set()
    with connect(gateway.url) as client:
        for model in (MODEL, CLOUD_MODEL, "absent:latest", "absent:1b-cloud"):
            answer = client.post(path, json={**BODIES[path], "model": model}, headers=key)
            assert answer.status_code == 403
            message = answer.json()["error"]
            message = message if isinstance(message, str) else message["message"]
            told.add(message.replace(model, "it"))
    assert len(told) == 1, told
