"""The table of settings as people read it: `--help`, `.env.example` and docs/configuration.md."""

from dataclasses import MISSING, fields

from gateway.config.settings import Settings


def rows() -> list[tuple[str, str, str]]:
    """(NAME, default as documents show it, meaning) of every setting, in order."""
    table: list[tuple[str, str, str]] = []
    for item in fields(Settings):
        shown = item.metadata["shown"]
        if not shown and item.default not in (MISSING, None, ()):
            shown = str(item.default).removesuffix(".0")
            shown = shown.lower() if isinstance(item.default, bool) else shown
        table.append((item.name.upper(), shown, item.metadata["text"]))
    return table


def dotenv_example() -> str:
    """The text of `.env.example`: every setting, commented out, with its default."""
    head = "# Copy this file to .env and change what you need. Every setting has a safe default.\n"
    body = "".join(f"\n# {text}\n#{name}={shown}\n" for name, shown, text in rows())
    return head + body


def markdown_table() -> str:
    """The table in docs/configuration.md."""
    lines = ["| name | default | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {shown or '–'} | {text} |" for name, shown, text in rows()]
    return "\n".join(lines) + "\n"
