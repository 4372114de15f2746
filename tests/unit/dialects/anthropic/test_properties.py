"""Of any document at all only what is known survives in messages, and our JSON means the same."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects.anthropic.messages import MESSAGES
from tests.support.requests.full_messages import FULL, MINIMAL, PIXEL

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
inner = [*FULL, "role", "content", "type", "text", "source", "input", "name", "data", "url"]
keys = st.sampled_from(inner)
keys = keys | keys.map(str.title) | keys.map(lambda key: key.replace("s", "\u017f")) | st.text()
kinds = st.sampled_from(["text", "image", "tool_use", "tool_result", "thinking", "document", "url"])
block = FULL["messages"][0]["content"][0]
# Near what is accepted: blocks, sources and tools with a field more, less or other than known.
sources = st.fixed_dictionaries({}, optional={**{k: st.just(v) for k, v in PIXEL.items()}})
blocks = st.fixed_dictionaries(
    {"type": kinds},
    optional={
        **{key: st.just(value) for key, value in block.items() if key != "type"},
        "source": sources,
        "url": st.text(),
        "citations": st.just([]),
    },
)
tools = st.fixed_dictionaries(
    {"name": st.text(max_size=5)},
    optional={"type": kinds | st.just("custom"), "input_schema": st.dictionaries(keys, scalars)},
)
near = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.text(max_size=9), "content": st.lists(blocks)}),
            max_size=3,
        ),
        "system": st.lists(blocks, max_size=2) | st.text(),
        "tools": st.lists(tools, max_size=3),
    },
)
values = st.recursive(
    scalars,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(keys, below, max_size=4)
        | st.sampled_from(list(FULL.values()))
    ),
    max_leaves=12,
)
documents = st.one_of(
    values,
    near.map(lambda more: {**MINIMAL, **more}),
    st.dictionaries(keys, values, max_size=5).map(lambda more: {**MINIMAL, **more}),
    st.dictionaries(
        st.sampled_from(list(FULL)), values | st.sampled_from(list(FULL.values())), max_size=6
    ).map(lambda more: {**MINIMAL, **more}),
)


def unknown_keys(tree: Any, model: Any) -> set[str]:
    """Keys of the tree that do not stand at their place in FULL."""
    if isinstance(tree, list) and isinstance(model, list):
        return set().union(*(unknown_keys(item, model[0]) for item in tree))
    if not isinstance(tree, dict) or not isinstance(model, dict) or not model:
        return set()  # a leaf, or a schema, in which any key may stand
    below = (unknown_keys(value, model[key]) for key, value in tree.items() if key in model)
    return (set(tree) - set(model)).union(*below)


@given(documents)
@example(FULL)
@example({**MINIMAL, "\ud800": 1})
@example({**MINIMAL, "metadata": {"\ud800": "\udfff"}})
def test_of_what_is_accepted_only_known_keys_survive_and_our_json_reads_the_same(document):
    asked = MESSAGES.sanitise(json.dumps(document).encode())
    if isinstance(asked, Refusal):
        assert asked.kind.status == 400
        return
    sent = MESSAGES.serialise(asked, 7)
    if isinstance(sent, Refusal):
        assert sent.kind.status == 400
        return
    tree = json.loads(sent)
    assert not unknown_keys(tree, FULL)
    assert all(tool.get("type", "custom") == "custom" for tool in tree.get("tools") or ())
    again = MESSAGES.sanitise(sent)
    assert not isinstance(again, Refusal)
    assert again.prompt_bound == asked.prompt_bound
    assert MESSAGES.serialise(again, 7) == sent


@given(st.binary())
@example(b"\xff")
def test_any_bytes_at_all_get_an_answer(body):
    assert isinstance(MESSAGES.sanitise(body), Refusal)
