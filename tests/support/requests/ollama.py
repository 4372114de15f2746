"""Requests to Ollama's own API that use every field, and what their tests do to them."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

# Every option that is passed on.
OPTIONS: dict[str, Any] = {
    "num_predict": 5,
    "seed": 1,
    "stop": ["x"],
    "temperature": 0.5,
    "top_k": 40,
    "top_p": 0.5,
    "min_p": 0.5,
    "typical_p": 0.5,
    "tfs_z": 0.5,
    "num_keep": 4,
    "repeat_last_n": 64,
    "repeat_penalty": 0.5,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "penalize_newline": True,
    "mirostat": 1,
    "mirostat_tau": 0.5,
    "mirostat_eta": 0.5,
}
PROMPTED: dict[str, Any] = {
    "model": "m",
    "options": OPTIONS,
    "stream": True,
    "format": {"type": "object"},
    "think": "low",
    "truncate": True,
    "logprobs": True,
    "top_logprobs": 1,
}
CHAT: dict[str, Any] = {
    **PROMPTED,
    "messages": [
        {
            "role": "user",
            "content": "c",
            "thinking": "t",
            "images": ["aGk="],
            "tool_calls": [
                {"id": "1", "function": {"name": "f", "arguments": {"x": 1}, "index": 1}}
            ],
            "tool_name": "n",
            "tool_call_id": "1",
        }
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"x": 1}}}
    ],
}
GENERATE: dict[str, Any] = {
    **PROMPTED,
    "prompt": "p",
    "system": "s",
    "suffix": "e",
    "images": ["aGk="],
}

_LOADING = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict")
_FLAGS = (
    *("numa", "use_mmap", "use_mlock", "low_vram", "f16_kv", "logits_all", "vocab_only"),
    "embedding_only",
)
# What a key without the scope `ollama:native` may not say: the name, and a field that says it.
NATIVE_FIELDS: list[tuple[str, dict[str, Any]]] = [
    *(("keep_alive", {"keep_alive": value}) for value in (0, -1, 5.5, "0", "24h", "")),
    *(("_debug_render_only", {"_debug_render_only": True}),),
    *(("shift", {"shift": value}) for value in (True, False)),
    *(("raw", {"raw": True}), ("template", {"template": " "}), ("context", {"context": [1]})),
    *((f"options.{o}", {"options": {o: value}}) for o in _LOADING for value in (0, -1, 512)),
    *((f"options.{o}", {"options": {o: value}}) for o in _FLAGS for value in (True, False)),
]
KEPT_BACK: list[Any] = [
    pytest.param(name, field, id=json.dumps(field)) for name, field in NATIVE_FIELDS
]
# All of these options, and all options at all.
LOADING: dict[str, Any] = {**dict.fromkeys(_LOADING, 512), **dict.fromkeys(_FLAGS, True)}
ALL_OPTIONS: dict[str, Any] = {**OPTIONS, **LOADING}
HARMLESS: list[Any] = [
    {"keep_alive": None},
    {"shift": None},
    {"_debug_render_only": False},
    {"raw": False},
    {"template": ""},
    {"context": []},
    {"context": None},
    {"options": {"num_ctx": None, "numa": None}},
]
_OPEN = ("format.", "parameters.", "arguments.")  # schemas and values, in which any key may stand

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


def documents(minimal: dict[str, Any], full: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Documents near the shape: known keys, foreign ones and variants, right and wrong values."""
    known = st.sampled_from([*full, *OPTIONS, "role", "function", "name", "keep_alive", "num_ctx"])
    known |= st.sampled_from(["shift", "raw", "template", "context", "_debug_render_only"])
    keys = known | known.map(str.title) | known.map(lambda k: k.replace("s", "\u017f")) | st.text()
    own = st.sampled_from(list(full.values()))
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4) | own,
        max_leaves=12,
    )
    return st.one_of(
        values,
        st.dictionaries(keys, values, max_size=5).map(lambda extra: {**minimal, **extra}),
        st.dictionaries(st.sampled_from(list(full)), values | own, max_size=6).map(
            lambda extra: {**minimal, **extra}
        ),
    )


def unknown_keys(tree: Any, model: Any) -> set[str]:
    """Keys of the tree that do not stand at their place in the model."""
    if isinstance(tree, list) and isinstance(model, list):
        return set().union(*(unknown_keys(item, model[0]) for item in tree))
    if not isinstance(tree, dict) or not isinstance(model, dict):
        return set()
    below = (
        unknown_keys(value, model[key])
        for key, value in tree.items()
        if key in model and f"{key}." not in _OPEN
    )
    return (set(tree) - set(model)).union(*below)


def _variants(key: str) -> list[str]:
    """Other spellings that Go's encoding/json takes for the key."""
    spellings = {key.upper(), key.title(), key[0].upper() + key[1:]}
    spellings |= {key.replace("s", "\u017f", 1), key.replace("k", "\u212a", 1)}
    return sorted(spellings - {key})


def spoiled(tree: Any, path: str = "") -> list[tuple[str, str]]:
    """The document once for every (place, key, variant): JSON text in which the variant stands."""
    found: list[tuple[str, str]] = []
    if isinstance(tree, dict) and not path.endswith(_OPEN):
        for key, value in tree.items():
            for name in _variants(key):
                found.append((f"{path}{key} as {name!a}", json.dumps({**tree, name: value})))
            found += _put_back(tree, key, spoiled(value, f"{path}{key}."))
    elif isinstance(tree, list):
        for item in tree:
            found += [(name, f"[{inner}]") for name, inner in spoiled(item, path)]
    return found


def doubled(tree: Any, path: str = "") -> list[tuple[str, str]]:
    """The document once for every key, with that key standing twice."""
    found: list[tuple[str, str]] = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            text = json.dumps(tree)
            found.append((path + key, f'{{"{key}":{json.dumps(value)},{text[1:]}'))
            found += _put_back(tree, key, doubled(value, f"{path}{key}."))
    elif isinstance(tree, list):
        for item in tree:
            found += [(name, f"[{inner}]") for name, inner in doubled(item, path)]
    return found


def _put_back(
    tree: dict[str, Any], key: str, inner: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Documents that differ from the tree below one key."""
    hole = json.dumps({**tree, key: "@"})
    return [(name, hole.replace('"@"', text)) for name, text in inner]
