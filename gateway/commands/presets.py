"""`localllm presets`: create, list, show, update and delete presets."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.commands.output import accepted, json_option, moment, print_json, print_table
from gateway.commands.preset_words import parameters_of, shown_variable, variables_of
from gateway.commands.running import Failed, with_store

if TYPE_CHECKING:
    from gateway.stores import Store

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def presets() -> None:
    """Create, list, show, update and delete presets: models with a prompt of yours."""


def _preset_options(command: Command) -> Command:
    """The options of both `create` and `update`."""
    file = click.Path(dir_okay=False, allow_dash=True)
    for decorate in reversed(
        [
            click.option("--model", metavar="NAME", help="The model that answers."),
            click.option("--system", metavar="TEXT", help="The prompt that comes first."),
            click.option("--system-file", type=file, help="The same from a file; -: from stdin."),
            click.option(
                "--template",
                metavar="TEXT",
                help="The user's message, with {{name}} for each variable. Default: a line for "
                "each.",
            ),
            click.option("--template-file", type=file, help="The same from a file."),
            click.option(
                "--variable",
                "variables",
                multiple=True,
                metavar="NAME:BOUNDS",
                help="What callers fill in: product:80 (a text of at most 80 characters), "
                "count:1..9, price:0.5..99.5, or tone:friendly|formal. Can be repeated.",
            ),
            click.option(
                "--locked/--unlocked", default=None, help="Whether callers send variables only."
            ),
            click.option("--max-output", type=int, help="Most tokens of an answer."),
            click.option("--temperature", type=float, help="0: the likeliest words."),
            click.option(
                "--parameter",
                "parameters",
                multiple=True,
                metavar="NAME=JSON",
                help="Another one, such as seed=7, 'stop=[\"END\"]' or think=false; null takes "
                "one away. Can be repeated.",
            ),
        ]
    ):
        command = decorate(command)
    return command


@presets.command()
@click.argument("name")
@_preset_options
@json_option
def create(name: str, as_json: bool, **options: Any) -> None:
    """Create the preset NAME, which callers know as the model @preset/NAME."""
    from gateway.admin import presets

    fields = _fields(options)
    if "model" not in fields or "system" not in fields:
        raise click.UsageError("A preset needs --model, and --system or --system-file.")
    fields["parameters"] = _without_nulls(fields.get("parameters", {}))
    request = presets.CreatePreset(name=name, **fields)
    made = accepted(with_store(lambda store, _: presets.create_preset(store, request)))
    known = "Running gateways know it within ten seconds."
    _tell(made, as_json, f"Created @preset/{name}: callers ask for it as a model. {known}")


@presets.command("list")
@json_option
def show_all(as_json: bool) -> None:
    """Show all presets, without their prompts."""
    from gateway.admin import presets

    listed = accepted(with_store(lambda store, _: presets.list_presets(store)))
    if as_json:
        print_json(listed)
    elif not listed["data"]:
        click.echo("There are no presets yet. docs/presets.md says what they are for.")
    else:
        headings = ["preset", "model", ">version", "callers send", "changed"]
        print_table(headings, [_row(row) for row in listed["data"]])


@presets.command()
@click.argument("name")
@click.option("--version", type=int, help="As it was in this version.")
@json_option
def show(name: str, version: int | None, as_json: bool) -> None:
    """Show one preset with its prompt."""
    from gateway.admin import presets

    found = accepted(with_store(lambda store, _: presets.get_preset(store, name, version)))
    if as_json:
        print_json(found)
        return
    versions = ", ".join(str(one["version"]) for one in found["versions"])
    click.echo(f"@preset/{name}, version {found['version']} (kept: {versions}), {found['model']}")
    for parameter, value in sorted(found["parameters"].items()):
        click.echo(f"{parameter}: {value}")
    for variable, schema in sorted(found["variables"].items()):
        click.echo(f"variable {shown_variable(variable, schema)}")
    click.echo(f"\n{found['system']}")
    if found["template"] is not None:
        click.echo(f"\nTemplate:\n{found['template']}")


@presets.command()
@click.argument("name")
@_preset_options
@click.option("--restore", type=int, metavar="VERSION", help="Go back to an earlier version.")
@json_option
def update(name: str, restore: int | None, as_json: bool, **options: Any) -> None:
    """Change a preset. Each change makes a new version; variables are given anew all together."""
    from gateway.admin import presets

    changes = _fields(options)
    if restore is not None:
        changes["restore"] = restore

    async def change(store: "Store") -> presets.Answer:
        if "parameters" in changes:
            before = accepted(await presets.get_preset(store, name))["parameters"]
            changes["parameters"] = _without_nulls(before | changes["parameters"])
        return await presets.update_preset(store, name, presets.UpdatePreset(**changes))

    changed = accepted(with_store(lambda store, _: change(store)))
    _tell(changed, as_json, f"@preset/{name} is at version {changed['version']}.")


@presets.command()
@click.argument("name")
@json_option
def delete(name: str, as_json: bool) -> None:
    """Delete a preset with all its versions. Its usage is kept."""
    from gateway.admin import presets

    deleted = accepted(with_store(lambda store, _: presets.delete_preset(store, name)))
    _tell(deleted, as_json, f"Deleted @preset/{name}.")


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as fields of the HTTP API."""
    fields: dict[str, Any] = {
        name: options[name] for name in ("model", "locked") if options[name] is not None
    }
    for name in ("system", "template"):
        text, file = options[name], options[f"{name}_file"]
        if text is not None and file is not None:
            raise click.UsageError(f"Use either --{name} or --{name}-file, not both.")
        if file is not None:
            text = _read(file)
        if text is not None:
            fields[name] = text
    if options["variables"]:
        fields["variables"] = variables_of(options["variables"])
    parameters = parameters_of(options["parameters"])
    for name, option in (("max_output_tokens", "max_output"), ("temperature", "temperature")):
        if options[option] is not None:
            parameters[name] = options[option]
    if parameters:
        fields["parameters"] = parameters
    return fields


def _read(path: str) -> str:
    try:
        with click.open_file(path, encoding="utf-8") as file:
            return file.read().rstrip("\n")
    except OSError as problem:
        raise Failed(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise Failed(f"{path} is not a text in UTF-8.") from None


def _without_nulls(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in parameters.items() if one is not None}


def _tell(preset: dict[str, Any], as_json: bool, text: str) -> None:
    if as_json:
        print_json(preset)
    else:
        click.echo(text)


def _row(row: dict[str, Any]) -> list[str]:
    variables = ", ".join(sorted(row["variables"]))
    sends = variables or "nothing" if row["locked"] else f"messages, {variables}".rstrip(", ")
    return [
        f"@preset/{row['name']}",
        row["model"],
        str(row["version"]),
        sends,
        moment(row["updated_at"]),
    ]
