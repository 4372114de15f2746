"""What is told of a trial: lines on the terminal, and a row of the table in docs/apps.md."""

from collections import Counter
from urllib.parse import urlsplit

from tryapps.trial import Result

BEGIN, END = "<!-- made by scripts/try-apps --write -->", "<!-- end -->"
_HEAD = (
    "| program | package | asks at | requests | tools | largest request | counted | result |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |",
)
_LAST_WORDS = 1500  # characters of a program that failed


def lines(result: Result) -> str:
    """How it went, and below it what was asked, what reached the model, and what did not."""
    told = [f"{'failed' if result.problem else 'passed'}  {result.app.title}"]
    if result.version:
        told[0] += f", {result.version}"
    if result.problem:
        told[0] += f": {result.problem}"
    asked = Counter(f"{one.method} {urlsplit(one.path).path}" for one in result.passed)
    told += [f"  asked: {what}, {_number(times, 'time')}" for what, times in asked.items()]
    for one in result.reached:
        called = f", called {one.called}" if one.called else ""
        tools = _number(len(one.tools), "tool")
        told.append(f"  reached the model: {one.path}, {one.size:,} bytes, {tools}{called}")
    names = dict.fromkeys(tool for one in result.reached for tool in one.tools)
    if names:
        told.append(f"  tools: {', '.join(names)}")
    told += [f"  left out: {one}" for one in sorted({one.ignored for one in result.passed} - {""})]
    told.append(f"  counted: {result.counted:,} tokens")
    told += [
        f"  refused: {one.method} {one.path}: {one.status} {one.reason}" for one in result.refused
    ]
    if result.problem and result.output:
        told.append("  last output:")
        told += [f"    {line}" for line in result.output[-_LAST_WORDS:].splitlines()]
    return "\n".join(told)


def _number(count: int, of: str) -> str:
    return f"{count} {of}" if count == 1 else f"{count} {of}s"


def row(result: Result, day: str) -> str:
    """A row of the table."""
    routes = dict.fromkeys(f"`{one.path}`" for one in result.reached)
    cells = [
        result.app.title,
        result.version or "-",
        ", ".join(routes) or "-",
        str(len(result.reached)),
        str(max((len(one.tools) for one in result.reached), default=0)),
        f"{max((one.size for one in result.reached), default=0):,} bytes",
        f"{result.counted:,} tokens",
        f"{'failed' if result.problem else 'passed'}, {day}",
    ]
    return f"| {' | '.join(cells)} |"


def table_written(page: str, made: dict[str, str]) -> str:
    """The page with these rows, by title. Rows of programs that were not tried now are kept."""
    before, begin, rest = page.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} … {END}")
    rows = {line.split("|")[1].strip(): line for line in table.strip().splitlines()[len(_HEAD) :]}
    rows |= made
    body = [rows[title] for title in sorted(rows, key=str.casefold)]
    return "\n".join([before + BEGIN, *_HEAD, *body, END + after])
