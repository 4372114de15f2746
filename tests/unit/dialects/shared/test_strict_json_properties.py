"""Of any document at all only what is known survives, and our own JSON means the same."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects.openai.chat import CHAT
from tests.support.requests.full_chat import FULL, MINIMAL
from tests.support.requests.unknown_keys import unknown_keys

# Documents near the shape: known keys, foreign ones and variants, right and wrong values.
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
known = st.sampled_from([*FULL, "role", "content", "type", "function", "name", "url"])
keys = known | known.map(str.title) | known.map(lambda k: k.replace("s", "\u017f")) | st.text()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sampled_from(list(FULL.values()))
    ),
    max_leaves=12,
)
documents = st.one_of(
    values,
    st.dictionaries(keys, values, max_size=5).map(lambda extra: {**MINIMAL, **extra}),
    st.dictionaries(
        st.sampled_from(list(FULL)), values | st.sampled_from(list(FULL.values())), max_size=6
    ).map(lambda extra: {**MINIMAL, **extra}),
)


@given(documents)
@example(FULL)
@example({**MINIMAL, "\ud800": 1})
@example({**MINIMAL, "x": {"\ud800": "\udfff"}})
def test_of_what_is_accepted_only_known_keys_survive_and_our_json_reads_the_same(document):
    asked = CHAT.sanitise(json.dumps(document).encode())
    if isinstance(asked, Refusal):
        assert asked.kind.status == 400
        return
    sent = CHAT.serialise(asked, 7)
    if isinstance(sent, Refusal):
        assert sent.kind.status == 400
        return
    assert not unknown_keys(json.loads(sent), FULL)
    again = CHAT.sanitise(sent)
    assert not isinstance(again, Refusal)
    assert CHAT.serialise(again, 7) == sent


@given(st.binary())
@example(b"\xff")
def test_any_bytes_at_all_get_an_answer(body):
    assert isinstance(CHAT.sanitise(body), Refusal)
