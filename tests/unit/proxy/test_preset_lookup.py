"""Which preset a request names."""

from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.anthropic.messages import MESSAGES
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.shared.preset import Chosen, Preset
from gateway.proxy.preset_lookup import PresetLookup

FAQ = Preset("faq", 1, "m", "s", "r", "", "")
ALIASES = {"gpt-x:latest": "@preset/faq", "gpt-y:latest": "m"}


def find(request: dict[str, Any], dialect: Any = CHAT) -> Any:
    return PresetLookup(dialect, ALIASES, {FAQ.called: FAQ})(request)


@pytest.mark.parametrize(
    "request_",
    [
        {"model": "@preset/faq"},
        {"model": " @PRESET/Faq\n"},
        {"model": "gpt-x"},
        {"prompt": {"id": "@preset/faq"}},
        {"prompt": {"id": "gpt-x"}},
        {"model": "", "prompt": {"id": "@preset/faq"}},
        {"model": "gpt-x", "prompt": {"id": "@preset/faq"}},
    ],
)
def test_it_is_named_by_the_model_an_alias_or_a_prompt(request_: dict[str, Any]):
    found = find(request_)
    assert isinstance(found, Chosen) and found.preset is FAQ
    assert found.spelling == (request_.get("model") or request_.get("prompt", {}).get("id")).strip()


@pytest.mark.parametrize(
    "request_",
    [
        *({"model": one} for one in ("m", "gpt-y", "", None, 7, [], ["@"], {}, "@cf/x", "a@b")),
        {},
        {"prompt": {"id": "pmpt_1"}},
        {"prompt": {"id": 7}},
        {"prompt": "@preset/faq"},
        {"prompt": ["@preset/faq"]},
    ],
)
def test_other_requests_name_none(request_: dict[str, Any]):
    assert find(request_) is None


def test_a_name_that_is_none_is_never_a_model_of_a_machine():
    for name in ("@preset/x", "@preset/", "@preset/faq/", "@preset/faq:latest", "@preset/../m"):
        found = find({"model": name})
        # With two dots it cannot be any model's name, which the dialect refuses.
        assert (found is None) if ".." in name else (found.reason == "unknown_model"), name


def test_model_and_prompt_may_not_name_different_things():
    for model in ("m", "@preset/x", "gpt-y"):
        found = find({"model": model, "prompt": {"id": "@preset/faq"}})
        assert isinstance(found, Refusal) and found.param == "prompt.id"


def test_only_routes_with_prompts_look_into_one():
    assert find({"prompt": {"id": "@preset/faq"}}, MESSAGES) is None


def test_presets_that_are_not_known_yet_are_wanted():
    lookup = PresetLookup(CHAT, {}, None)
    assert lookup({"model": "m"}) is None and not lookup.wanted
    assert isinstance(lookup({"model": "@preset/faq"}), Refusal) and lookup.wanted
