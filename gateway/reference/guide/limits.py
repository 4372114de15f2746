"""How much of everything there may be."""

from gateway.backends.client import WHOLE
from gateway.config.settings import rows
from gateway.dialects.shared.strict_json import MOST_NESTS, MOST_VALUES
from gateway.http.exchange import BODY_TIMEOUT, STUCK
from gateway.http.middleware import MAX_HEADERS
from gateway.reference.blocks import Paragraph, Section, Table

_DEFAULTS = {name: shown for name, shown, _ in rows()}


def limits() -> Section:
    table = (
        (
            "body of a request",
            f"{_setting('MAX_BODY_BYTES')}; 64 KiB where no model is asked",
            "413 `request_too_large`",
        ),
        ("its encoding", "none: no `Content-Encoding`", "415 `unsupported_encoding`"),
        ("time for it to come", f"{BODY_TIMEOUT:.0f} s", "408 `request_timeout`"),
        (
            "JSON in it",
            f"{MOST_VALUES:,} values, {MOST_NESTS:,} objects and lists; no key twice, none that "
            "differs from a known one in case only",
            "400 `invalid_request`",
        ),
        ("headers of a request", f"{MAX_HEADERS // 1024} KiB", "431 `headers_too_large`"),
        (
            "tokens of an answer",
            f"the caller's cap, the key's `max_output_tokens`, {_setting('MAX_OUTPUT_TOKENS')}, "
            "and what the key has left this month: the smallest",
            "the answer ends there, and says so as its API does (`length`, `max_tokens` …)",
        ),
        ("requests in any 60 seconds", "of the key", "429 `rate_limit_exceeded`"),
        ("tokens in a calendar month (UTC)", "of the key", "429 `insufficient_quota`"),
        (
            "requests that the model gets at once",
            _setting("UPSTREAM_CONCURRENCY"),
            "the others wait, the keys in turn",
        ),
        ("requests that wait", _setting("QUEUE_LIMIT"), "503 `server_is_overloaded`"),
        (
            "silence of the model",
            f"{_setting('OLLAMA_TIMEOUT')}, in seconds; {WHOLE} times as long for an answer in one "
            "piece, which is silent until its end",
            "504 `upstream_timeout`",
        ),
        (
            "time in which a client takes nothing of its answer",
            f"{STUCK:.0f} s",
            "it counts as gone: the model stops",
        ),
    )
    return Section(
        "Limits",
        "limits",
        (
            Paragraph("Names in capitals are settings of the owner's, with their defaults."),
            Table(("of what", "how much", "beyond it"), table),
        ),
    )


def _setting(name: str) -> str:
    return f"`{name}` ({_DEFAULTS[name]})"
