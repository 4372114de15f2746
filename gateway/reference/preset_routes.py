"""What the owner does with presets."""

from typing import Any

from gateway.admin.presets import CreatePreset, UpdatePreset
from gateway.dialects.reference import EXAMPLE_MODEL
from gateway.reference import shapes
from gateway.reference.admin_routes import ADMIN_REFUSALS, BODY_REFUSALS
from gateway.reference.route import JSON, OWNER, Content, Parameter, Route

_NAME = Parameter("name", "path", {"type": "string"}, "The name, without `@preset/`.")
_CREATE: dict[str, Any] = {
    "name": "faq",
    "model": EXAMPLE_MODEL,
    "system": "You answer questions about our mugs in two sentences.",
    "parameters": {"max_output_tokens": 300, "temperature": 0.2},
    "variables": {"question": {"type": "string", "maxLength": 300}},
    "locked": True,
}
_TIMES = {"created_at": "2026-11-29T09:30:00Z", "updated_at": "2026-11-29T09:30:00Z"}
_PRESET: dict[str, Any] = {**_CREATE, "version": 1, "template": None, **_TIMES}
_SUMMARY = {name: one for name, one in _PRESET.items() if name not in {"system", "template"}}
_DETAILS = {**_PRESET, "versions": [{"version": 1, "updated_at": _TIMES["updated_at"]}]}

PRESET_ROUTES = (
    Route(
        *("POST", "/admin/presets", "createPreset", OWNER, "Administration"),
        summary="Make a preset",
        text="A model with a prompt of yours, which callers know as the model `@preset/NAME` and "
        "never see the prompt of. `variables` are described in the words of JSON Schema, with "
        'bounds: `{"type": "string", "maxLength": 80}`, `{"type": "integer", "minimum": 1, '
        '"maximum": 9}`, the same with `number`, or `{"enum": ["red", "blue"]}`. `template` is '
        "the message that is made of them, with `{{name}}` for each; without one it is a line for "
        "each. `parameters`: `max_output_tokens`, `temperature`, `top_p`, `min_p`, `top_k`, "
        "`seed`, `frequency_penalty`, `presence_penalty`, `stop`, `think` and `format`, which is "
        "`json` or a JSON schema. `locked`: callers send variables and nothing else.",
        body=CreatePreset,
        example=_CREATE,
        status=201,
        answer=(Content(JSON, shapes.Preset, _PRESET),),
        refusals=BODY_REFUSALS,
    ),
    Route(
        *("GET", "/admin/presets", "listPresets", OWNER, "Administration"),
        summary="List the presets",
        text="By name, without their prompts; there are 200 at most.",
        answer=(Content(JSON, shapes.PresetList, {"data": [_SUMMARY]}),),
        refusals=ADMIN_REFUSALS,
    ),
    Route(
        *("GET", "/admin/presets/{name}", "readPreset", OWNER, "Administration"),
        summary="Read a preset",
        text="With its prompt, and the versions that are kept.",
        parameters=(
            _NAME,
            Parameter("version", "query", {"type": "integer", "minimum": 1}, "As it was in it."),
        ),
        answer=(Content(JSON, shapes.PresetDetails, _DETAILS),),
        refusals=("invalid_request", "not_found", *ADMIN_REFUSALS),
    ),
    Route(
        *("PATCH", "/admin/presets/{name}", "updatePreset", OWNER, "Administration"),
        summary="Change a preset",
        text="Each change makes a new version, and the last 20 are kept: `restore`, alone, goes "
        "back to one. Gateways know of a change within ten seconds, this one at once.",
        parameters=(_NAME,),
        body=UpdatePreset,
        example={"system": "You answer questions about our mugs in one sentence."},
        answer=(Content(JSON, shapes.Preset, {**_PRESET, "version": 2}),),
        refusals=("not_found", *BODY_REFUSALS),
    ),
    Route(
        *("DELETE", "/admin/presets/{name}", "deletePreset", OWNER, "Administration"),
        summary="Delete a preset",
        text="With all its versions. Its usage stays.",
        parameters=(_NAME,),
        answer=(Content(JSON, shapes.Preset, _PRESET),),
        refusals=("not_found", *ADMIN_REFUSALS),
    ),
)
