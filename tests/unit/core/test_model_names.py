"""Model names: every spelling that Ollama reads as one model is one name (docs/ollama.md,
traps 2 and 3)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core import model_names

SPELLINGS = {
    "gemma3:270m": [
        "gemma3:270m",
        "Gemma3:270M",
        "  gemma3:270m\n",
        "gemma3:270m:local",
        "gemma3:270m: LOCAL",
        "library/gemma3:270m",
        "registry.ollama.ai/library/gemma3:270m",
        "Registry.Ollama.AI/Library/Gemma3:270m",
        "https://registry.ollama.ai/library/gemma3:270m",
    ],
    "qwen:latest": ["qwen", "QWEN", "qwen:latest", "qwen:local", "library/qwen", "qwen:Latest"],
    "me/qwen:latest": ["me/qwen", "Me/Qwen:latest", "registry.ollama.ai/me/qwen"],
    "hf.co/bart/llama-3.2-gguf:q4_k_m": ["hf.co/bart/Llama-3.2-GGUF:Q4_K_M"],
    "localhost:5000/me/x:latest": ["localhost:5000/me/x", "http://localhost:5000/me/x:latest"],
    "x:cloud": ["x:cloud", "X:Cloud"],
}
IMPOSSIBLE = [
    "",
    " ",
    ":",
    "/",
    ":latest",
    "x:",
    "x: latest",
    "a/b/c/d",
    "x@sha256:0123",
    "../x",
    "x/../y",
    "x y",
    "x\0",
    "x\ny",
    "é",
    "x" * 81,
    "x:" + "y" * 81,
    "-x",
    ".x",
    "\ud800",
]
CLOUD = ["x:cloud", "gpt-oss:120b-cloud", "X:120B-CLOUD", " x:cloud ", "x: cloud", "me/x:1-cloud"]
NOT_CLOUD = ["cloud", "x-cloud", "x:cloudy", "cloud:1b", "x:cloud-1b"]
parts = st.sampled_from(["", "x", "X", "library", "registry.ollama.ai", "local", "cloud", "1b"])
loose = st.lists(st.one_of(parts, st.sampled_from([":", "/", "-", " ", "://"])), max_size=9)


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [(spelling, name) for name, spellings in SPELLINGS.items() for spelling in spellings],
)
def test_spellings_of_one_model_have_one_name(spelling, canonical):
    assert model_names.canonical_name(spelling) == canonical


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_ollama_could_not_install_is_no_name(text):
    with pytest.raises(ValueError, match="is not a model name"):
        model_names.canonical_name(text)


@pytest.mark.parametrize("text", CLOUD)
def test_a_spelling_that_leaves_the_machine_is_known(text):
    assert model_names.is_cloud(text)


@pytest.mark.parametrize("text", NOT_CLOUD)
def test_a_spelling_that_stays_is_not_taken_for_the_cloud(text):
    assert not model_names.is_cloud(text)


@given(loose.map("".join) | st.text())
@example("x:local:local")
@example("x:cloud:local")
def test_a_canonical_name_is_its_own_canonical_name(text):
    try:
        name = model_names.canonical_name(text)
    except ValueError:
        return
    assert model_names.canonical_name(name) == name


@given(loose.map("".join) | st.text())
@example("x:local:local")
@example("x:cloud:local")
def test_what_goes_to_ollama_means_what_was_checked(text):
    try:
        name = model_names.canonical_name(text)
    except ValueError:
        return
    sent = model_names.upstream_name(text, name)
    assert model_names.canonical_name(sent) == name
    assert model_names.is_cloud(sent) == model_names.is_cloud(text)


@pytest.mark.parametrize("text", ["gpt-oss:120b-cloud:local", "x:cloud:local", "x:cloud:LOCAL "])
def test_a_local_suffix_does_not_smuggle_a_cloud_model_past_the_check(text):
    try:
        name = model_names.canonical_name(text)
    except ValueError:
        return  # refused: as good
    assert model_names.is_cloud(text) or not model_names.is_cloud(
        model_names.upstream_name(text, name)
    )


@pytest.mark.parametrize(
    ("spelling", "sent"),
    [("qwen", "qwen"), (" qwen ", "qwen"), ("qwen:latest", "qwen:latest"), ("Qwen", "qwen:latest")],
)
def test_a_plain_spelling_goes_on_as_it_is_since_ollama_echoes_it(spelling, sent):
    assert model_names.upstream_name(spelling, model_names.canonical_name(spelling)) == sent
