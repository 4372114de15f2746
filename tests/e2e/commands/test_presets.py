"""`localllm presets`, as an owner types it."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, one_line

FAQ = ("presets", "create", "faq", "--model", "qwen2.5:7b", "--system", "Be brief.")


def test_a_preset_is_made_shown_changed_taken_back_and_deleted(
    localllm: CommandLine, home: Path
) -> None:
    prompt = home / "faq.txt"
    prompt.write_text("Be “brief”.\nBe kind.\n", "utf-8")
    made = localllm.json(
        *("presets", "create", "faq", "--model", "qwen2.5:7b", "--system-file", str(prompt)),
        *("--max-output", "300", "--temperature", "0", "--parameter", 'stop=["END"]'),
        *("--variable", "product:80", "--variable", "count:1..9", "--variable", "price:-0.5..9"),
        *("--variable", "tone:friendly|very formal", "--locked"),
    )
    assert made["system"] == "Be “brief”.\nBe kind."
    assert made["parameters"] == {"max_output_tokens": 300, "temperature": 0, "stop": ["END"]}
    assert made["variables"] == {
        "product": {"type": "string", "maxLength": 80},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "price": {"type": "number", "minimum": -0.5, "maximum": 9},
        "tone": {"enum": ["friendly", "very formal"]},
    }
    assert (made["locked"], made["template"], made["version"]) == (True, None, 1)
    listed = localllm("presets", "list").stdout
    assert "@preset/faq" in listed and "count, price, product, tone" in listed
    assert "brief" not in listed
    shown = localllm("presets", "show", "faq").stdout
    assert "Be kind." in shown and "count:1..9" in shown and "tone:friendly|very formal" in shown

    changes = ("--max-output", "200", "--parameter", "stop=null", "--template", "{{product}}!")
    changed = localllm.json(
        "presets", "update", "faq", *changes, "--variable", "product:8", "--unlocked"
    )
    assert changed["parameters"] == {"max_output_tokens": 200, "temperature": 0}
    assert (changed["template"], changed["locked"]) == ("{{product}}!", False)
    assert localllm.json("presets", "show", "faq", "--version", "1")["locked"]
    assert "version 3" in localllm("presets", "update", "faq", "--restore", "1").stdout
    assert localllm.json("presets", "delete", "faq")["version"] == 3
    assert localllm.json("presets", "list") == {"data": []}


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("presets", "create"), 2, "NAME"),
        (("presets", "create", "a", "--model", "m"), 2, "--system"),
        ((*FAQ, "--system-file", "x"), 2, "--system-file"),
        ((*FAQ, "--variable", "product"), 2, "product:80"),
        ((*FAQ, "--variable", "a:1", "--variable", "a:2"), 2, "once"),
        ((*FAQ, "--parameter", "seed"), 2, "seed=7"),
        ((*FAQ, "--parameter", "num_ctx=1"), 1, "num_ctx is unknown"),
        ((*FAQ, "--variable", "count:9..1"), 1, "variables.count"),
        ((*FAQ, "--locked"), 1, "locked needs variables"),
        (("presets", "create", "A", "--model", "m", "--system", "s"), 1, "the name must be"),
        (("presets", "create", "a", "--model", "m", "--system-file", "/none"), 1, "/none"),
        (("presets", "show", "none"), 1, "no preset"),
        (("presets", "update", "none", "--system", "s"), 1, "no preset"),
        (("presets", "update", "none"), 1, "at least one"),
        (("presets", "delete", "none"), 1, "no preset"),
    ],
)
def test_what_cannot_be_is_one_line(
    localllm: CommandLine, arguments: tuple[str, ...], code: int, named: str
) -> None:
    assert named in one_line(localllm(*arguments), code)
