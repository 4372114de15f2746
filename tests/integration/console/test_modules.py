"""What the console's modules make, under a real Node.js: what is pasted, read, and sent."""

import json
import shlex
import subprocess
import tomllib
from typing import Any

import pytest

from gateway.static import FOLDER
from tests.support.node import NODE

LIB = FOLDER / "console" / "lib"
FIELDS = FOLDER / "console" / "pages" / "keys" / "fields.js"
NASTY = 'it\'s "$(touch x)" `id` \\ ${1} \u2028 ü'

pytestmark = pytest.mark.skipif(not NODE.exists(), reason="no Node.js for this platform")


def run(script: str, given: Any = None) -> Any:
    """What a script returns that has `given`, `load(path)` and may await."""
    text = f"""
      const load = (path) => import("file://" + path);
      const given = {json.dumps(given)};
      const done = await (async () => {{ {script} }})();
      console.log(JSON.stringify(done));
    """
    command = [NODE, "--no-warnings", "--input-type=module", "--eval", text]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def snippets() -> dict[str, str]:
    given = {"address": "https://llm.example.com/", "key": NASTY, "model": NASTY}
    made = run(f"return (await load('{LIB}/snippets.js')).snippets(given);", given)
    return {one["name"]: one["text"] for one in made}


def test_each_program_of_the_issue_has_a_snippet(snippets: dict[str, str]) -> None:
    wanted = {"curl", "python", "javascript", "page", "claude-code", "codex", "open-webui"}
    assert set(snippets) == wanted


def test_no_name_breaks_out_of_a_line_for_a_shell(snippets: dict[str, str]) -> None:
    words = shlex.split(snippets["curl"].replace("\\\n", " "))
    assert words[:3] == ["curl", "-N", "https://llm.example.com/v1/chat/completions"]
    assert f"Authorization: Bearer {NASTY}" in words
    assert json.loads(words[-1])["model"] == NASTY
    for name, variable in (("claude-code", "ANTHROPIC_MODEL"), ("open-webui", "OPENAI_API_KEY")):
        script = f'{snippets[name]}\nprintf %s "${variable}"'
        told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        assert told.stdout == NASTY


def test_no_name_breaks_out_of_a_program(snippets: dict[str, str]) -> None:
    names: dict[str, Any] = {}
    calls = snippets["python"].split("answer =")[0].replace("from openai import OpenAI", "")
    exec(calls, {"OpenAI": lambda **given: names.update(given)})
    assert names == {"base_url": "https://llm.example.com/v1", "api_key": NASTY}
    compile(snippets["python"], "snippet", "exec")
    assert tomllib.loads(snippets["codex"])["model"] == NASTY
    for name in ("javascript", "page"):
        checked = subprocess.run(
            [NODE, "--check", "--input-type=module", "-"],
            input=snippets[name],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert checked.returncode == 0, checked.stderr


def test_events_are_read_wherever_the_stream_is_cut() -> None:
    stream = ': beat\n\nevent: status\ndata: {"a":\ndata: 1}\n\nevent: request\r\ndata: [2]\r\n\r\n'
    seen = run(
        f"""const {{ parser }} = await load('{LIB}/http.js');
        const all = [];
        for (let cut = 0; cut <= given.length; cut += 1) {{
          const heard = [];
          const take = parser((event) => event.event === "comment" || heard.push(event));
          take(given.slice(0, cut));
          take(given.slice(cut));
          all.push(JSON.stringify(heard));
        }}
        return [...new Set(all)];""",
        stream,
    )
    assert [json.loads(one) for one in seen] == [
        [{"event": "status", "data": {"a": 1}}, {"event": "request", "data": [2]}]
    ]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("number(1234567)", "1,234,567"),
        ("compact(1234567)", "1.2M"),
        ("bytes(3758096384)", "3.5 GiB"),
        ("duration(850)", "850 ms"),
        ("duration(93000)", "1 min 33 s"),
        ("duration(null)", "–"),
        ("time('no time')", "–"),
        ("ago('2026-11-24T03:10:00Z', Date.parse('2026-11-24T03:15:00Z'))", "5 min ago"),
        ("ago('2026-11-27T03:10:00Z', Date.parse('2026-11-24T03:10:00Z'))", "in 3 d"),
        ("ago(null)", "never"),
        ("percent(0.256)", "26 %"),
    ],
)
def test_numbers_and_times_are_written_for_people(call: str, text: str) -> None:
    assert run(f"return (await load('{LIB}/format.js')).{call};") == text


KEY: dict[str, Any] = {
    "label": "my shop",
    "owner_email": None,
    "monthly_token_limit": 1000,
    "rate_limit_per_min": 5,
    "max_output_tokens": None,
    "allowed_models": ["a:*", "b"],
    "allowed_origins": None,
    "scopes": ["chat"],
    "expires_at": None,
}
PLANS = {"by": ["issuer", "address"], "issuer": "https://i.example", "plans": {"pro": {}}}


@pytest.mark.parametrize(
    "changed",
    [
        {"visitors": None},
        {"visitors": {"by": ["address"], "tokens_per_day": 5, "requests_per_min": 6}},
        {"visitors": {"by": ["issuer"], "issuer": "https://i.example", "audience": "a"}},
        {"visitors": PLANS},
        {"visitors": None, "allowed_models": []},
        {"visitors": None, "allowed_models": None, "owner_email": "a@b.example"},
    ],
)
def test_a_form_gives_back_the_key_that_it_was_filled_with(changed: dict[str, Any]) -> None:
    key = {**KEY, **changed}
    body = run(
        f"const {{ bodyOf, formOf }} = await load('{FIELDS}'); return bodyOf(formOf(given));", key
    )
    assert body == key
