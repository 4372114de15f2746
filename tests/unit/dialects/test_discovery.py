"""A new dialect is one new file, a new family one new folder: nothing else lists them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import dialects
from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.http.middleware import Middleware

pytestmark = pytest.mark.anyio

DIALECT = """
from dataclasses import replace
from gateway.dialects.openai.embeddings import EMBEDDINGS

DIALECTS = (replace(EMBEDDINGS, path="/{path}"),)
"""
FAMILY = """
from msgspec import Struct
from gateway.core.errors import Refusal
from gateway.dialects.family import SSE, Family
from gateway.dialects.shared import sse

class Problem(Struct):
    problem: str

FAMILY = Family(
    name="new",
    prefixes=("/new/", "/v1/messages/new"),
    framing=SSE,
    error_shape=Problem,
    make_error=lambda refusal, request_id: Problem(f"{request_id}: {refusal.message}"),
    error_event=sse.write,
    request_id_headers=(b"x-new-id", b"x-newer-id"),
)
ABSENT = {"/new/thing": "It is not here."}
"""
FINDERS = (
    dialects._modules,
    dialects.all_families,
    dialects.all_dialects,
    dialects.all_absent,
    dialects._prefixes,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files that are put there are modules of the package."""
    before = set(sys.modules)
    monkeypatch.setattr(dialects, "__path__", [*dialects.__path__, str(tmp_path)])
    for finder in FINDERS:
        finder.cache_clear()
    yield tmp_path
    for finder in FINDERS:
        finder.cache_clear()
    for name in set(sys.modules) - before:
        del sys.modules[name]


def paths() -> list[str]:
    return [one.path for one in dialects.all_dialects()]


def test_a_file_makes_a_dialect(folder: Path):
    (folder / "another.py").write_text(DIALECT.format(path="another"))
    assert "/another" in paths()


def test_a_folder_makes_a_family_with_its_dialects_errors_and_headers(folder: Path):
    (folder / "new").mkdir()
    (folder / "new" / "__init__.py").touch()
    (folder / "new" / "family.py").write_text(FAMILY)
    (folder / "new" / "thing.py").write_text(DIALECT.format(path="new/thing"))

    family = next(one for one in dialects.all_families() if one.name == "new")
    assert dialects.family_of("/new/x") is family
    assert "/new/thing" in paths()
    assert "/new/thing" in dialects.all_absent()
    body = dialects.error_body("/new/x", Refusal("not_found", "Nothing \ud800 here."), "7")
    assert body == b'{"problem":"7: Nothing ? here."}'


async def test_the_middleware_sends_and_exposes_the_headers_of_a_family(folder: Path):
    (folder / "new.py").write_text(FAMILY)
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"origin", b"https://site.example")]
    scope = {"type": "http", "method": "GET", "path": "/new/x", "headers": headers}
    await Middleware(app, Settings(cors_origins=("*",)), lambda: False)(scope, None, send)
    answered = dict(sent[0]["headers"])
    assert answered[b"x-new-id"] == answered[b"x-newer-id"] == answered[b"x-request-id"]
    assert answered[b"access-control-expose-headers"].endswith(b", x-new-id, x-newer-id")


def test_of_two_families_the_longer_prefix_decides(folder: Path):
    (folder / "new.py").write_text(FAMILY)
    assert dialects.family_of("/v1/messages/new/x").name == "new"
    assert dialects.family_of("/v1/messages/x").name == "anthropic"


@pytest.mark.parametrize("path", ["/v1/generate", "/v1/usage", "/admin/api-keys", "/x", "*", ""])
def test_the_gateway_s_own_routes_and_all_that_nobody_claims_speak_openai_s_way(path: str):
    assert dialects.family_of(path).name == "openai"


def test_they_are_found_in_the_order_of_their_names():
    names = [module.__name__ for module in dialects._modules()]
    assert names == sorted(names)
    assert [family.name for family in dialects.all_families()] == ["anthropic", "ollama", "openai"]
    assert len(set(paths())) == len(paths())
