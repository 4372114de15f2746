"""Requests to messages that are nearly accepted: blocks, sources and tools with a field more, less
or other than known."""

from hypothesis import strategies as st

from tests.support.requests.full_messages import FULL, PIXEL

_kinds = st.sampled_from(
    ["text", "image", "tool_use", "tool_result", "thinking", "document", "url"]
)
_block = FULL["messages"][0]["content"][0]
_blocks = st.fixed_dictionaries(
    {"type": _kinds},
    optional={
        **{key: st.just(value) for key, value in _block.items() if key != "type"},
        "source": st.fixed_dictionaries(
            {}, optional={key: st.just(value) for key, value in PIXEL.items()}
        ),
        "url": st.text(),
        "citations": st.just([]),
    },
)
_tools = st.fixed_dictionaries(
    {"name": st.text(max_size=5)},
    optional={
        "type": _kinds | st.just("custom"),
        "input_schema": st.dictionaries(st.text(), st.none() | st.integers()),
    },
)
_messages = st.fixed_dictionaries({"role": st.text(max_size=9), "content": st.lists(_blocks)})
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(_messages, max_size=3),
        "system": st.lists(_blocks, max_size=2) | st.text(),
        "tools": st.lists(_tools, max_size=3),
    },
)
