"""Requests to Ollama's own API: the smallest, and those that use every field."""

import json
from typing import Any

import pytest

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

_HELD = {"keep_alive": "5m", "shift": True, "_debug_render_only": True}
# All that may be asked for, with the scope that some of it needs.
MINIMAL_CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
EVERY_CHAT = {**CHAT, "options": ALL_OPTIONS, **_HELD}
MINIMAL_GENERATE = {"model": "m", "prompt": "hi"}
EVERY_GENERATE = {
    **GENERATE,
    "options": ALL_OPTIONS,
    **_HELD,
    "raw": True,
    "template": "{{ .Prompt }}",
    "context": [1],
}
EMBED: dict[str, Any] = {
    "model": "m",
    "options": OPTIONS,
    "input": ["a"],
    "truncate": True,
    "dimensions": 8,
}
MINIMAL_EMBED = {"model": "m", "input": "hi"}
EVERY_EMBED = {**EMBED, "options": ALL_OPTIONS, "keep_alive": "5m"}
EMBEDDINGS: dict[str, Any] = {"model": "m", "options": OPTIONS, "prompt": "a"}
MINIMAL_EMBEDDINGS = {"model": "m", "prompt": "hi"}
EVERY_EMBEDDINGS = {**EMBEDDINGS, "options": ALL_OPTIONS, "keep_alive": "5m"}
