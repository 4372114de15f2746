"""A website of the examples: a copy of its folder, with its owner's settings, and a server."""

import re
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.gateway_process import free_port
from tests.support.paths import ROOT
from tests.support.serving import in_a_thread

EXAMPLES = ROOT / "examples"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def new_origin() -> str:
    return f"http://127.0.0.1:{free_port()}"


def port_of(origin: str) -> int:
    return int(origin.rpartition(":")[2])


def copy(
    name: str, target: Path, replaced: Mapping[str, str] | None = None, **settings: str
) -> Path:
    """The folder `web-…` as its owner has it: `settings` are those of settings.js, each of which
    has to be given. `replaced`: addresses of others, in all files."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    folder = shutil.copytree(EXAMPLES / name, target / name, ignore=ignored)
    [own] = folder.rglob("settings.js")
    text = own.read_text("utf-8")
    assert re.findall(r"^export const (\w+)", text, re.MULTILINE) == [*settings]
    for setting, value in settings.items():
        text = re.sub(rf'(?<=const {setting} = )".*?"', f'"{value}"', text)
    own.write_text(text, "utf-8")
    for file in folder.rglob("*.*"):
        for old, new in (replaced or {}).items():
            file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    return folder


@contextmanager
def static(folder: Path, origin: str) -> Generator[str]:
    """Its files, as any server of files has them."""
    handler = partial(_Quiet, directory=str(folder))
    with in_a_thread(ThreadingHTTPServer(("127.0.0.1", port_of(origin)), handler)):
        yield origin
