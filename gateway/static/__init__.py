"""What browsers get: pages, and the files that they load."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
# Not from the system's table: on Windows it may call scripts plain text, and browsers refuse those.
MEDIA = {".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript"}


class Asset(NamedTuple):
    """A file that a page loads. The SHA-256 of its content is in its URL, so a browser can keep it
    forever: a new version has another URL."""

    path: Path
    digest: str

    @property
    def url(self) -> str:
        return f"/docs/{self.digest[:16]}/{self.path.name}"

    @property
    def media(self) -> str:
        return MEDIA[self.path.suffix]


def read(name: str) -> str:
    """The text of a file of this folder."""
    return (FOLDER / name).read_text("utf-8")


def assets(*names: str) -> tuple[Asset, ...]:
    paths = [FOLDER / name for name in names]
    return tuple(Asset(path, sha256(path.read_bytes()).hexdigest()) for path in paths)


def page(name: str, loaded: tuple[Asset, ...]) -> str:
    """A page in which each file that it loads has its URL in place of its name."""
    text = read(name)
    for one in loaded:
        text = text.replace(f'"{one.path.name}"', f'"{one.url}"')
    return text


@cache
def content(path: Path) -> bytes:
    """Read once, so however many slow clients take a file, it is in memory once."""
    return path.read_bytes()
