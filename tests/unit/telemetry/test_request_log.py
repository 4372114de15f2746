"""The log line of a request: its fields, and that nothing in it can break it."""

import json
import logging
from uuid import UUID

import pytest

from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.core.keys import make_key
from gateway.core.record import Record
from gateway.telemetry.json_log import JsonLines
from gateway.telemetry.request_log import RequestLog

KEY = UUID(int=1)
HOSTILE = [
    "a\nb",
    "a\r\nforged ok http_status=200",
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "\u202egnp.exe",
    "\u2028",
    'a" code="b',
    "a b=c",
    "x\x00y\x7f",
]


def record(**changes: object) -> Record:
    given = {
        "id": UUID(int=7),
        "method": "POST",
        "route": "/v1/chat/completions",
        "began": 0.0,
        "for_model": True,
        "key_id": KEY,
        "model": "qwen2.5:7b",
        "backend": "ollama-1",
        "stream": True,
        "status": "ok",
        "http_status": 200,
        "usage_source": "reported",
        "prompt_tokens": 12,
        "completion_tokens": 30,
        "ttft_ms": 80,
        "duration_ms": 900,
    }
    return Record(**{**given, **changes})  # type: ignore[arg-type]


def logged(caplog: pytest.LogCaptureFixture, one: Record) -> logging.LogRecord:
    caplog.set_level("INFO", "localllm.requests")
    RequestLog(Settings(), lambda: False)(one, {"headers": [], "client": ("127.0.0.1", 1)})
    [line] = caplog.records
    return line


def test_a_request_is_one_line_with_the_fields_of_the_request_log(
    caplog: pytest.LogCaptureFixture,
):
    line = logged(caplog, record())
    assert line.getMessage() == (
        "POST /v1/chat/completions ok id=00000000-0000-0000-0000-000000000007 http_status=200 "
        f"api_key_id={KEY} duration_ms=900 model=qwen2.5:7b backend=ollama-1 stream=true "
        "usage_source=reported prompt_tokens=12 completion_tokens=30 total_tokens=42 ttft_ms=80"
    )
    told = json.loads(JsonLines().format(line))
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "info",
        "logger": "localllm.requests",
        "message": "request",
        "id": "00000000-0000-0000-0000-000000000007",
        "method": "POST",
        "route": "/v1/chat/completions",
        "status": "ok",
        "http_status": 200,
        "code": None,
        "api_key_id": str(KEY),
        "visitor": None,
        "duration_ms": 900,
        "model": "qwen2.5:7b",
        "backend": "ollama-1",
        "stream": True,
        "usage_source": "reported",
        "prompt_tokens": 12,
        "completion_tokens": 30,
        "total_tokens": 42,
        "ttft_ms": 80,
    }


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", ["route", "method", "model", "refused"])
def test_no_name_ends_the_line_colours_it_or_adds_a_field(
    text: str, field: str, caplog: pytest.LogCaptureFixture
):
    if field == "refused":
        refused = Refusal("unknown_model", model=text)
        one = record(model="", status="refused", http_status=404, refusal=refused)
    else:
        one = record(**{field: text})
    line = logged(caplog, one)
    shown, written = line.getMessage(), JsonLines().format(line)
    for told in (shown, written):
        assert told.isascii()
        assert told.isprintable()
    assert shown.count(" http_status=") <= 1 or '"' in shown
    assert text.encode("unicode_escape").decode() != text or json.dumps(text) in shown
    assert json.loads(written)["model" if field == "refused" else field] == text


def test_a_key_in_a_path_or_in_the_place_of_a_model_is_hidden(caplog: pytest.LogCaptureFixture):
    key = make_key("llm")
    refused = Refusal("unknown_model", model=key)
    line = logged(caplog, record(route=f"/v1/{key}/x", model="", refusal=refused))
    assert key not in line.getMessage() + JsonLines().format(line)
    assert "llm_" in line.getMessage()


def test_who_called_is_told_with_debug_alone(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "localllm.requests")
    scope = {"headers": [(b"cf-ray", b"8c1f-FRA")], "client": ("203.0.113.9", 1)}
    for debug in (False, True):
        RequestLog(Settings(debug=debug), lambda: False)(record(), scope)
    quiet, debugged = (line.getMessage() for line in caplog.records)
    assert "203.0.113.9" not in quiet
    assert debugged.endswith("caller=203.0.113.9 ray=8c1f-FRA")


def test_what_asked_no_model_has_no_tokens(caplog: pytest.LogCaptureFixture):
    line = logged(caplog, record(for_model=False, route="/health", method="GET", key_id=None))
    assert "tokens" not in JsonLines().format(line)


def test_other_lines_are_json_too_with_their_exception():
    try:
        raise ValueError("a\nb")
    except ValueError as problem:
        error = (ValueError, problem, problem.__traceback__)
    line = logging.LogRecord("localllm", logging.ERROR, "", 0, "%s failed", ("x\ny",), error)
    told = json.loads(JsonLines().format(line))
    assert (told["level"], told["message"]) == ("error", "x\ny failed")
    assert "ValueError" in told["exception"]
    assert "\n" not in JsonLines().format(line)
