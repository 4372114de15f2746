"""HTML that cannot be forgotten to be escaped: whatever is not `Html` is text."""

import re
from html import escape

_LONG_NAME = re.compile(r"[\w.]{20,}", re.ASCII)


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


_MARKS = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*]+)\*"
    r"|\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)"
)


def prose(text: str) -> Html:
    """Text with the marks of blocks.py."""
    parts: list[Child] = []
    at = 0
    for found in _MARKS.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        kind = found.lastgroup or ""
        if kind == "target":
            parts.append(link(found["target"], prose(found["text"])))
        else:
            parts.append(tag(kind, _code(found[kind]) if kind == "code" else prose(found[kind])))
    return join(*parts, text[at:])


def _code(text: str) -> Html:
    """A long name may break behind a dot or an underscore."""
    if not _LONG_NAME.fullmatch(text):
        return join(text)
    return Html(re.sub(r"(?<=[._])", "<wbr>", text))


def link(target: str, *children: Child) -> Html:
    return tag("a", *children, href=target)


def table(heads: tuple[str, ...], rows: list[tuple[Child, ...]]) -> Html:
    """On a narrow screen, where the heads are not seen, each cell of a wide one says what it is."""
    wide = len(heads) > 3
    head = tag("tr", *(tag("th", name, scope="col") for name in heads))
    body = (
        tag(
            "tr",
            *(
                tag("td", cell, **({"data_head": name} if wide else {}))
                for name, cell in zip(heads, row, strict=True)
            ),
        )
        for row in rows
    )
    shape = {"class_": "wide"} if wide else {}
    return tag("table", tag("thead", head), tag("tbody", *body), **shape)
