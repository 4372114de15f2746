"""After a session of real calls, good and bad, no secret stands where others could read it."""

import asyncio
import contextlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from gateway.core import keys
from gateway.routes.support import login
from tests.support.bare_gateway import bare_gateway
from tests.support.bare_gateway import served as bare_served
from tests.support.callers import ADMIN_SECRET, QUESTION, admin, bearer, connect, make_keys, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.forked.process import OWN_PYTHON
from tests.support.processes import family

CHAT = "/v1/chat/completions"
PROMPT = "nobody-s-business-but-the-caller-s"
ANSWER = ("nobody-s-business-", "either")


class Session:
    """Calls of every kind, and the texts that must not be found after them."""

    def __init__(self, url: str, upstream: FakeUpstream) -> None:
        made = make_keys(url, label="a session")
        rotated = admin(url, "POST", f"/api-keys/{made['id']}/rotate", {"grace_seconds": 60})
        self.old, self.key = made["key"], rotated["key"]
        self.unknown = keys.make_key("llm")
        self.mistyped = self.key[:-1] + ("x" if self.key[-1] != "x" else "y")
        self.wrong_admin_secret = "a-guess-at-the-admin-secret"
        upstream.behave = self._behave
        with connect(url) as client:
            self._call(client)
        assert upstream.chats
        for exchange in upstream.received:  # the model server need not know either
            head = exchange.raw.partition(b"\r\n\r\n")[0]
            assert not any(text.encode() in head for text in self.secrets)
        listed = admin(url, "GET", "/api-keys?limit=1000")
        assert "key_hash" not in str(listed)
        for text in self.secrets:
            assert text not in str(listed)
        upstream.reset()

    @property
    def secrets(self) -> list[str]:
        shown = [self.old, self.key, self.unknown, self.mistyped]
        return [*shown, ADMIN_SECRET, self.wrong_admin_secret, PROMPT, "".join(ANSWER)]

    async def _behave(self, exchange: Exchange) -> None:
        match exchange.json.get("seed"):
            case 1:
                await exchange.whole({"error": {"message": "it broke"}}, 500)
            case 2:
                await exchange.head()
                await exchange.words(ANSWER)
                exchange.cut()
            case 3:
                exchange.cut()
            case _ if exchange.json.get("stream"):
                await exchange.head()
                await exchange.words(ANSWER)
                await exchange.usage()
            case _:
                await exchange.whole(exchange.completion("".join(ANSWER)))

    def _call(self, client: httpx.Client) -> None:
        messages = [{"role": "user", "content": PROMPT}]
        for shown in (self.key, self.old, self.unknown, self.mistyped):
            for headers in (bearer(shown), {"X-API-Key": shown}):
                for more in ({}, {"stream": True}, {"seed": 1}, {"seed": 2, "stream": True}):
                    body = {**QUESTION, "messages": messages, **more}
                    client.post(CHAT, json=body, headers=headers)
                client.post(CHAT, json={**QUESTION, "model": shown, "seed": 3}, headers=headers)
                client.post(CHAT, json={**QUESTION, shown: shown}, headers=headers)
                client.post(CHAT, content=f'{{"{shown}": '.encode(), headers=headers)
                client.post(CHAT, content=f"{shown}".encode(), headers=headers)
                client.put(CHAT, headers=headers)
                client.get("/v1/usage", params={"key": shown}, headers=headers)
                client.get("/v1/models", headers={**headers, "Origin": f"https://{shown}.example"})
                client.get("/nothing", headers={**headers, "Cookie": f"key={shown}"})
        for secret in (ADMIN_SECRET, self.wrong_admin_secret):
            headers = {"X-Admin-Secret": secret}
            client.get("/admin/api-keys", params={"cursor": "x"}, headers=headers)
            client.post("/admin/api-keys", content=b"{", headers=headers)
            client.get("/admin/usage", headers={**headers, "CF-Ray": "1"})


@contextmanager
def no_secret_in_processes(gateway: GatewayProcess, session: Session) -> Iterator[None]:
    yield
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        for text in session.secrets:
            assert text not in words
    assert gateway.running is not None
    own = gateway.running.process.pid
    for process in family(own):
        with contextlib.suppress(psutil.NoSuchProcess):  # the database's come and go
            if process.pid != own:  # its children need not know what it knows
                assert ADMIN_SECRET not in str(process.environ())


def files_that_hold(folder: Path, texts: list[str]) -> dict[str, str]:
    """Path and text of each find, in files of any kind."""
    found: dict[str, str] = {}
    looked = 0
    for path in folder.rglob("*"):
        if path.is_file():
            looked += 1
            data = b""
            with contextlib.suppress(FileNotFoundError):  # a running database removes some
                data = path.read_bytes()
            found |= {
                str(path.relative_to(folder)): text for text in texts if text.encode() in data
            }
    assert looked > 3
    return found


async def rows_that_hold(dsn: str, texts: list[str]) -> list[str]:
    """Every row of every table, as text, in which one of the texts stands."""
    connection = await asyncpg.connect(dsn)
    found: list[str] = []
    looked = 0
    try:
        tables = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        for table in tables:
            rows = await connection.fetch(f"select t::text as row from {table['name']} t")
            looked += len(rows)
            found += [row["row"] for row in rows if any(text in row["row"] for text in texts)]
    finally:
        await connection.close()
    assert looked > 10
    return found


@pytest.mark.parametrize("debug", ["false", "true"])
def test_no_secret_stands_in_a_log_a_file_or_a_command_line(
    upstream: FakeUpstream, debug: str
) -> None:
    """With the embedded Postgres: its tables, its log of changes and its own log are files too."""
    with served(upstream.url, DEBUG=debug, **OWN_PYTHON) as gateway:
        session = Session(gateway.url, upstream)
        with no_secret_in_processes(gateway, session):
            assert files_that_hold(gateway.data_dir.parent, session.secrets) == {}
            assert gateway.running is not None
            said = gateway.running.output
        # The search finds what is there.
        for text in ("a session", "localllm"):
            assert files_that_hold(gateway.data_dir.parent, [text])
    assert ("POST /v1/chat/completions" in said) == (debug == "true")
    for text in session.secrets:
        assert text not in said
    assert "earer " not in said
    assert "uthorization" not in said


def test_no_secret_stands_in_any_row(upstream: FakeUpstream, dsn: str) -> None:
    with served(upstream.url, dsn) as gateway:
        session = Session(gateway.url, upstream)
        assert asyncio.run(rows_that_hold(dsn, session.secrets)) == []
    assert asyncio.run(rows_that_hold(dsn, session.secrets)) == []
    # What is kept of a key instead: its hash, and so much of it that its owner knows it again.
    assert asyncio.run(rows_that_hold(dsn, [keys.hash_key(session.key)]))
    assert asyncio.run(rows_that_hold(dsn, [keys.display_prefix(session.key)]))


def test_up_keeps_the_admin_secret_in_one_file_of_the_owner_and_the_key_nowhere(
    upstream: FakeUpstream, home: Path
) -> None:
    gateway = GatewayProcess(home, upstream.url, ADMIN_SECRET="")
    asyncio.run(gateway.start("up"))
    try:
        assert gateway.running is not None
        key = gateway.running.wait_for(r"\n  (llm_\w+)\n")[1]
        with connect(gateway.url) as client:
            assert client.post(CHAT, json=QUESTION, headers=bearer(key)).status_code == 200
        file = gateway.data_dir / "admin-secret"
        secret = file.read_text().strip()
        assert secret not in gateway.running.output
        assert asyncio.run(gateway.stop()) == 0
    finally:
        if gateway.running is not None:
            gateway.running.kill()
    assert file.stat().st_mode & 0o777 == 0o600
    assert files_that_hold(home, [secret, key]) == {str(file.relative_to(home)): secret}
    for path in [gateway.data_dir, *gateway.data_dir.rglob("*")]:
        if path.suffix == ".slots":
            assert path.stat().st_mode & 0o077 == 0, path


ADMIN_ROUTES = [
    ("GET", "/admin/api-keys"),
    ("POST", "/admin/api-keys"),
    ("PATCH", "/admin/api-keys/00000000-0000-0000-0000-000000000000"),
    ("DELETE", "/admin/api-keys/00000000-0000-0000-0000-000000000000"),
    ("POST", "/admin/api-keys/00000000-0000-0000-0000-000000000000/rotate"),
    ("GET", "/admin/usage"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
@pytest.mark.parametrize("mark", ["CF-Ray", "cf-connecting-ip", "CDN-Loop"])
def test_an_admin_route_does_not_answer_through_the_tunnel(
    gateway: GatewayProcess, method: str, path: str, mark: str
) -> None:
    with connect(gateway.url) as client:
        for secret in (ADMIN_SECRET, "wrong"):
            headers = {"X-Admin-Secret": secret, mark: "anything"}
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "permission_denied"


def test_an_owner_may_let_admin_routes_answer_through_the_tunnel(
    upstream: FakeUpstream, dsn: str
) -> None:
    headers = {"X-Admin-Secret": ADMIN_SECRET, "CF-Ray": "1"}
    with (
        served(upstream.url, dsn, ADMIN_THROUGH_TUNNEL="true") as gateway,
        connect(gateway.url) as client,
    ):
        assert client.get("/admin/api-keys", headers=headers).status_code == 200
        headers["X-Admin-Secret"] = "wrong"
        assert client.get("/admin/api-keys", headers=headers).status_code == 401


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
def test_an_admin_route_wants_the_secret(
    gateway: GatewayProcess, key: str, method: str, path: str
) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"X-Admin-Secret": ""},
        {"X-Admin-Secret": ADMIN_SECRET[:-1]},
        {"X-Admin-Secret": ADMIN_SECRET + "x"},
        {"X-Admin-Secret": ADMIN_SECRET.upper()},
        {"X-Admin-Secret": "\xff".encode("latin-1")},
        {"Authorization": f"Bearer {ADMIN_SECRET}"},
        bearer(key),
    ]
    # An address of its own for each route: so many failures from one would lock it out.
    own = httpx.HTTPTransport(local_address=f"127.0.1.{ADMIN_ROUTES.index((method, path))}")
    with httpx.Client(base_url=gateway.url, transport=own, trust_env=False) as client:
        for headers in wrong:
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_admin_secret"


def test_the_admin_secret_is_compared_in_constant_time_and_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    class Watched:
        @staticmethod
        def compare_digest(a: bytes, b: bytes) -> bool:
            compared.append((a, b))
            return hmac.compare_digest(a, b)

    async def ask() -> int:
        with bare_gateway(tmp_path) as gateway:
            async with bare_served(gateway) as url, httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"{url}/admin/usage", headers={"X-Admin-Secret": "s"})
                return answer.status_code

    monkeypatch.setattr(login, "hmac", Watched)
    assert asyncio.run(ask()) == 503  # there is no database to count the failure
    [(shown, expected)] = compared
    assert len(shown) == len(expected) == 32  # hashes: their length tells nothing
