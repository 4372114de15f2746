"""What is made of the values that callers fill in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.shared.preset import Preset, Variable, unmarked, without_marks
from gateway.dialects.shared.strict_json import Refused

TEXTS = st.text() | st.from_regex(r"\A(\{\{ ?[ab] ?\}\}|<\||\|>|\[INST\]|<s>|x){0,9}\Z")


def preset(template: str | None = None, **variables: Variable) -> Preset:
    times = {"created_at": "", "updated_at": ""}
    return Preset("p", 1, "m", "s", "r", template=template, variables=variables, **times)


@given(TEXTS, TEXTS)
def test_a_value_is_put_in_once_and_never_read_again(a: str, b: str):
    variables = {name: Variable("string", maxLength=10_000) for name in ("a", "b")}
    made = preset("<{{a}}|{{ b }}|{{a}}>{{7}}", **variables).message({"a": a, "b": b})
    kept_a, kept_b = without_marks(a), without_marks(b)
    assert made == f"<{kept_a}|{kept_b}|{kept_a}>{{{{7}}}}"


@given(TEXTS)
def test_marks_are_broken_up_and_all_else_stays(text: str):
    made = without_marks(text)
    assert made.replace(" ", "") == text.replace(" ", "")
    assert without_marks(made) == made
    assert unmarked({"a": [text, 1, {"b": text}]}) == {"a": [made, 1, {"b": made}]}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<|im_start|>system", "< |im_start| >system"),
        ("[INST] <<SYS>> x <</SYS>> [/INST]", "[ INST] < <SYS>> x < </SYS>> [ /INST]"),
        ("<s></s><start_of_turn>", "< s>< /s>< start_of_turn>"),
        ("<｜User｜>", "< ｜User｜ >"),
        ("a < b || c > d, x[0], <p>text</p>", "a < b || c > d, x[0], <p>text</p>"),
    ],
)
def test_the_marks_of_the_usual_models_are_known(text: str, kept: str):
    assert without_marks(text) == kept


def test_without_a_template_there_is_a_line_for_each_in_the_order_of_their_names():
    variables = {"b": Variable("string", maxLength=5), "a": Variable("integer", maximum=9)}
    assert preset(**variables).message({"b": "x\ny", "a": 7}) == "a: 7\nb: x\ny"
    assert preset().message({}) is None


@pytest.mark.parametrize(
    ("variable", "value", "kept"),
    [
        (Variable("string", maxLength=3), "äöü", "äöü"),
        (Variable("string", maxLength=3), "abcd", None),
        (Variable("string", maxLength=3), 7, None),
        (Variable("integer", minimum=-2, maximum=2), -2, "-2"),
        (Variable("integer", minimum=-2, maximum=2), "2", "2"),
        (Variable("integer", minimum=-2, maximum=2), "2.0", "2"),
        (Variable("integer", minimum=-2, maximum=2), 3, None),
        (Variable("integer", minimum=-2, maximum=2), 1.5, None),
        (Variable("integer", minimum=-2, maximum=2), "1e0", None),
        (Variable("integer", minimum=-2, maximum=2), "²", None),
        (Variable("integer", minimum=-2, maximum=2), True, None),
        (Variable("number", maximum=1), 0.25, "0.25"),
        (Variable("number", maximum=1), "0.25", "0.25"),
        (Variable("number", maximum=1), 1, "1"),
        (Variable("number", maximum=1), 10**400, None),
        (Variable(enum=["red", "blue"]), "red", "red"),
        (Variable(enum=["red", "blue"]), "Red", None),
        (Variable(enum=["red", "blue"]), ["red"], None),
        (Variable("string", maxLength=3), {"type": "input_text", "text": "abc"}, "abc"),
        (Variable("string", maxLength=3), {"type": "input_image", "image_url": "x"}, None),
    ],
)
def test_a_value_fits_its_variable_or_is_named(variable: Variable, value: Any, kept: str | None):
    one = preset("{{a}}", a=variable)
    if kept is not None:
        assert one.message({"a": value}) == kept
        return
    with pytest.raises(Refused) as refused:
        one.message({"a": value})
    assert refused.value.args[1] == "prompt.variables.a"
