"""Where an alias takes the place of the real name in an answer, and where it does not."""

import pytest

from gateway.dialects.generate import GENERATE
from gateway.dialects.ollama.chat import OLLAMA_CHAT
from gateway.dialects.protocol import Sanitised
from gateway.proxy import alias_echo
from gateway.proxy.sanitise import sanitise

ARGUMENTS = b'"message":{"tool_calls":[{"function":{"arguments":{"model":"fake"}}}]}'


def asked() -> Sanitised:
    body = b'{"model":"gpt","messages":[{"role":"user"}]}'
    found = sanitise(OLLAMA_CHAT, body, {"gpt:latest": "fake"}, "another")
    assert isinstance(found, Sanitised)
    found.sent = "fake"
    return found


@pytest.mark.parametrize(
    ("default", "alias", "canonical", "cloud"),
    [
        ("Small", None, "small:latest", False),
        ("big:Cloud", None, "big:cloud", True),
        ("gpt", "gpt", "fake:latest", False),
    ],
)
def test_where_no_model_is_named_the_default_one_is_asked(
    default: str, alias: str | None, canonical: str, cloud: bool
) -> None:
    found = sanitise(GENERATE, b'{"prompt":"Hi"}', {"gpt:latest": "fake"}, default)
    assert isinstance(found, Sanitised)
    assert (found.alias, found.model, found.cloud) == (alias, canonical, cloud)
    assert found.parsed.model == ("fake" if alias else default)


@pytest.mark.parametrize("whole", [False, True])
def test_the_arguments_of_a_tool_keep_the_name_that_the_model_wrote(whole: bool) -> None:
    echo = alias_echo.echo(asked(), whole=whole)
    assert echo is not None
    line = b'{"model":"%s",' + ARGUMENTS + b"}\n"
    assert echo(line % b"fake") == line % b"gpt"
    assert echo(line % b"another") == line % b"another"


def test_each_line_of_a_stream_names_the_alias() -> None:
    echo = alias_echo.echo(asked(), whole=False)
    assert echo is not None
    line = b'{"model": "%s","done":false}\n'
    event = b'event: x\ndata: {"response":{"model":"%s"}}\n\n'
    assert echo((line * 2 + event) % ((b"fake",) * 3)) == (line * 2 + event) % ((b"gpt",) * 3)
