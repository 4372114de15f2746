"""What the model server says goes on in its words, without where things lie on the machine."""

import json
from typing import Any, cast

import pytest

from gateway.backends.client import ModelResponse
from gateway.backends.errors import in_public, refusal_from
from gateway.core.errors import Refusal
from tests.support.paths import RECORDINGS

FULL = "no space left on device"
LOOKUP = 'Get "https://registry.ollama.ai/v2/library/x/manifests/1b": dial tcp: lookup'


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"write /root/.ollama/models/blobs/sha256-ab-partial: {FULL}", f"write …: {FULL}"),
        (f"open /Volumes/My Disk/ollama models/blobs/x: {FULL}", f"open …: {FULL}"),
        ("mkdir /models: permission denied", "mkdir …: permission denied"),
        ("rename /a/b-partial /a/b: file exists", "rename … …: file exists"),
        ('stat "/usr/share/ollama/blobs": not found', 'stat "…": not found'),
        (r"open C:\Users\Jane Doe\.ollama\x: The disk is full.", "open …: The disk is full."),
        (r"open \\nas\models\x: The disk is full.", "open …: The disk is full."),
        ("listing ~/.ollama/models failed", "listing ~… failed"),
        (f"{LOOKUP} registry.ollama.ai on 10.0.0.53:53: no such host",) * 2,
        ("read tcp 192.168.1.5:50123->104.21.75.227:443: reset", "read tcp …->…: reset"),
        ("dial tcp [fe80::1%eth0]:443: connect: refused", "dial tcp …: connect: refused"),
        ("pull model manifest: file does not exist",) * 2,
        ("use either and/or, 3/4 of it, https://ollama.com/library/x",) * 2,
        ("two\nlines \u2028 and  blanks\n", "two lines   and  blanks"),
        ("", ""),
    ],
)
def test_words_are_kept_and_places_are_not(said: str, told: str) -> None:
    assert in_public(said) == told.replace("10.0.0.53:53", "…")


def test_endless_words_are_cut_and_soon_read() -> None:
    for piece in ("x" * 80, "/a b ", "/a", "[:", "1.1.1.", "\\\\"):
        assert len(in_public(piece * 100_000)) <= 501


class Said:
    """An answer of that status and body."""

    def __init__(self, status: int, body: bytes, *, demo: bool = False) -> None:
        self.status = status
        self.demo = demo
        self._body = body

    async def body(self) -> bytes:
        return self._body


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((400, "upstream_refused"), (404, "upstream_not_found"), (429, "upstream_busy")),
        *((500, "upstream_failed"), (503, "upstream_busy"), (504, "upstream_timeout")),
        *((302, "upstream_error"), (401, "upstream_error"), (403, "upstream_error")),
    ],
)
@pytest.mark.parametrize("body", [{"error": "ow /a/b"}, {"error": {"message": "ow /a/b"}}, {}])
async def test_a_status_becomes_the_code_that_clients_know(
    status: int, reason: str, body: dict[str, Any]
) -> None:
    answer = cast(ModelResponse, Said(status, json.dumps(body).encode()))
    refusal = await refusal_from(answer)
    assert refusal.reason == reason or (status == 404 and not body)
    words = refusal.detail
    if reason == "upstream_error":  # it is not meant for the client
        assert str(status) in words
    elif reason != "upstream_timeout":
        assert words == "ow …" if body else words


@pytest.mark.anyio
@pytest.mark.parametrize(
    "words",  # as llama.cpp says it
    [
        "image input is not supported - hint: provide the mmproj",
        "Failed to parse tool call arguments as JSON: parse error at line 1, column 1",
        "Failed to parse messages: Missing tool call type: {}",
    ],
)
async def test_what_the_client_sent_wrongly_is_no_failure_of_the_server(words: str) -> None:
    body = json.dumps({"error": {"code": 500, "message": words}}).encode()
    refusal = await refusal_from(cast(ModelResponse, Said(500, body)))
    assert (refusal.kind.status, refusal.message) == (400, words)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("recording", "told"),
    [
        ("nat-chat-image-text-model", "Multimodal data provided, but model does not"),
        ("nat-generate-images", "Multimodal data provided, but model does not"),
        ("oai-chat-image-on-text-model", "Multimodal data provided, but model does not"),
        ("oai-chat-json_schema-bad", "Field 'json_schema': \"json_schema\": JSON schema"),
    ],
)
async def test_what_ollamas_runner_refused_is_told_in_its_words_and_not_as_json(
    recording: str, told: str
) -> None:
    body = (RECORDINGS / recording / "response.body").read_bytes()
    refusal = await refusal_from(cast(ModelResponse, Said(400, body)))
    assert refusal.kind.status == 400
    assert refusal.message.startswith(told)
    assert "invalid_request_error" not in refusal.message


@pytest.mark.anyio
@pytest.mark.parametrize("words", ["{not JSON", '{"error": 7}', '{"detail": "x"}', "7", "[]"])
async def test_words_that_only_look_like_an_answer_stay_as_they_are(words: str) -> None:
    refusal = await refusal_from(
        cast(ModelResponse, Said(400, json.dumps({"error": words}).encode()))
    )
    assert refusal.message == words


@pytest.mark.anyio
@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(
    "body",
    [
        b"404 page not found",  # Ollama before it had the route
        b'{"detail":"Not Found"}',  # llama-cpp-python, vLLM
        b'{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}',  # llama.cpp
        b'{"error":"Method Not Allowed"}',
        b"",
    ],
)
async def test_a_route_that_the_model_server_lacks_is_not_told_as_a_model_that_is_missing(
    status: int, body: bytes
) -> None:
    refusal = await refusal_from(cast(ModelResponse, Said(status, body)))
    assert (refusal.kind.status, refusal.kind.code) == (501, "not_supported")
    assert "/v1/chat/completions" in refusal.message


@pytest.mark.anyio
@pytest.mark.parametrize(
    "words",
    ["model 'a/b:1b' not found", 'model "a/b:1b" not found, try pulling it first'],
)
async def test_a_model_that_ollama_does_not_know_is_told_in_one_way(words: str) -> None:
    body = json.dumps({"error": {"message": words}}).encode()
    refusal = await refusal_from(cast(ModelResponse, Said(404, body)))
    assert refusal.message == "model 'a/b:1b' not found"
    assert (refusal.kind.code, refusal.param) == ("model_not_found", "model")


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_what_the_demo_model_refuses_says_that_it_is_the_demo_and_what_to_do(
    status: int,
) -> None:
    for body in (b'{"error": "too long"}', b"{}"):
        refusal = await refusal_from(cast(ModelResponse, Said(status, body, demo=True)))
        assert "demo model" in refusal.message
        assert "Start Ollama" in refusal.message


@pytest.mark.anyio
async def test_what_is_no_json_is_refused_without_its_words() -> None:
    for body in (b"", b"<html>SECRET", b"\xff", b'{"error":7}'):
        refusal = await refusal_from(cast(ModelResponse, Said(500, body)))
        assert refusal == Refusal("upstream_failed", "The model server failed.")
