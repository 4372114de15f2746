"""Signs of life while nothing comes: the clients of npm pass over them and read what follows."""

from collections.abc import Iterator

import pytest

from tests.e2e.examples import behaviours
from tests.e2e.examples.node_client import NodeClient, Result
from tests.support.callers import counted, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import PROMPT_TOKENS, WORDS, Exchange, FakeUpstream, Gate, answer

ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))


@pytest.fixture(scope="module")
def beating(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """A gateway that shows a sign of life soon."""
    with served(shared_upstream.url, shared_dsn, HEARTBEAT_SECONDS=0.05) as running:
        yield running


def asked(
    client: NodeClient, gateway: GatewayProcess, key: str, gates: list[Gate], **command: object
) -> Result:
    """What the client makes of an answer; a gate is opened after each three signs in a row."""
    streams = command["stream"] and client.name != "ollama"
    client.begin(gateway.url, key, watch=": working\n\n" if streams else " ", **command)
    for gate in gates:
        assert client.line() == {"beats": 3}
        gate.open()
    return client.end()


def test_signs_before_and_within_a_stream_are_passed_over(
    upstream: FakeUpstream, beating: GatewayProcess, client: NodeClient
) -> None:
    before, between, behind = gates = [upstream.gate(), upstream.gate(), upstream.gate()]

    async def halting(exchange: Exchange) -> None:
        await before.passed()
        await behaviours.begin(exchange)
        await between.passed()
        await behaviours.go_on(exchange)
        await behind.passed()
        await behaviours.finish(exchange)

    upstream.behave = halting
    key = make_key(beating.url)
    got = asked(client, beating, key, gates, stream=True)
    assert got.error is None
    assert got.text == [*WORDS, *WORDS]
    assert (got.usage, got.warnings) == (ONE_CALL[1:], [])
    assert counted(beating.url, key) == ONE_CALL


def test_signs_before_a_whole_answer_are_passed_over(
    upstream: FakeUpstream, beating: GatewayProcess, client: NodeClient
) -> None:
    gate = upstream.gate()

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    upstream.behave = slow
    key = make_key(beating.url)
    got = asked(client, beating, key, [gate], stream=False)
    assert got.text == ["".join(WORDS)]
    assert (got.usage, got.warnings) == (ONE_CALL[1:], [])
    assert counted(beating.url, key) == ONE_CALL


@pytest.mark.parametrize("how", ["refused", "broken off"])
def test_an_error_behind_signs_of_life_is_still_the_client_s_error(
    upstream: FakeUpstream, beating: GatewayProcess, client: NodeClient, how: str
) -> None:
    gates = [upstream.gate()]

    async def fail(exchange: Exchange) -> None:
        if how == "refused":
            await gates[0].passed()
            await behaviours.not_found(exchange)
        else:
            await behaviours.begin(exchange)
            await gates[0].passed()
            exchange.cut()

    upstream.behave = fail
    got = asked(client, beating, make_key(beating.url), gates, stream=True)
    assert got.text == ([] if how == "refused" else list(WORDS))
    told = "model 'fake:latest' not found" if how == "refused" else "stopped before"
    assert told in got.problem.message
    assert got.warnings == []
