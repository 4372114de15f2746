"""What a template writes by itself."""

import time

import pytest

from gateway.backends.template import literal_bytes
from tests.support.told_models import TAG, Told, models


@pytest.mark.parametrize(
    ("template", "size"),
    [
        ("", 0),
        ("{{ .Prompt }}", 0),
        ("You are höflich. {{ .Prompt }}", len("You are höflich. ".encode())),
        ('{{- if .System }}<s>{{ .System }}</s>{{ else }}{{ "default" }}{{ end -}}', 14),
        ("{{/* a comment with \"quotes\" */}}ab{# another 'one' #}", 2),
        ("{% for m in messages %}{{ '<|im_start|>' + m.role }}{% endfor %}", 12),
        ("{{ `raw {{ text` }}", 11),
        ("{{ unclosed", 11),
    ],
)
def test_it_is_all_that_is_not_an_action_and_all_that_is_quoted_in_one(template: str, size: int):
    assert literal_bytes(template) == size


@pytest.mark.anyio
async def test_a_long_preamble_is_part_of_what_a_model_adds_to_a_prompt():
    preamble = "Cutting knowledge date: December 2023. " * 10
    told = Told(
        tags={"models": [TAG]}, show={"system": "Be.", "template": preamble + "{{ .Prompt }}"}
    )
    model = await models(told).find("gemma3:270m")
    assert model is not None
    assert model.built_in == len(preamble) + 3


@pytest.mark.parametrize(
    "template",
    [
        "{{" * 300_000,
        "{%" * 300_000,
        "{#" * 300_000,
        "{{/*" * 150_000,
        "{{ " + " " * 300_000 + "{{",
        "{{/* */ " * 100_000,
        '{{ "' + '\\"' * 300_000 + " }}",
        "{{ '" + "\\'" * 300_000 + "\\ }}",
        "{{ `" * 150_000,
        "{{ '" + "\\" * 300_001 + "}}",
    ],
    ids=lambda template: template[:8],
)
def test_no_template_of_a_model_that_was_pulled_keeps_the_gateway_busy(template: str):
    began = time.process_time()
    assert literal_bytes(template) <= len(template)
    assert time.process_time() - began < 10  # hours, if it were tried again from each character
