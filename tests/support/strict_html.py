"""Reads HTML without mercy: what a browser would mend, or fetch, is an error here."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

VOID = {"meta", "link", "wbr", "br", "hr", "img", "input"}


class StrictPage(HTMLParser):
    """Raises AssertionError for markup that is not what it seems."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.code: list[str] = []  # text of each <pre>
        self.style = ""
        self._open: list[str] = []
        assert markup.startswith("<!doctype html>\n<html ")
        self.feed(markup)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        assert len(set(self.ids)) == len(self.ids)
        assert self.tags.count("h1") == self.tags.count("title") == self.tags.count("main") == 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert tag not in {"script", "iframe", "object", "embed", "form", "base"}
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names)
        for name, value in attrs:
            assert value is not None
            assert name != "style", "a strict policy ignores it"
            assert name not in {"src", "srcset", "action"}
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value)
            if name == "href" and tag == "a":
                self.links.append(value)
            elif name == "href":
                assert value.startswith("data:image/svg+xml,")
        if tag == "pre":
            self.code.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> ends nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "pre" in self._open:
            self.code[-1] += data
        if "style" in self._open:
            self.style += data
        assert "style" in self._open or "url(" not in data

    def assert_links_lead_somewhere(self, paths: set[str]) -> None:
        """Within the page, or to one of `paths`; never elsewhere."""
        for link in self.links:
            assert link.removeprefix("#") in self.ids if link.startswith("#") else link in paths

    def style_hash(self) -> str:
        """What the policy has to name for the style to hold."""
        assert "url(" not in self.style
        assert "@import" not in self.style
        return "'sha256-" + b64encode(sha256(self.style.encode()).digest()).decode() + "'"
