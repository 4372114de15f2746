"""The settings of a `.env` file, which only its owner may be able to change."""

import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from tunnel import ownership

_OPEN_QUOTE = re.compile(r"\s*(?:export\s+)?\w+\s*=[^\S\n]*['\"]", re.ASCII)


class SettingsError(Exception):
    """A setting that cannot be used; the text names it and says what it should be."""


def read_dotenv(path: Path) -> dict[str, str]:
    """The NAME=value lines of a `.env`, as python-dotenv reads them: quotes, `export`, comments and
    `${OTHER}`. A line that it would pass over is reported."""
    try:
        text = path.read_bytes()
        problem = ownership.problem(path)
        if problem is not None:
            own = problem.endswith(f"write to {path.resolve()}")
            todo = f"Run: chmod go-w {path}" if own else "Start localllm where only you can write."
            raise SettingsError(
                f"{path} is not used, because {problem}: whoever can change it runs programs as "
                f"you. {todo}"
            )
        # Editors of Windows write a byte order mark, its shells UTF-16.
        text = text.decode("utf-16" if text[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError) as problem:
        raise SettingsError(f"{path} cannot be read: {problem}.") from None
    for line in parse_stream(io.StringIO(text)):
        name = line.key or ""
        if line.error or (
            name and (line.value is None or not re.fullmatch(r"\w+", name, re.ASCII))
        ):
            blank = len(line.original.string) - len(line.original.string.lstrip())
            number = line.original.line + line.original.string[:blank].count("\n")
            hint = " Its quote is not closed." if _OPEN_QUOTE.match(line.original.string) else ""
            raise SettingsError(f"{path} line {number} should read NAME=value.{hint}")
    found = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in found.items() if value is not None}
