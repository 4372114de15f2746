"""What one server-sent event says, however its lines are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.shared import sse

ENDS = ["\n", "\r\n", "\r"]
values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
others = st.sampled_from(["", ": heartbeat", "event: ping", "id: 7", "retry: 10", "datax: 1", "x"])


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: {}", b"{}"),
        (b"data:{}", b"{}"),
        (b"data:  {} ", b" {} "),
        (b"data", b""),
        (b"data:", b""),
        (b"event: error\ndata: {}", b"{}"),
        (b"data: {}\nevent: error", b"{}"),
        (b"data: [1,\ndata:  2]", b"[1,\n 2]"),
        (b"data: 1\r\ndata: 2\rdata: 3", b"1\n2\n3"),
        (b": heartbeat\nid: 7\nretry: 10\ndata: {}", b"{}"),
        (b"\xef\xbb\xbfdata: {}", b"{}"),
        (b": heartbeat", b""),
        (b" data: {}", b""),
        (b"data : {}", b""),
        (b"DATA: {}", b""),
        (b"", b""),
        ("data: a\x0b\x0c\x85\u2028b".encode(), "a\x0b\x0c\x85\u2028b".encode()),
    ],
)
def test_the_data_are_the_lines_of_data_without_the_blank_after_the_colon(event, data):
    assert sse.data(event) == data


@given(
    st.lists(values, min_size=1, max_size=4), st.lists(others, max_size=4), st.sampled_from(ENDS)
)
def test_the_data_are_the_same_for_all_line_ends_and_whatever_stands_between(said, between, end):
    lines = [
        f"data:{' ' if at % 2 or one.startswith(' ') else ''}{one}" for at, one in enumerate(said)
    ]
    for at, other in enumerate(between):
        lines.insert(at * 2, other)
    assert sse.data(end.join(lines).encode()) == "\n".join(said).encode()


@given(values)
def test_what_is_written_is_read_again(text):
    for event in (sse.write(text.encode()), sse.write(text.encode(), b"error")):
        assert event.endswith(b"\n\n")
        assert sse.data(event.removesuffix(b"\n\n")) == text.encode()


def test_the_name_stands_before_the_data():
    assert sse.write(b"{}", b"error") == b"event: error\ndata: {}\n\n"
