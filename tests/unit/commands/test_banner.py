"""The line that `up` prints works when pasted into a shell."""

import json
import shlex
from pathlib import Path

import pytest

from gateway.commands.banner import curl_line, print_banner
from gateway.config.settings import Settings


def test_the_line_asks_for_a_stream_of_the_model_with_the_key() -> None:
    words = shlex.split(curl_line("http://127.0.0.1:8000", "llm_secret", "gemma3:270m"))
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8000/v1/chat/completions"]
    assert "Authorization: Bearer llm_secret" in words
    body = json.loads(words[words.index("-d") + 1])
    assert (body["model"], body["stream"]) == ("gemma3:270m", True)


@pytest.mark.parametrize("model", ["it's", 'a"b', "$(touch x)", "ü`x`"])
def test_no_model_name_can_break_out_of_the_line(model: str) -> None:
    words = shlex.split(curl_line("http://h", "k", model))
    assert json.loads(words[-1])["model"] == model


def test_without_a_key_the_shell_fills_it_in() -> None:
    assert '"Authorization: Bearer $LOCALLLM_KEY"' in curl_line("http://h", None, "m")


@pytest.mark.parametrize(
    ("settings", "file", "told"),
    [
        (Settings(admin_secret="of the file"), Path("/data/admin-secret"), "/data/admin-secret"),
        (Settings(admin_secret="of the owner"), None, "your ADMIN_SECRET"),
        (
            Settings(supabase_url="https://ref.supabase.co", supabase_gateway_token="token"),
            None,
            "that of the Supabase function 'admin'",
        ),
    ],
)
def test_it_says_where_the_console_is_and_its_secret_but_never_the_secret(
    settings: Settings, file: Path | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_banner(settings, "llm_key", "m", "a model", secret_file=file)
    shown = capsys.readouterr().out
    assert "Console: http://127.0.0.1:8000/console\n" in shown
    assert told in shown
    assert settings.admin_secret == "" or settings.admin_secret not in shown
