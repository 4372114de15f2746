"""Each example, run as its README says: what it prints, what it costs, and how it fails."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.examples import behaviours
from tests.e2e.examples.example_files import (
    MISSING,
    PROGRAMS,
    Example,
    copied,
    run,
    run_quickly,
)
from tests.support.callers import counted
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream
from tests.support.gateway_process import free_port

QUESTION = "Why is the sky blue?"
REPORT = f"[{PROMPT_TOKENS} tokens in, {len(WORDS)} out]\n"
each = pytest.mark.parametrize("example", PROGRAMS, ids=lambda example: example.files[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("examples"))


@each
def test_it_prints_the_answer_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, folder: Path, example: Example
) -> None:
    done = run(example, folder, LOCALLLM_URL=gateway.url, LOCALLLM_KEY=key, LOCALLLM_MODEL=MODEL)
    assert (done.returncode, done.stderr) == (0, "")
    if example.files[0] == "curl.sh":
        said = re.findall(r'"content": "(.*?)"', done.stdout)
        assert said == list(WORDS)
        assert "data: [DONE]" in done.stdout
        assert f'"tokens_used":{PROMPT_TOKENS + len(WORDS)}' in done.stdout
    else:
        assert done.stdout == f"{''.join(WORDS)}\n{REPORT}"
    assert counted(gateway.url, key) == (1, PROMPT_TOKENS, len(WORDS))
    [chat] = upstream.chats
    assert chat.json["model"] == MODEL
    assert QUESTION in str(chat.json["messages"])
    assert "50" in re.findall(r'"(?:max_tokens|num_predict)":\s*(\d+)', chat.body.decode())


@each
def test_it_says_what_it_needs(folder: Path, example: Example) -> None:
    for environ in ({"LOCALLLM_URL": "http://127.0.0.1:9"}, {"LOCALLLM_KEY": "x"}):
        done = run_quickly(example, folder, **environ)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", MISSING)


@each
def test_it_says_why_it_was_refused(
    upstream: FakeUpstream, gateway: GatewayProcess, folder: Path, example: Example
) -> None:
    done = run_quickly(example, folder, LOCALLLM_URL=gateway.url, LOCALLLM_KEY="llm_" + "0" * 26)
    assert done.returncode != 0
    assert "not a valid API key" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "    at " not in done.stderr
    assert upstream.chats == []


@pytest.fixture(scope="module")
def without_gateway(folder: Path) -> Iterator[dict[Example, Future[CompletedProcess[str]]]]:
    """What becomes of each where nobody listens. All at once: most wait a while and try again."""
    environ = {"LOCALLLM_URL": f"http://127.0.0.1:{free_port()}", "LOCALLLM_KEY": "llm_x"}
    with ThreadPoolExecutor(len(PROGRAMS)) as pool:
        yield {one: pool.submit(run_quickly, one, folder, **environ) for one in PROGRAMS}


@each
def test_it_ends_with_an_error_where_there_is_no_gateway(
    without_gateway: dict[Example, Future[CompletedProcess[str]]], example: Example
) -> None:
    done = without_gateway[example].result()
    assert done.returncode != 0
    assert done.stdout.strip() == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
    assert "    at " not in done.stderr


@each
def test_an_answer_that_breaks_off_is_an_error_behind_it(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, folder: Path, example: Example
) -> None:
    async def break_off(exchange: Exchange) -> None:
        await behaviours.break_off(exchange, "cut")

    upstream.behave = break_off
    done = run_quickly(
        example, folder, LOCALLLM_URL=gateway.url, LOCALLLM_KEY=key, LOCALLLM_MODEL=MODEL
    )
    said = re.sub(r'.*?"content": "(.*?)".*\n*', r"\1", done.stdout)
    assert said.startswith("".join(WORDS))
    assert "The model stopped before its answer was complete." in done.stdout + done.stderr
    if example.files[0] != "curl.sh":  # to which an event is as good as any other
        assert done.returncode == 1
    assert counted(gateway.url, key)[2] == len(WORDS)
