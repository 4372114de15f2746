"""docs/supabase.md explains every message of a Supabase project that does not answer as it should,
and none that the gateway does not give."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import httpx
import pytest

from gateway.config import settings
from gateway.config.settings import SettingsError
from gateway.config.supabase_project import ROLE
from gateway.database.opening import SchemaMissing
from gateway.stores.supabase_problems import NotJson, Rejected, explain
from tests.support.paths import ROOT

HOST = "abcdefghijklmnopqrst.supabase.co"
KEY = "sb_secret_0123456789abcdef0123456789"
PAGE = (ROOT / "docs" / "supabase.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(.*?)` \| \S", PAGE.partition("## What the gateway says")[2], re.M)
PATTERNS = {row: ".*".join(re.escape(part) for part in row.split("…")) for row in ROWS}
# Postgres's and PostgREST's, those that mean something to us and some that mean nothing.
CODES = (
    *(
        None,
        "",
        "42501",
        "42883",
        "42P01",
        "3F000",
        "25006",
        "53100",
        "57014",
        "40001",
        "22P02",
        "22023",
    ),
    *("23505", "P0001", "XX000", "PGRST000", "PGRST100", "PGRST106", "PGRST202", "PGRST301"),
    "PGRST303",
)
WORDS = ("no\nway.", "JWT expired", 'role "localllm_gateway" does not exist')


def service_key(project: str, role: str) -> str:
    """A JSON Web Token as older projects have them, signed by nobody."""
    parts = ({"alg": "HS256"}, {"ref": project, "role": role})
    encoded = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "x"])


def answers() -> Iterator[BaseException]:
    """Whatever PostgREST, or what stands before it, may answer."""
    for status in (*range(300, 309), *range(400, 452), *range(500, 512), 520, 540, 544):
        for code in CODES:
            for words in WORDS:
                body = json.dumps({"code": code, "message": words}).encode()
                yield Rejected(status, body, "https://elsewhere.example/login")
        yield Rejected(status, b"<html>", "")
    yield NotJson()


def breaks() -> Iterator[BaseException]:
    """What the connection itself may end with, as httpx raises it over aiohttp."""
    target = Mock(host=HOST, port=443, ssl=True)
    refused = OSError(111, "Connection refused")
    causes: list[BaseException] = [
        aiohttp.ClientConnectorError(target, refused),
        aiohttp.ClientConnectorDNSError(target, refused),
        aiohttp.ClientConnectorCertificateError(target, Exception("expired")),
        aiohttp.ClientProxyConnectionError(target, refused),
        aiohttp.ClientHttpProxyError(Mock(), (), status=407, message="Who are you?"),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientPayloadError("cut off"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
        aiohttp.ServerTimeoutError(),
    ]
    for cause in causes:
        yield cause
        raised = httpx.ReadError("httpx's own words")
        raised.__cause__ = cause
        yield raised
    yield httpx.RemoteProtocolError("no cause")


def wrong_settings() -> Iterator[dict[str, str]]:
    for url in ("https://supabase.com/dashboard/project/" + HOST[:20], "ftp://x", f"{HOST}/rest"):
        yield {"SUPABASE_URL": url, "SUPABASE_SERVICE_KEY": KEY}
    yield {"SUPABASE_URL": f"http://{HOST}", "SUPABASE_SERVICE_KEY": KEY}
    yield {"SUPABASE_URL": HOST}
    yield {"SUPABASE_SERVICE_KEY": KEY}
    keys = ("x", "sb_publishable_x", service_key("o" * 20, "anon"))
    token = service_key(HOST[:20], ROLE)
    for key in (*keys, token, service_key("o" * 20, "service_role")):
        yield {"SUPABASE_URL": HOST, "SUPABASE_SERVICE_KEY": key}
    public, theirs, ours = "SUPABASE_PUBLISHABLE_KEY", "sb_publishable_x", "SUPABASE_GATEWAY_TOKEN"
    yield {"SUPABASE_URL": HOST, ours: token}
    yield {"SUPABASE_URL": HOST, "SUPABASE_SERVICE_KEY": KEY, ours: token}
    for key in ("x", KEY, service_key("o" * 20, "anon")):
        yield {"SUPABASE_URL": HOST, public: key, ours: token}
    for key in ("x", service_key(HOST[:20], "service_role"), service_key("o" * 20, ROLE)):
        yield {"SUPABASE_URL": HOST, public: theirs, ours: key}


def messages() -> Iterator[str]:
    for function in (None, "authorize_request", "create_api_key"):
        for problem in (*answers(), *breaks()):
            yield str(explain(problem, HOST, by_token=function))
    yield str(SchemaMissing(["0001_start", "functions"]))
    for given in wrong_settings():
        with pytest.raises(SettingsError) as caught:
            settings.load(given, Path("/nonexistent"))
        yield str(caught.value)


def test_the_page_explains_every_message_and_none_that_is_never_given() -> None:
    said = set(messages())
    unexplained = [one for one in said if not any(re.fullmatch(p, one) for p in PATTERNS.values())]
    assert unexplained == []
    never = [row for row, p in PATTERNS.items() if not any(re.fullmatch(p, one) for one in said)]
    assert never == []
