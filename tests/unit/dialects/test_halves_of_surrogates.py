"""Half a surrogate pair becomes U+FFFD, whatever backslashes stand around it; nothing else
changes. A number that takes long to read is refused."""

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json

PIECES = ["\\\\", "\\ud83d", "\\ude00", "\\uDBFF", "\\n", "ud83d", "ude00", "\\u00e9", "x"]


class Body(Struct):
    text: str = ""
    number: int = 0


def nothing(_: dict[str, object]) -> None:
    pass


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_is_read_is_the_text_with_u_fffd_for_each_half(text: str) -> None:
    body = f'{{"text":"{text}"}}'
    said = json.loads(body)["text"]
    read = strict_json.parse(body.encode(), Body, nothing)
    assert isinstance(read, Body)
    assert read.text == "".join("\ufffd" if "\ud800" <= one <= "\udfff" else one for one in said)


def test_a_long_run_of_backslashes_hides_no_half() -> None:
    for count, told in ((100_000, "\\ud800"), (100_001, "\\\ufffd")):
        body = '{"text":"' + "\\" * count + 'ud800"}'
        read = strict_json.parse(body.encode(), Body, nothing)
        assert isinstance(read, Body)
        assert read.text.endswith(told)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    for digits in (401, 4290, 100_000):
        read = strict_json.parse(b'{"number":%s}' % (b"9" * digits), Body)
        assert isinstance(read, Refusal)
        assert "too long" in read.message
