"""Presets in SQL: made, changed, taken back to a version, deleted, and told to gateways."""

import json
from typing import Any

import pytest

from tests.support.sql.ledger import NOON, SECOND, Ledger

pytestmark = pytest.mark.anyio

FIELDS: dict[str, Any] = {
    "model": "qwen2.5:7b",
    "system": "Answer in one word.",
    "parameters": {"max_output_tokens": 300, "temperature": 0.5, "stop": ["\n"]},
    "template": "Describe {{ product }} in {{count}} words: {{product}}. {{ 7 }}",
    "variables": {
        "product": {"type": "string", "maxLength": 80},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "locked": True,
}
PLAIN = {"model": "m", "system": "s"}


async def create(ledger: Ledger, name: str = "faq", **fields: Any) -> dict[str, Any]:
    return await ledger.admin("create_preset", NOON, name, json.dumps(fields or FIELDS))


async def update(ledger: Ledger, name: str = "faq", **changes: Any) -> dict[str, Any]:
    return await ledger.admin("update_preset", NOON + SECOND, name, json.dumps(changes))


async def get(ledger: Ledger, name: str = "faq", version: int | None = None) -> dict[str, Any]:
    return await ledger.admin("get_preset", NOON, name, version)


async def test_a_preset_is_kept_as_it_was_given(ledger: Ledger):
    times = {"created_at": "2030-01-15T12:00:00Z", "updated_at": "2030-01-15T12:00:00Z"}
    made = await create(ledger)
    assert made == {"name": "faq", "version": 1, **FIELDS, **times}
    versions = [{"version": 1, "updated_at": times["updated_at"]}]
    assert await get(ledger) == {**made, "versions": versions}
    listed = (await ledger.admin("list_presets", NOON))["data"]
    assert listed == [
        {name: one for name, one in made.items() if name not in {"system", "template"}}
    ]


async def test_what_is_left_out_or_null_has_its_default(ledger: Ledger):
    made = await create(ledger, **PLAIN, parameters=None, template=None, locked=None)
    wanted = {"parameters": {}, "template": None, "variables": {}, "locked": False}
    assert {name: made[name] for name in wanted} == wanted


async def test_making_it_again_gives_the_first_and_another_of_its_name_is_refused(ledger: Ledger):
    made = await create(ledger)
    assert await create(ledger) == made
    assert (await create(ledger, **PLAIN))["param"] == "name"


async def test_each_change_makes_a_version_and_any_of_them_can_be_taken_back(ledger: Ledger):
    await create(ledger)
    changed = await update(ledger, system="Answer in two words.", locked=False)
    assert changed["version"] == 2
    assert changed["updated_at"] > changed["created_at"]
    assert await update(ledger, system="Answer in two words.") == changed  # it changes nothing
    assert (await get(ledger, version=1))["system"] == FIELDS["system"]
    restored = await update(ledger, restore=1)
    assert {name: restored[name] for name in FIELDS} == FIELDS
    assert [one["version"] for one in (await get(ledger))["versions"]] == [3, 2, 1]
    for wrong in ({"restore": 9}, {"restore": "1"}, {"restore": 1, "system": ""}):
        assert (await update(ledger, **wrong))["param"] == "restore"
    assert (await get(ledger, version=4))["refusal"] == "not_found"


async def test_the_last_twenty_versions_are_kept(ledger: Ledger):
    await create(ledger)
    for number in range(24):
        await update(ledger, system=f"{number}")
    assert [one["version"] for one in (await get(ledger))["versions"]] == list(range(25, 5, -1))


async def test_null_takes_a_template_parameters_and_variables_away(ledger: Ledger):
    await create(ledger)
    changed = await update(ledger, template=None, variables=None, parameters=None, locked=False)
    assert (changed["template"], changed["variables"], changed["parameters"]) == (None, {}, {})


async def test_a_deleted_preset_is_gone_with_its_versions(ledger: Ledger):
    made = await create(ledger)
    assert await ledger.admin("delete_preset", NOON, "faq") == made
    for refused in (
        await get(ledger),
        await update(ledger, system=""),
        await ledger.admin("delete_preset", NOON, "faq"),
    ):
        assert refused["refusal"] == "not_found"
    assert await ledger.value("select count(*) from gateway.preset_versions") == 0


async def test_a_gateway_is_told_what_it_does_not_know_yet(ledger: Ledger):
    await create(ledger, "a", **PLAIN)
    await create(ledger, "b", **PLAIN)

    async def current(known: list[str]) -> dict[str, Any]:
        return await ledger.admin("current_presets", NOON, json.dumps(known))

    first = await current([])
    assert [one["name"] for one in first["changed"]] == ["a", "b"]
    assert first["revisions"] == [one["revision"] for one in first["changed"]]
    assert await current(first["revisions"]) == {**first, "changed": []}
    await update(ledger, "b", system="t")
    second = await current(first["revisions"])
    assert [one["system"] for one in second["changed"]] == ["t"]
    await ledger.admin("delete_preset", NOON, "b")
    await create(ledger, "b", **PLAIN)  # a new one is not taken for the old one
    assert [one["name"] for one in (await current(second["revisions"]))["changed"]] == ["b"]


@pytest.mark.parametrize("name", ["", "FAQ", "a/b", "a b", "é", "-a", "a" * 65, "a\n"])
async def test_a_name_that_no_model_could_have_is_refused(ledger: Ledger, name: str):
    assert (await create(ledger, name))["refusal"] == "invalid"


@pytest.mark.parametrize(
    ("param", "changes"),
    [
        (None, {"model": ""}),
        (None, {"model": "@PRESET/other"}),
        (None, {"model": "m\n"}),
        (None, {"system": "x" * 32769}),
        (None, {"template": "", "variables": {}}),
        (None, {"other": 1}),
        ("parameters.temperature", {"parameters": {"temperature": "0"}}),
        ("parameters.temperature", {"parameters": {"temperature": 2.1}}),
        ("parameters.max_output_tokens", {"parameters": {"max_output_tokens": 0}}),
        ("parameters.max_output_tokens", {"parameters": {"max_output_tokens": 1.5}}),
        ("parameters.stop", {"parameters": {"stop": []}}),
        ("parameters.stop", {"parameters": {"stop": [""]}}),
        ("parameters.format", {"parameters": {"format": "xml"}}),
        ("parameters.think", {"parameters": {"think": "yes"}}),
        ("parameters.num_ctx", {"parameters": {"num_ctx": 1}}),
        ("variables.product", {"variables": {"product": {"type": "string"}}}),
        ("variables.product", {"variables": {"product": {"type": "string", "maxLength": 0}}}),
        ("variables.product", {"variables": {"product": {"type": "text", "maxLength": 5}}}),
        ("variables.product", {"variables": {"product": {}}}),
        ("variables.product", {"variables": {"product": 80}}),
        ("variables.n", {"variables": {"n": {"type": "integer", "minimum": 1}}}),
        ("variables.n", {"variables": {"n": {"type": "number", "minimum": 2, "maximum": 1}}}),
        ("variables.n", {"variables": {"n": {"enum": []}}}),
        ("variables.n", {"variables": {"n": {"enum": ["a"], "maxLength": 3}}}),
        ("variables.a b", {"variables": {"a b": {"type": "string", "maxLength": 5}}}),
        ("variables", {"variables": {f"v{n}": {"enum": ["a"]} for n in range(21)}}),
        ("template", {"template": "{{other}}"}),
        ("template", {"template": "no variable"}),
        ("locked", {"template": None, "variables": None}),
    ],
)
async def test_what_could_not_be_served_is_refused(
    ledger: Ledger, param: str | None, changes: dict[str, Any]
):
    made = await create(ledger)
    refused = await update(ledger, **changes)
    assert refused["refusal"] == "invalid"
    assert refused.get("param") == param
    fresh = {name: one for name, one in (FIELDS | changes).items() if name != "other"}
    if "other" not in changes:
        assert (await create(ledger, "b", **fresh)).get("param") == param
    assert [row["name"] for row in (await ledger.admin("list_presets", NOON))["data"]] == ["faq"]
    assert (await get(ledger))["version"] == made["version"]


async def test_there_are_two_hundred_at_most(ledger: Ledger):
    await ledger.connection.execute(
        "insert into gateway.presets (name, version, model, system, created_at, updated_at) "
        "select 'p' || n, 1, 'm', '', now(), now() from generate_series(1, 200) as n"
    )
    assert "200" in (await create(ledger))["detail"]
