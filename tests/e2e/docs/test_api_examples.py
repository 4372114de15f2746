"""The examples of docs/api.md are run as they stand, and answer as the page says."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from gateway.admin.fields import SCOPES
from gateway.dialects import all_dialects, family_of
from gateway.reference.examples import KEY, KEY_ID
from gateway.reference.route import JSON, SITE, Route
from gateway.reference.route_markdown import ADDRESS
from gateway.reference.table import ROUTES
from tests.support.callers import ADMIN_SECRET, admin, bearer, connect, make_keys, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream, fake_upstream
from tests.support.gateway_process import PATIENCE, fresh_directory
from tests.support.openapi_shapes import validator
from tests.support.paths import ROOT
from tests.support.presets import forget_presets

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
PARTS = {part.partition("\n")[0]: part for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]}
DIALECTS = {one.path: one for one in all_dialects()}
MODELS = re.findall(
    r'"model": "([^"]+)"', " ".join(re.findall(r"^  -d '(.*)'$", PAGE, re.MULTILINE))
)
# After the answer, on a line of its own: what HTTP said.
CURLRC = 'silent\nshow-error\nwrite-out = "\\n%{http_code} %{content_type}"\n'


WATCHED = ["watchGateway"]  # its answer does not end: tests/e2e/overview/test_events.py reads it


class Told(NamedTuple):
    """What an example printed."""

    body: str
    status: int
    media: str


def block_of(route: Route) -> str:
    """Its only shell block."""
    (found,) = re.findall(r"^```sh\n(.*?)^```$", PARTS[f"{route.method} {route.path}"], re.S | re.M)
    return found


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    """It has every model that the page names."""
    with fake_upstream() as running:
        running.models += [{"name": name} for name in dict.fromkeys(MODELS)]
        yield running


async def begins(exchange: Exchange) -> None:
    """To answer, and says no more."""
    await exchange.head()
    await exchange.words()
    await asyncio.Event().wait()


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, shared_dsn) as running:
        yield running
        forget_presets(running.url)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with fresh_directory() as path:
        path.joinpath(".curlrc").write_text(CURLRC)
        yield path


def run(route: Route, gateway: GatewayProcess, home: Path, upstream: FakeUpstream) -> Told:
    """The example of a route, as somebody who has a key pastes it into a shell."""
    visitors = {"by": ["token"]} if route.who == SITE else None
    made: Any = make_keys(gateway.url, scopes=list(SCOPES), visitors=visitors)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "NO_PROXY": "127.0.0.1"}
    environ |= {"LOCALLLM_KEY": made["key"], "ADMIN_SECRET": ADMIN_SECRET}
    if route.path.startswith("/admin/presets"):
        _place_preset(gateway.url, there="{name}" in route.path)
    text = block_of(route).replace(ADDRESS, gateway.url)
    if "/requests/{id}" in route.path:
        runs = route.name == "cancelRequest"
        upstream.behave = begins if runs else upstream.behave
        with _request(gateway.url, made["key"], runs=runs) as request_id:
            return _told(text.replace(KEY_ID, request_id), home, environ)
    return _told(text.replace(KEY_ID, made["id"]), home, environ)


def _told(text: str, home: Path, environ: dict[str, str]) -> Told:
    done = subprocess.run(
        ["sh", "-ec", text], cwd=home, env=environ, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, (text, done.stderr)
    assert done.stderr == ""
    body, _, said = done.stdout.rpartition("\n")
    status, _, media = said.partition(" ")
    return Told(body, int(status), media.partition(";")[0])


@contextmanager
def _request(url: str, key: str, *, runs: bool) -> Iterator[str]:
    """The id of a request that has ended, or that runs."""
    asked = {"messages": [{"role": "user", "content": "Say hello."}], "stream": runs}
    with (
        connect(url) as client,
        client.stream("POST", "/v1/chat/completions", json=asked, headers=bearer(key)) as answer,
    ):
        if not runs:
            answer.read()
        yield answer.headers["x-request-id"]


def _place_preset(url: str, *, there: bool) -> None:
    """The one that the page speaks of, or none."""
    example = next(one.example for one in ROUTES if one.name == "createPreset")
    if example["name"] in [one["name"] for one in admin(url, "GET", "/presets")["data"]]:
        admin(url, "DELETE", f"/presets/{example['name']}")
    if there:
        admin(url, "POST", "/presets", example)


def test_each_shell_block_of_the_page_is_one_of_those_that_are_run() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.S | re.M)
    assert sorted(blocks) == sorted(map(block_of, ROUTES))
    assert set(re.findall(r"^```(\w*)$", PAGE, re.M)) == {"sh", "json", "text", ""}


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if one.name not in WATCHED], ids=lambda route: route.name
)
def test_an_example_works_and_answers_as_the_page_says(
    route: Route, gateway: GatewayProcess, home: Path, shared_upstream: FakeUpstream
) -> None:
    told = run(route, gateway, home, shared_upstream)
    assert told.status == route.status, told.body
    (content,) = [one for one in route.answer if one.media == told.media]
    if content.media != JSON:
        is_stream(route, told.body)
    elif isinstance(content.shape, type):
        validator(content.shape.__name__).validate(msgspec.json.decode(told.body))


@pytest.mark.parametrize("route", [one for one in ROUTES if one.name in WATCHED])
def test_an_example_that_watches_shows_events_as_the_page_says(
    route: Route, gateway: GatewayProcess, home: Path
) -> None:
    limit = f"curl --max-time {PATIENCE:.0f} "
    text = block_of(route).replace(ADDRESS, gateway.url).replace("curl ", limit, 1)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "ADMIN_SECRET": ADMIN_SECRET}
    watching = subprocess.Popen(
        ["sh", "-c", text], env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with watching:
        try:
            assert watching.stdout
            first = [line.rstrip("\n") for line in islice(watching.stdout, 2)]
        finally:
            os.killpg(watching.pid, signal.SIGKILL)  # its answer does not end
    assert first[0] == "event: status"
    validator("GatewayStatus").validate(msgspec.json.decode(first[1].removeprefix("data: ")))


def is_stream(route: Route, text: str) -> None:
    """Whole, of events as they are described, and with the end that the page names. What has no
    other form than this is a page or a word."""
    shapes = [one.shape for one in route.answer if isinstance(one.shape, type)]
    if not shapes:
        assert text
        return
    dialect = DIALECTS.get(route.path)
    framing, shape = family_of(route.path).framing, shapes[0]
    if dialect:
        framing, shape = dialect.framing, dialect.reference.event
    assert framing
    assert shape
    separator = framing.separator.decode()
    *events, last = text.removesuffix(separator).split(separator)
    assert events
    for event in [*events, last]:
        if "{" in event:
            value = msgspec.json.decode(event[event.index("{") :])
            validator(shape.__name__).validate(value)
    (end,) = re.findall(rf"^\| `{route.path}` \| `((?:event: |data: |{{).*)` \|$", PAGE, re.M)
    begin, _, rest = end.partition("…")
    assert last.startswith(begin)
    assert rest.strip(" …}") in last


def test_a_new_key_has_the_scopes_that_the_page_says(gateway: GatewayProcess) -> None:
    assert make_keys(gateway.url)["scopes"] == KEY["scopes"]


def test_no_secret_of_the_owner_stands_on_a_command_line() -> None:
    for route in ROUTES:
        for command in re.split(r"[|\n]", block_of(route)):
            assert "ADMIN_SECRET" not in command or command.startswith("printf ")
