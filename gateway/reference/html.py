"""HTML that cannot be forgotten to be escaped: whatever is not `Html` is text."""

import re
from html import escape


class Html(str):
    """Markup. Only the functions of this file make it."""


Child = str | None  # Html, a text, or nothing


def tag(name: str, /, *children: Child, **attributes: str) -> Html:
    """`<name …>children</name>`; `class_` is written class, `_` in names becomes `-`."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{shown}>{join(*children)}</{name}>")


def void(name: str, /, **attributes: str) -> Html:
    """An element that has no end tag."""
    return Html(tag(name, **attributes).removesuffix(f"</{name}>"))


def join(*children: Child) -> Html:
    return Html(
        "".join(
            child if isinstance(child, Html) else escape(child, quote=False)
            for child in children
            if child is not None
        )
    )


def prose(text: str) -> Html:
    """A text in which `backticks` mark code."""
    parts = re.split(r"`([^`]+)`", text)
    return join(*(tag("code", part) if n % 2 else part for n, part in enumerate(parts)))


def link(target: str, *children: Child) -> Html:
    return tag("a", *children, href=target)


def table(heads: tuple[str, ...], rows: list[tuple[Child, ...]]) -> Html:
    head = tag("tr", *(tag("th", name, scope="col") for name in heads))
    body = (tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag("table", tag("thead", head), tag("tbody", *body))
