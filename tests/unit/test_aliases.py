"""Where an alias takes the place of the real name in an answer, and where it does not."""

import pytest

from gateway import aliases
from gateway.dialects.base import Sanitised
from gateway.dialects.ollama_chat import OllamaChat

ARGUMENTS = b'"message":{"tool_calls":[{"function":{"arguments":{"model":"fake"}}}]}'


def asked() -> Sanitised:
    found = OllamaChat().sanitise(b'{"model":"gpt","messages":[{"role":"user"}]}')
    assert isinstance(found, Sanitised)
    aliases.resolve({"gpt:latest": "fake"}, found)
    found.sent = "fake"
    return found


@pytest.mark.parametrize("whole", [False, True])
def test_the_arguments_of_a_tool_keep_the_name_that_the_model_wrote(whole: bool) -> None:
    echo = aliases.echo(asked(), whole=whole)
    assert echo is not None
    line = b'{"model":"%s",' + ARGUMENTS + b"}\n"
    assert echo(line % b"fake") == line % b"gpt"
    assert echo(line % b"another") == line % b"another"


def test_each_line_of_a_stream_names_the_alias() -> None:
    echo = aliases.echo(asked(), whole=False)
    assert echo is not None
    line = b'{"model": "%s","done":false}\n'
    event = b'event: x\ndata: {"response":{"model":"%s"}}\n\n'
    assert echo((line * 2 + event) % ((b"fake",) * 3)) == (line * 2 + event) % ((b"gpt",) * 3)
