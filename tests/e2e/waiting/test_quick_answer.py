"""Who need not wait sees nothing of what is made for those who do."""

from tests.support.callers import connect
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all

__all__ = ["upstream_of_all"]


def test_an_answer_that_is_quick_has_its_length_and_no_signs_of_life(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    """Quicker than the usual time between two of them, which is long enough for a busy machine."""
    with connect(gateway.url) as client:
        body = {"model": "fake", "messages": [{"role": "user", "content": "hi"}]}
        answer = client.post(
            "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}
        )
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.content.startswith(b"{")
