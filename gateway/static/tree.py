"""The modules of a page: files that name each other by relative paths.

Each address holds the digest of all files together, so a browser can keep every file forever, and
one module never meets another of an older version.
"""

import posixpath
import re
from hashlib import sha256

from gateway.static import FOLDER, MEDIA

# Libraries name each other by the names of their packages, which browsers cannot resolve.
_PACKAGES = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact/hooks.mjs",
    "@preact/signals-core": "vendor/preact-signals-core/signals-core.mjs",
}
_NAMED = re.compile(r'\bfrom"([@a-z][^"]*)"')
_SOURCE_MAP = re.compile(r"\n?//# sourceMappingURL=\S+\s*$")  # is not here
# What types are checked by. The lines stay, so that browsers name the right ones.
_TYPES = re.compile(r"^ */\*\*(?:(?!\*/).)*\*/$", re.MULTILINE | re.DOTALL)
_IMPORTED = re.compile(r'\bfrom ?"(\.[^"]+)"')


class Tree:
    """`prefix`: the path of the page, such as `/console`. `patterns`: its files below FOLDER."""

    def __init__(self, prefix: str, *patterns: str) -> None:
        paths = sorted({path for pattern in patterns for path in FOLDER.glob(pattern)})
        names = [path.relative_to(FOLDER).as_posix() for path in paths if path.suffix in MEDIA]
        self._files = {name: _served(name) for name in names}
        whole = sha256()
        for name, content in self._files.items():
            whole.update(b"%s\0%d\0%s" % (name.encode(), len(content), content))
        self.digest = whole.hexdigest()
        self.base = f"{prefix}/{self.digest[:16]}"

    def url(self, name: str) -> str:
        return f"{self.base}/{name}"

    def find(self, short: str, name: str) -> tuple[bytes, str] | None:
        """Content and media type of the file at `base/name`; `short`: the digest asked for."""
        if short != self.digest[:16] or name not in self._files:
            return None
        return self._files[name], MEDIA[posixpath.splitext(name)[1]]

    @property
    def names(self) -> list[str]:
        return list(self._files)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(map(len, self._files.values()))

    def imported(self, name: str) -> list[str]:
        """What a module imports at once, directly or not: a page that says so gets all at once."""
        found: list[str] = []
        waiting = [name]
        while waiting:
            here = waiting.pop(0)
            folder = posixpath.dirname(here)
            for other in _IMPORTED.findall(self._files[here].decode()):
                path = posixpath.normpath(posixpath.join(folder, other))
                if path not in found:
                    found.append(path)
                    waiting.append(path)
        return found


def _served(name: str) -> bytes:
    """A file as browsers get it. Those of the project lose their types only, a tenth of them."""
    content = (FOLDER / name).read_bytes()
    if not name.startswith("vendor/"):
        return _TYPES.sub(lambda found: "\n" * found[0].count("\n"), content.decode()).encode()
    folder = posixpath.dirname(name)

    def relative(found: re.Match[str]) -> str:
        path = posixpath.relpath(_PACKAGES[found[1]], folder)
        return f'from"{path if path.startswith(".") else f"./{path}"}"'

    text = _SOURCE_MAP.sub("", _NAMED.sub(relative, content.decode("utf-8")))
    return text.encode()
