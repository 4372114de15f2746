"""Blocks of the reference as HTML."""

from gateway.reference.blocks import Block, Code, Listing, Paragraph, Section, Table
from gateway.reference.html import Html, join, link, prose, table, tag


def title(section: Section) -> Html:
    """Method and path; the path may break after a slash on a narrow screen."""
    if not section.method:
        return prose(section.title)
    method = tag("span", section.method, class_=f"method {section.method.lower()}")
    pieces = (part for name in section.title.split("/")[1:] for part in ("/", Html("<wbr>"), name))
    return join(method, " ", tag("code", *pieces))


def rendered(block: Block, depth: int = 2) -> Html:
    """One block; `depth` is the level of a section's heading."""
    match block:
        case Paragraph(text):
            return tag("p", prose(text))
        case Listing(items):
            return tag("ul", *(tag("li", prose(item)) for item in items))
        case Table(heads, rows):
            return table(heads, [tuple(map(prose, row)) for row in rows])
        case Code(text, _, folded):
            shown = tag("pre", tag("code", text.rstrip("\n")))
            return tag("details", tag("summary", prose(folded)), shown) if folded else shown
        case Section():
            return _section(block, depth)


def _section(section: Section, depth: int) -> Html:
    inner = (rendered(block, depth + 1) for block in section.blocks)
    if depth == 2:
        return tag("section", tag("h2", title(section), id=section.id), *inner)
    if section.id:
        head = tag(f"h{depth}", link(f"#{section.id}", title(section)))
        return tag("article", head, *inner, id=section.id)
    return join(tag("h4", title(section)), *inner)
