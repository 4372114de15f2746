"""A recording becomes a chat about it; its form is read as clients send it."""

import json
from base64 import b64decode, b64encode

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.openai.transcriptions import TRANSCRIPTIONS
from gateway.dialects.protocol import Sanitised

WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data" + bytes(
    64_000
)


def form(*parts: tuple[str, bytes], boundary: str = "XX") -> bytes:
    """As a browser or an SDK writes it."""
    body = b""
    for name, value in parts:
        file = b'; filename="a.wav"\r\nContent-Type: audio/wav' if name == "file" else b""
        head = b'Content-Disposition: form-data; name="%s"%s' % (name.encode(), file)
        body += b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), head, value)
    return body + b"--%s--\r\n" % boundary.encode()


def sent(body: bytes) -> dict[str, object]:
    request = TRANSCRIPTIONS.sanitise(body)
    assert isinstance(request, Sanitised), request
    serialised = TRANSCRIPTIONS.serialise(request, 50)
    assert isinstance(serialised, bytes)
    return json.loads(serialised)


@pytest.mark.parametrize(
    "boundary", ["XX", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a'()+_,-./:=?"]
)
def test_the_recording_reaches_the_model_whole_and_with_the_granted_cap(boundary: str):
    asked = sent(form(("model", b"hears"), ("file", WAV), ("language", b"en"), boundary=boundary))
    system, user = asked["messages"]  # type: ignore[misc]
    assert "The language is en." in system["content"]
    recording = user["content"][1]["input_audio"]
    assert b64decode(recording["data"]) == WAV
    assert recording["format"] == "wav"
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("hears", 50, 0.0)
    assert "stream" not in asked


def test_json_says_the_same_as_a_form():
    body = {"model": "hears", "file": b64encode(WAV).decode(), "temperature": 0.5}
    as_form = form(("model", b"hears"), ("file", WAV), ("temperature", b"0.5"))
    assert sent(json.dumps(body).encode()) == sent(as_form)


@pytest.mark.parametrize(
    "body",
    [
        form(("model", b"hears")),
        form(("model", b"hears"), ("file", b"")),
        form(("model", b"hears"), ("model", b"other"), ("file", WAV)),
        form(("model", b"\xff"), ("file", WAV)),
        form(("file", WAV), ("response_format", b"srt")),
        form(("file", WAV), ("temperature", b"hot")),
        form(("file", WAV))[:-20],
        b"--XX\r\n\r\n",
        b"--XX\r\nContent-Disposition: nonsense\r\n\r\nx\r\n--XX--\r\n",
        form(*[(f"f{number}", b"x") for number in range(100)]),
        json.dumps({"file": "not base64!"}).encode(),
        b"",
    ],
)
def test_what_is_no_recording_is_refused(body: bytes):
    assert isinstance(TRANSCRIPTIONS.sanitise(body), Refusal)


def test_fields_that_are_not_known_or_empty_do_not_matter():
    plain = form(("model", b"hears"), ("file", WAV))
    more = form(
        *(("model", b"hears"), ("file", WAV), ("prompt", b"")),
        *(("timestamp_granularities[]", b"word"), ("timestamp_granularities[]", b"segment")),
    )
    assert sent(plain) == sent(more)


def test_two_seconds_are_estimated_as_fifty_tokens_beside_the_text():
    request = TRANSCRIPTIONS.sanitise(form(("file", WAV)))
    silence = TRANSCRIPTIONS.sanitise(form(("file", WAV[:45])))
    assert isinstance(request, Sanitised)
    assert isinstance(silence, Sanitised)
    assert request.prompt_bytes - silence.prompt_bytes == pytest.approx(4 * 25 * 2, abs=100)
    assert request.prompt_bound > request.prompt_bytes // 4


def test_of_what_stands_before_a_form_little_is_read():
    """To look through 20 MB of line ends would hold all other requests up for half a second."""
    recording = form(("file", WAV), ("model", b"m"))
    assert isinstance(TRANSCRIPTIONS.sanitise(b"\r\n" * 100 + recording), Sanitised)
    assert isinstance(TRANSCRIPTIONS.sanitise(b"\r\n" * 1000 + recording), Refusal)
