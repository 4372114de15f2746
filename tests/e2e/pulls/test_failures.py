"""A pull that fails tells all who wait, in Ollama's words, and none of them takes it for done."""

import asyncio
import json

import httpx
import openai
import pytest
from openai import OpenAI, Stream

from tests.support.callers import bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_pull import MANIFEST, STREAMS, layer, pull_fails, pull_slowly, say
from tests.support.fake_upstream import Exchange, FakeUpstream, fake_upstream
from tests.support.paths import RECORDINGS
from tests.support.puller import NEW, PATH, events, pull, pulling

SCOPES = ["models:pull"]


@pytest.fixture(scope="module")
def puller(gateway: GatewayProcess) -> str:
    return make_key(gateway.url, scopes=SCOPES)


async def for_ever() -> None:
    await asyncio.Event().wait()


def failure(answer: httpx.Response) -> dict[str, object]:
    """The error of a refusal, or the one that ends a stream, which says nothing of success."""
    assert '"done":true' not in answer.text
    assert "[DONE]" not in answer.text
    if answer.status_code != 200:  # it came before there was anything to tell
        return answer.json()["error"]
    return events(answer.text)[-1]["error"]


@pytest.mark.parametrize(
    ("words", "status", "code", "told"),
    [
        (
            "pull model manifest: file does not exist",
            404,
            "model_not_found",
            f"model '{NEW}' not found: pull model manifest: file does not exist",
        ),
        (
            "max retries exceeded: write /root/.ollama/models/blobs/sha256-b-partial: "
            "no space left on device",
            *(500, "upstream_error", "max retries exceeded: write …: no space left on device"),
        ),
    ],
)
def test_an_error_within_a_200_is_an_error_for_the_caller(
    upstream: FakeUpstream,
    client: httpx.Client,
    puller: str,
    words: str,
    status: int,
    code: str,
    told: str,
) -> None:
    upstream.pull = pull_fails(words)
    whole = pull(client, puller)
    assert whole.status_code == status
    assert whole.json()["error"]["code"] == code
    assert whole.json()["error"]["message"] == told
    assert failure(pull(client, puller, stream=True)) == whole.json()["error"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("nat-pull-missing", 400),
        ("nat-pull-unreachable", 500),
        ("nat-pull-unreachable-stream", 500),
        ("nat-pull-other-host", 500),
    ],
)
def test_what_a_real_ollama_refused_is_told_in_its_words(
    upstream: FakeUpstream, client: httpx.Client, puller: str, name: str, status: int
) -> None:
    folder = RECORDINGS / name
    body = (folder / "response.body").read_bytes()
    recorded = json.loads((folder / "meta.json").read_text("utf-8"))

    async def replay(exchange: Exchange) -> None:
        if recorded["status"] != 200:
            await exchange.whole(body, recorded["status"])
            return
        await exchange.head(STREAMS)
        await exchange.send(body)
        await exchange.end()

    upstream.pull = replay
    answer = pull(client, puller)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    words = json.loads(body.splitlines()[-1])["error"]
    beginning, _, _ = words.partition("10.255.255.53")
    assert message.startswith(beginning.partition("127.0.0.1")[0])
    assert "10.255" not in message
    assert "127.0.0.1" not in message


def test_an_ollama_that_dies_in_the_middle_is_an_error_for_all_who_wait(
    puller: str, shared_dsn: str
) -> None:
    with (
        fake_upstream() as mortal,
        served(mortal.url, shared_dsn) as gateway,
        connect(gateway.url) as client,
    ):
        mortal.pull = pull_slowly(for_ever)
        with pulling(client, puller) as first, pulling(client, puller) as second:
            first.until(completed=400)
            second.until(completed=400)
            mortal.stop()
            for told in (first, second):
                [last] = [json.loads(text) for text in told.rest()]
                assert last["error"]["code"] == "upstream_error"
        answer = pull(client, puller)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        mortal.start()
        mortal.reset()
        assert pull(client, puller).status_code == 200  # nothing of the failure stays


def test_an_ollama_that_ends_without_success_is_an_error(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    async def half(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await say(exchange, MANIFEST, layer(1000))
        await exchange.end()

    upstream.pull = half
    answer = pull(client, puller)
    assert answer.status_code == 502
    assert "half-way" in answer.json()["error"]["message"]
    assert failure(pull(client, puller, stream=True))["code"] == "upstream_error"


def test_a_silent_ollama_is_an_error_for_all_who_wait_and_frees_the_place(
    upstream: FakeUpstream, puller: str, shared_dsn: str
) -> None:
    upstream.pull = pull_slowly(for_ever)
    settings = {"OLLAMA_TIMEOUT": 1, "HEARTBEAT_SECONDS": 0.2}
    with served(upstream.url, shared_dsn, **settings) as gateway, connect(gateway.url) as client:
        body = {"model": NEW}
        with (
            pulling(client, puller) as told,
            client.stream("POST", PATH, json=body, headers=bearer(puller)) as whole,
        ):
            told.until(completed=400)
            last = json.loads(told.rest()[-1])
            assert last["error"]["code"] == "upstream_timeout"
            late = json.loads(whole.read())  # its head was sent with the first sign of life
            assert late["error"]["code"] == "upstream_timeout"
        upstream.wait_until(lambda: all(one.gone for one in upstream.pulls))
        upstream.reset()
        assert pull(client, puller).status_code == 200


def test_a_gateway_that_stops_tells_who_waits_and_lets_ollama_stop(
    puller: str, upstream: FakeUpstream, shared_dsn: str
) -> None:
    upstream.pull = pull_slowly(for_ever)
    with served(upstream.url, shared_dsn) as gateway, connect(gateway.url) as client:
        with pulling(client, puller) as told:
            told.until(completed=400)
            assert gateway.running is not None
            gateway.running.process.terminate()
            [last] = [json.loads(text) for text in told.rest()]
            assert last["error"]["code"] == "server_is_overloaded"
            assert "restarting" in last["error"]["message"]
        upstream.wait_until(lambda: upstream.pulls[0].gone)
        gateway.running.wait_for(r"pull of qwen2.5:7b, 400 bytes: This server is restarting")


def test_openai_s_client_reads_the_progress_and_raises_the_failure(
    upstream: FakeUpstream, gateway: GatewayProcess, puller: str
) -> None:
    async def fail_late(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await say(exchange, MANIFEST, layer(400))
        await say(exchange, {"error": "the digest does not match"})
        await exchange.end()

    def ask() -> list[object]:
        with OpenAI(base_url=f"{gateway.url}/v1", api_key=puller, max_retries=0) as client:
            stream = client.post(
                "/models/pull",
                body={"model": NEW, "stream": True},
                cast_to=object,
                stream=True,
                stream_cls=Stream[object],
            )
            return list(stream)

    *_, last = ask()
    assert isinstance(last, dict)
    assert last["done"] is True
    upstream.pull = fail_late
    with pytest.raises(openai.APIError, match="the digest does not match"):
        ask()
