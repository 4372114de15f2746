"""What an owner does with presets over /admin, with the gateway and the Supabase function alike."""

import json
from typing import Any

import httpx
import pytest

from tests.support.admin.calls import Owner, error
from tests.support.admin.fixtures import emptied
from tests.support.admin.servers import Admin
from tests.support.deno import needs_deno
from tests.support.presets import TEMPLATE, VARIABLES

FIELDS: dict[str, Any] = {
    "model": "qwen2.5:7b",
    "system": "Grüße 🙂\n{{not a place}}",
    "parameters": {"max_output_tokens": 300, "temperature": 0.5, "format": {"type": "object"}},
    "template": TEMPLATE,
    "variables": VARIABLES,
    "locked": True,
}
PATH = "/admin/presets"


def made(owner: Owner, name: str = "faq", **fields: Any) -> Any:
    return owner.done("POST", PATH, {"name": name, **FIELDS, **fields})


def test_a_preset_is_made_read_listed_changed_restored_and_deleted(owner: Owner):
    first = made(owner)
    assert {name: first[name] for name in FIELDS} == FIELDS
    assert (first["name"], first["version"]) == ("faq", 1)
    read = owner.done("GET", f"{PATH}/faq")
    assert read == {**first, "versions": [{"version": 1, "updated_at": first["updated_at"]}]}
    summary = {name: one for name, one in first.items() if name not in {"system", "template"}}
    assert owner.done("GET", PATH) == {"data": [summary]}
    changed = owner.done("PATCH", f"{PATH}/faq", {"system": "", "parameters": None})
    assert (changed["version"], changed["system"], changed["parameters"]) == (2, "", {})
    assert owner.done("GET", f"{PATH}/faq?version=1")["system"] == FIELDS["system"]
    restored = owner.done("PATCH", f"{PATH}/faq/", {"restore": 1})
    assert {name: restored[name] for name in FIELDS} == FIELDS
    assert restored["version"] == 3
    assert owner.done("DELETE", f"{PATH}/faq")["version"] == 3
    assert owner.ask("GET", f"{PATH}/faq").status_code == 404
    assert owner.done("GET", PATH) == {"data": []}


def test_what_is_left_out_has_its_default(owner: Owner):
    plain = owner.done("POST", PATH, {"name": "a", "model": "m", "system": "s", "locked": None})
    wanted = {"parameters": {}, "template": None, "variables": {}, "locked": False, "version": 1}
    assert {name: plain[name] for name in wanted} == wanted


REFUSED: list[tuple[str, Any, int, str | None]] = [
    ("POST /admin/presets", {}, 400, None),
    ("POST /admin/presets", {"name": "a", "model": "m"}, 400, None),
    ("POST /admin/presets", {"name": 1, "model": "m", "system": "s"}, 400, "name"),
    ("POST /admin/presets", {"name": "A", "model": "m", "system": "s"}, 400, None),
    ("POST /admin/presets", {"name": "faq", "model": "m", "system": "s"}, 400, "name"),
    ("POST /admin/presets", {"name": "a", "model": "m", "system": "\0"}, 400, "system"),
    ("POST /admin/presets", {"name": "a", "model": "m", "system": "\ud800"}, 400, "system"),
    ("POST /admin/presets", {"name": "a", "model": "m", "system": "s", "x": 1}, 400, None),
    ("POST /admin/presets", {"name": "a", "model": "m", "system": "s", "locked": True}, 400, "l"),
    ("PATCH /admin/presets/faq", {}, 400, None),
    ("PATCH /admin/presets/faq", {"name": "b"}, 400, None),
    ("PATCH /admin/presets/faq", {"System": "b"}, 400, "System"),
    ("PATCH /admin/presets/faq", {"locked": 1}, 400, "locked"),
    ("PATCH /admin/presets/faq", {"locked": None}, 400, "locked"),
    ("PATCH /admin/presets/faq", {"parameters": []}, 400, "parameters"),
    ("PATCH /admin/presets/faq", {"parameters": {"seed": -1}}, 400, "parameters.seed"),
    ("PATCH /admin/presets/faq", {"parameters": {"stop": ["\0"]}}, 400, "parameters"),
    ("PATCH /admin/presets/faq", {"variables": {"a": {"enum": []}}}, 400, "variables.a"),
    ("PATCH /admin/presets/faq", {"variables": {"a": 1}}, 400, "variables"),
    ("PATCH /admin/presets/faq", {"template": "{{x}}"}, 400, "template"),
    ("PATCH /admin/presets/faq", {"restore": 9}, 400, "restore"),
    ("PATCH /admin/presets/faq", {"restore": 1.5}, 400, "restore"),
    ("PATCH /admin/presets/none", {"system": "s"}, 404, None),
    ("PATCH /admin/presets/%00", {"system": "s"}, 404, None),
    ("GET /admin/presets/none", None, 404, None),
    ("GET /admin/presets/faq?version=x", None, 400, "version"),
    ("GET /admin/presets/faq?version=7", None, 404, None),
    ("DELETE /admin/presets/none", None, 404, None),
    (f"DELETE /admin/presets/{'x' * 300}", None, 404, None),
]


@pytest.mark.parametrize(("call", "body", "status", "param"), REFUSED)
def test_what_cannot_be_is_refused_and_named(
    owner: Owner, call: str, body: Any, status: int, param: str | None
):
    made(owner)
    method, path = call.split(" ")
    answer = owner.ask(method, path, body)
    told = error(answer)
    assert (answer.status_code, told["param"]) == (status, "locked" if param == "l" else param)
    assert told["message"]
    assert owner.done("GET", f"{PATH}/faq")["version"] == 1


def test_a_long_number_is_kept_as_it_is_or_refused(admin: Admin, owner: Owner):
    made(owner)
    for number in (2**53 + 1, -(2**62), 2**63 - 1, 10**350):
        asked = {"parameters": {"format": {"maximum": number}}}
        answer = owner.ask("PATCH", f"{PATH}/faq", asked)
        if admin.name == "function":
            assert (answer.status_code, error(answer)["param"]) == (400, "parameters")
        else:
            assert answer.json()["parameters"] == asked["parameters"]
    short = {"parameters": {"format": {"maximum": 2**53, "minimum": -(2**53), "multipleOf": 0.1}}}
    assert owner.done("PATCH", f"{PATH}/faq", short)["parameters"] == short["parameters"]


@needs_deno
def test_both_answer_alike(gateway_side: Admin, function_side: Admin):
    def told(answer: httpx.Response) -> Any:
        body = answer.json()
        if "error" in body:
            assert body["error"].pop("message")
        return answer.status_code, json.loads(answer.text, object_hook=_without_times)

    sides = [emptied(gateway_side), emptied(function_side)]
    with Owner(sides[0].url) as one, Owner(sides[1].url) as two:
        calls: list[tuple[str, str, Any]] = [("POST", PATH, {"name": "faq", **FIELDS})]
        for call, body, _, _ in REFUSED:
            method, path = call.split(" ")
            calls += [(method, path, body), ("GET", PATH, None)]
        calls += [("PATCH", f"{PATH}/faq", {"restore": 1}), ("PUT", PATH, {})]
        for method, path, body in calls:
            answers = [told(side.ask(method, path, body)) for side in (one, two)]
            assert answers[0][0] == answers[1][0], (method, path, body)
            if answers[0][0] < 400:
                assert answers[0] == answers[1]


def _without_times(members: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in members.items() if not name.endswith("_at")}
