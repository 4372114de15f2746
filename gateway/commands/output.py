"""How commands print: JSON for programs, tables and bars for people."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from gateway.commands.running import Failed

if TYPE_CHECKING:
    from gateway.admin.keys import Answer

BAR_WIDTH = 12

json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON."
)


def accepted(answer: "Answer") -> dict[str, Any]:
    """The JSON of an answer. A refusal ends the command with its message."""
    if isinstance(answer, dict):
        return answer
    raise Failed(answer.message)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table as wide as the terminal; in a pipe nothing is cut. `>x` is aligned right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=240)
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for heading in headings:
        right = heading.startswith(">")
        table.add_column(
            heading.removeprefix(">"), justify="right" if right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: a label is never markup
    console.print(table)


def bar(value: int, most: int) -> str:
    """`value` as a bar, full at `most`."""
    filled = 0 if most <= 0 else min(BAR_WIDTH, -(-value * BAR_WIDTH // most))
    return "█" * filled + "░" * (BAR_WIDTH - filled)


def number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def moment(text: str | None) -> str:
    """A timestamp of the JSON, to the minute."""
    return "–" if not text else text[:16].replace("T", " ")
