"""The examples in front of the demo model, as on a machine without Ollama: real tokens, counted."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.examples.example_files import PROGRAMS, Example, copied, run_quickly
from tests.support.callers import counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.gateway_process import free_port, fresh_directory

pytestmark = pytest.mark.demo
TOKENS = 8  # of each answer: they are slow where there is only a processor
NATIVE = [one for one in PROGRAMS if "ollama" in one.files[0]]
SERVED = [one for one in PROGRAMS if one not in NATIVE]


@pytest.fixture(scope="module")
def up() -> Iterator[GatewayProcess]:
    """`localllm up` where no Ollama answers."""
    with fresh_directory() as home:
        gateway = GatewayProcess(home, f"http://127.0.0.1:{free_port()}", MAX_OUTPUT_TOKENS=TOKENS)
        asyncio.run(gateway.start("up"))
        assert gateway.running is not None
        try:
            gateway.running.wait_for("Data: ")
            yield gateway
            assert asyncio.run(gateway.stop()) == 0
        finally:
            if gateway.running is not None:
                gateway.running.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("examples"))


@pytest.mark.parametrize("example", SERVED, ids=lambda example: example.files[0])
def test_it_prints_what_the_demo_model_says_and_each_token_is_counted(
    up: GatewayProcess, folder: Path, example: Example
) -> None:
    key = make_key(up.url)
    done = run_quickly(example, folder, LOCALLLM_URL=up.url, LOCALLLM_KEY=key)
    assert (done.returncode, done.stderr) == (0, "")
    requests, prompt, completion = counted(up.url, key)
    assert requests == 1
    assert 0 < completion <= TOKENS
    if example.files[0] == "curl.sh":
        events = re.findall(r"^data: (\{.*\})$", done.stdout, re.MULTILINE)
        [usage] = [used for event in events if (used := json.loads(event).get("usage"))]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, completion)
        assert f'"tokens_used":{prompt + completion}' in done.stdout
        return
    text, _, report = done.stdout.rstrip().rpartition("\n")
    assert re.search(r"\w", text)
    told = re.fullmatch(r"\[(\d+) tokens in, (\d+) out\]", report)
    assert told is not None
    assert int(told[2]) == completion
    if "anthropic" in example.files[0]:  # there it reports what was not in its cache; we count all
        assert 0 < int(told[1]) <= prompt
    else:
        assert int(told[1]) == prompt


@pytest.mark.parametrize("example", NATIVE, ids=lambda example: example.files[0])
def test_ollama_s_own_language_needs_an_ollama_and_the_example_says_so(
    up: GatewayProcess, folder: Path, example: Example
) -> None:
    key = make_key(up.url)
    done = run_quickly(example, folder, LOCALLLM_URL=up.url, LOCALLLM_KEY=key)
    assert (done.returncode, done.stdout.strip()) == (1, "")
    assert "Ollama" in done.stderr
    assert counted(up.url, key) == (0, 0, 0)
